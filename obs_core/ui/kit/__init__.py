"""Building blocks for any page, independent of the log: number formats, tables, cards and links."""
