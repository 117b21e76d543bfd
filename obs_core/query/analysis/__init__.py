"""Pure computations on rows and answers: trace trees, critical paths, exceptions, significance."""
