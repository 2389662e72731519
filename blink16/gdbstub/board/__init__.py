"""The board: an ELF made by us, in which gdb finds names, lines and how to unwind frames."""

from blink16.gdbstub.board.file import Board, Program, build

__all__ = ["Board", "Program", "build"]
