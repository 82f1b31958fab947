"""Journey: what there is and what it costs, in sums. Writes nothing."""
