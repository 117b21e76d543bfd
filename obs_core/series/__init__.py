"""What `watch` keeps ready while it follows the log; all of it can be deleted and is rebuilt."""
