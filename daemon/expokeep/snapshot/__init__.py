"""Journey out: from a session's disk to a version that everybody can see."""
