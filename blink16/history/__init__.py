"""Time travel: the ring of checkpoints, the log of inputs, and the timeline made of them."""

from blink16.history.terms import HistorySize, Hit, Interrupted, ReplayError, TimelineError
from blink16.history.timeline import Timeline

__all__ = ["HistorySize", "Hit", "Interrupted", "ReplayError", "Timeline", "TimelineError"]
