"""expokeep: makes the projects of an AI app builder permanent.

The house and its rooms are drawn in docs/ARCHITECTURE.md.
"""

__version__ = "0.1.0"
