"""A program as its programmer wrote it: source lines, variables, types, expressions."""

from blink16.client.program.expressions import assign, evaluate
from blink16.client.program.grammar import ExpressionError
from blink16.client.program.lines import LineSpan, ProgramMap
from blink16.client.program.read import read_program
from blink16.client.program.scene import Scene
from blink16.client.program.types import ValueType
from blink16.client.program.values import Place, TypedValue
from blink16.client.program.view import FrameView

__all__ = [
    "ExpressionError",
    "FrameView",
    "LineSpan",
    "Place",
    "ProgramMap",
    "Scene",
    "TypedValue",
    "ValueType",
    "assign",
    "evaluate",
    "read_program",
]
