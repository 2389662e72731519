"""What was typed and does nothing, as the table of options has it (`parsing.Use`).

A folder's ``blink16.toml`` is for all of its programs, so what stands there is not told.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from functools import partial, reduce
from operator import or_

from blink16.cli.parsing import Option, OptionTable, Use
from blink16.setup.loader import ProgramKind

LENT = ("--display", "--mhz", "--console")
"""Those of machines that say nothing else, too, where they stand before the first of them."""
_OF_KIND = {
    ProgramKind.ELKS: Use.ELKS,
    ProgramKind.DOS_COM: Use.DOS,
    ProgramKind.DOS_EXE: Use.DOS,
    ProgramKind.BOOT: Use.BOOT,
}
_CALLED = {
    Use.ELKS: "an ELKS program",
    Use.DOS: "a DOS program",
    Use.BOOT: "a disk that is booted",
    Use.BIOS: "a BIOS of your own",
    Use.REPLAY: "a recording",
}


def use_of(kind: ProgramKind, machine: argparse.Namespace) -> Use:
    """Return for what a machine's options do something."""
    return Use.BIOS if kind is ProgramKind.BOOT and machine.bios is not None else _OF_KIND[kind]


def without(
    tables: Sequence[OptionTable], typed: argparse.Namespace, uses: Sequence[Use]
) -> Iterator[str]:
    """Yield a line for each of a command's machines where something does nothing, and for all.

    ``uses``: PROGRAM's, if there is one, then those of the machines that were typed behind it.
    """
    options = [option for table in tables for option in table.options]
    if len(uses) > 1:
        owners = [typed, *typed.machine][-len(uses) :]
        for owner, use in zip(owners, uses, strict=True):
            yield from _line(filter(partial(is_own, typed, owner), options), owner, [use])
        options = [option for option in options if not is_own(typed, typed, option)]
    elif getattr(typed, "machine", None):
        yield from _line(options, typed.machine[0], uses)
        options = [option for option in options if not is_own(typed, typed, option)]
    yield from _line(options, typed, uses)


def is_own(typed: argparse.Namespace, owner: argparse.Namespace, option: Option) -> bool:
    """Whether an option belongs to the one machine behind whose words it stands."""
    return option.own and (owner is not typed or option.names[0] not in LENT)


def said(options: Iterable[Option], typed: argparse.Namespace) -> list[str]:
    """Return the names of those options that were typed, and say more than their absence."""
    return [option.names[0] for option in options if _is_said(option, typed)]


def _line(
    options: Iterable[Option], typed: argparse.Namespace, uses: Sequence[Use]
) -> Iterator[str]:
    all_uses = reduce(or_, uses)
    names = said((option for option in options if not option.use & all_uses), typed)
    if names:
        for_whom = " or ".join(_CALLED[use] for use in dict.fromkeys(uses))
        yield f"{listed(names)} {'does' if len(names) == 1 else 'do'} nothing for {for_whom}"


def _is_said(option: Option, typed: argparse.Namespace) -> bool:
    name = option.into or option.names[-1].lstrip("-").replace("-", "_")
    value = getattr(typed, name, None)
    return value is not None and value is not False and value not in ([], option.default)


def listed(names: Sequence[str]) -> str:
    """Return names as a sentence has them."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
