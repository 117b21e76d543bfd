"""Cards about series and silent processes that several pages share."""
