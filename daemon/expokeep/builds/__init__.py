"""Builds as their owners see them: what there is, how much there may be, until when."""
