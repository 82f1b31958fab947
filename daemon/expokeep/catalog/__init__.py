"""Station: Postgres. What is kept, who owns it, and where its bytes are."""
