"""The board: an ELF made by us, in which gdb finds names, lines and how to unwind frames."""

from blink16.board.file import Board, ProgramFacts, build
from blink16.board.libraries import BoardLibrary
from blink16.board.shelf import Shelf

__all__ = ["Board", "BoardLibrary", "ProgramFacts", "Shelf", "build"]
