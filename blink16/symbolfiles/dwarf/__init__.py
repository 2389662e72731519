"""What a toolchain told of a program, as DWARF: so gdb lists, steps and prints 16-bit code.

gdb knows neither near pointers nor BP as an offset in a segment, and it judges prologues by
32-bit rules.  So:

- Addresses are linear.  A local's is computed from the BP and SS of its frame; at a function's
  first instruction, where BP is still the caller's, a parameter's from SP.
- A variable that is a pointer is computed: its value is the linear address that it means, so that
  ``*p`` and ``p->x`` are right.  It can't be assigned to.  Pointers within structures and arrays
  are shown as the numbers that they are, of a type whose name says so; gdb refuses to follow them.
- A function's ranges begin behind its prologue, as its second line shows it: there gdb puts its
  breakpoints, if it trusts the compiler to say where variables are at any instruction (see
  `blink16.board.dwarf`).  The language is "assembler", so that gdb leaves its own rules alone.
- What comes back in DX:AX is not shown by `finish`, which looks for it in EAX.

Source: DWARF Debugging Information Format, version 4.
"""

from blink16.symbolfiles.dwarf.units import convert

__all__ = ["convert"]
