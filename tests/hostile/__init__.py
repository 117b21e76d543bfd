"""Odd rows, logs, spools, requests and files against every page and every command."""
