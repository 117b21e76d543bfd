"""One module per import format, found by `registry`; `spans` maps their neutral parts to rows."""
