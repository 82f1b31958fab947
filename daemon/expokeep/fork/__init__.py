"""Versions without a directory: made of what is kept already."""
