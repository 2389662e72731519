"""Watcom's own debugging information: the section of a program, its symbols, its types."""

from blink16.symbolfiles.watcom.section import find, parse

__all__ = ["find", "parse"]
