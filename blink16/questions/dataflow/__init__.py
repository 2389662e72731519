"""Where values come from: backward through moves and arithmetic, over the whole history."""

from blink16.questions.dataflow.origin import Chain, End, ProgramFile, Step, origin
from blink16.questions.dataflow.writings import Writer

__all__ = ["Chain", "End", "ProgramFile", "Step", "Writer", "origin"]
