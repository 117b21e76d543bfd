"""Answers become pictures: frames in, Altair out."""
