"""Way in: the process that a daemon starts for each run of a hook."""
