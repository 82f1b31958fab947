"""A real Postgres and a real S3 server as child processes, for `expokeepd --embedded`.

Knows how to start, find again and end them. Speaks neither SQL nor S3: it says how to
reach the servers, and whoever asks brings a driver.
"""
