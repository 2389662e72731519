"""The board: ELFs made by us, in which gdb finds names, lines and how to unwind frames."""

from blink16.board.file import Board, build
from blink16.board.libraries import BoardLibrary, Titles
from blink16.board.shelf import Shelf
from blink16.board.survey import ProgramFacts

__all__ = ["Board", "BoardLibrary", "ProgramFacts", "Shelf", "Titles", "build"]
