"""The nouns, pure: no file, no network, no clock."""
