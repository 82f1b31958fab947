"""A command on each version, in a cell: no network, no rights, nothing of ours."""
