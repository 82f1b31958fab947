"""Station: the bytes of a pack. No session directory, no store, no catalog.

The format is told in `docs/FORMAT.md`, so that others can read it without this program.
"""
