"""Alert rules: the kinds of rules, how rules are parsed, and where they are stored."""
