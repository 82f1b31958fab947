"""Journey: what was kept, asked. Reads the catalog and contents, and writes nothing."""
