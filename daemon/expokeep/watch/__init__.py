"""Station: tells which session changed, and when it has become quiet.

Events are hints, never facts: what changed is found out by a scan of the session.
"""
