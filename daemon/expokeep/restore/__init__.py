"""Journey home: from a version to a directory that is proved and complete."""
