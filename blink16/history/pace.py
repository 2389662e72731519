"""How far apart checkpoints are: by what it costs to run from one to the next.

The engines differ by a factor of ten thousand, and so do guests in the pages they write.  So
spacing is measured in seconds and translated into instructions at the pace last seen.  What
a machine does never depends on this; only how long it takes to go back does.
"""

from __future__ import annotations

SPACING_SECONDS = 0.0007
"""What running from one checkpoint to the next should cost."""
FINE_SECONDS = 0.0001
"""The same near where the user is, where each step back starts from a checkpoint anew."""
LATE = 4
"""After so many times as long, one is due however few the instructions were: of those that take
long, such as a REP INS of 64 KiB, none is to be done again to come to the next."""
OVERHEAD = 16
"""A checkpoint may cost one part in so many of the run between two."""
WORTH = 4
"""One on the way to a goal is to save so many times what it costs."""
SLICE_SECONDS = 0.02
"""What one call of the machine may take at most: then requests to stop are looked at."""
MIN_INTERVAL = 16
MAX_INTERVAL = 1 << 26
MAX_SLICE = 1 << 23
"""A guest that ran fast may turn to something a hundred times slower."""
_START_RATE = 20_000.0  # instructions a second; soon replaced by what is measured
_OVERHEAD_SECONDS = 0.00005  # of a call; what is shorter tells only that the pace is no less
_GROWTH = 4.0
_WEIGHT = 0.25
_RISE, _FALL = 0.05, 0.5
"""What others do on this computer makes a checkpoint dearer now and then, but never cheaper."""


class Pace:
    """Measures how fast the machine runs and what a checkpoint costs."""

    def __init__(self) -> None:
        self._rate = _START_RATE
        self._checkpoint_seconds = 0.0
        self.late = 0.0
        """Seconds of running after which a checkpoint is due, however few the instructions were."""
        self.interval = self.fine = self.far = self.slice = MIN_INTERVAL
        """Instructions between two checkpoints; the same near where the user is; those of a way
        whose middle is worth one; and those to run before looking at requests again."""
        self._settle()

    def ran(self, instructions: int, seconds: float) -> None:
        """Take account of a run."""
        sample = min(instructions / max(seconds, _OVERHEAD_SECONDS), self._rate * _GROWTH)
        is_telling = seconds > _OVERHEAD_SECONDS and instructions >= MIN_INTERVAL
        if is_telling or sample > self._rate:
            self._rate += (sample - self._rate) * _WEIGHT
            self._settle()

    def checkpointed(self, seconds: float) -> None:
        """Take account of a checkpoint."""
        more = seconds - self._checkpoint_seconds
        self._checkpoint_seconds += more * (_RISE if more > 0 else _FALL)
        self._settle()

    def seconds(self, instructions: int) -> float:
        """Return how long so many instructions take, about."""
        return instructions / self._rate

    def stride(self, way: int) -> int:
        """Return how much of a way to go before the next checkpoint: half of it, or, where that
        saves less than it costs, as far as steps back are quick from there.
        """
        if way > self.far:
            return way - way // 2
        return way - self.fine if way > self.fine else way

    def _settle(self) -> None:
        """Say in instructions what follows from what was measured."""
        seconds = max(SPACING_SECONDS, OVERHEAD * self._checkpoint_seconds)
        self.late = LATE * seconds
        self.interval = self._instructions(seconds)
        self.fine = self._instructions(FINE_SECONDS)
        self.far = self._instructions(2 * max(FINE_SECONDS, WORTH * self._checkpoint_seconds))
        self.slice = min(MAX_SLICE, self._instructions(SLICE_SECONDS))

    def _instructions(self, seconds: float) -> int:
        return min(MAX_INTERVAL, max(MIN_INTERVAL, int(seconds * self._rate)))
