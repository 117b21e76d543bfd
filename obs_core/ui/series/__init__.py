"""Cards about series and silent processes, used by several pages."""
