"""Way in: expokeep, the control utility. Parse, ask, print; decisions are elsewhere."""
