"""Calls become rows: the part of this product that runs inside traced programs. Standard library only."""
