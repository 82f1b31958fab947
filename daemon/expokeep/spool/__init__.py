"""Station: our own disk. What is packed and not yet both in the bucket and recorded."""
