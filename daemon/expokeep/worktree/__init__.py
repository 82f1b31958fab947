"""Station: the disk of a session. Reads what is there, and puts back what was."""
