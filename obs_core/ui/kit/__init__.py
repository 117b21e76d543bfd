"""Building blocks that know nothing of the log: formats, tables, cards, navigation."""
