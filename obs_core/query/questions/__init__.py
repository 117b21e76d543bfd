"""The questions: one module per subject, one function per SQL file."""
