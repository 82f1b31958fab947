"""The journey back: a catalog made anew of what the bucket holds."""
