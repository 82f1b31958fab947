"""Station: the bucket. Objects go in once, and come out by range.

`base` is what everybody asks for; `s3` is the only door of boto3 and is imported by
`wiring` alone, so that a command that needs no bucket never pays for it.
"""
