"""The journey of proof: what the catalog names against what the bucket holds."""
