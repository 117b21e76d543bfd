"""Computations on answers: trace trees, critical paths, significance."""
