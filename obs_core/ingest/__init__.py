"""Reads traces of other programs into rows: from files (`files`, `archives`) and over HTTP (`receiver`)."""
