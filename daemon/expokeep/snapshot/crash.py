"""The same as `expokeep.crash`, under the name that it had."""

from expokeep.crash import FORGETTING, POINTS, SNAPSHOT, arm, point

__all__ = ["FORGETTING", "POINTS", "SNAPSHOT", "arm", "point"]
