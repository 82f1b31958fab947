"""Way in: expokeepd, the daemon."""
