"""One module per import format; each turns other programs' traces into rows."""
