"""The history of a machine: the door to `blink16.history`."""

from blink16.history.terms import HistorySize, Hit, Interrupted, ReplayError, TimelineError
from blink16.history.timeline import Timeline

__all__ = ["HistorySize", "Hit", "Interrupted", "ReplayError", "Timeline", "TimelineError"]
