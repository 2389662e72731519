"""A hook of mkdocs: reference pages on the wire, the systems' calls, ports and notices."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from blink16.bios.geometry import SECTOR_SIZE
from blink16.devices.cards import Cards
from blink16.dos.calls import CALLS as DOS_CALLS
from blink16.elks.calls import HANDLERS as ELKS_CALLS
from blink16.gdbstub.commands import packets as known_packets
from blink16.gdbstub.commands.fields import MalformedError
from blink16.lacks import Kind
from blink16.setup import loader
from blink16.setup.pc import PcSetup

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files

NOTICES: Mapping[Kind, str] = {
    Kind.INSTRUCTION: "an instruction of a later processor, which this one takes for another",
    Kind.PORT: "a port that no device owns, at its first use",
    Kind.DEVICE_FUNCTION: "what a device of this name can't do, though programs rely on it",
    Kind.POLLED_PORT: "a loop that waits for such a port",
    Kind.ROM_WRITE: "a write to ROM, or to addresses where there is no memory",
    Kind.VIDEO_MODE: "a video mode that the adapter hasn't got",
    Kind.BIOS_FUNCTION: "a function of the BIOS that this one hasn't got",
    Kind.SYSTEM_FUNCTION: "a call of DOS or ELKS that is not served",
    Kind.INTERRUPT: "an interrupt whose vector leads nowhere",
    Kind.VECTOR_TABLE: "a jump into the interrupt vectors",
    Kind.EMPTY_MEMORY: "a run through zeros: a wrong jump or return led there",
}


_NAME = re.compile(r"^([!?]|[0-9A-F]{2}h|[A-Za-z]+): ")
"""The packet or the call that a docstring is about, where the table names it."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages."""
    from mkdocs.structure.files import File

    for name, make in PAGES.items():
        files.append(File.generated(config, f"reference/{name}.md", content=make()))
    return files


def packets() -> str:
    """The packets of the remote protocol."""
    lines = ["# Packets", "", "What the stub understands of the GDB remote protocol; whatever else"]
    lines += ["comes is answered by an empty packet. Those with `blink16` in their names are our"]
    lines += ["own, announced in `qSupported`.", "", "| packet | what it is | announced as |"]
    lines += ["|---|---|---|"]
    for name, syntax in sorted(known_packets().items()):
        features = ", ".join(f"`{one}`" for one in (syntax.feature or "").split(";") if one)
        lines.append(f"| `{name}` | {_meaning(syntax.parse)} | {features} |")
    return "\n".join([*lines, ""])


def _meaning(parse: Callable[[bytes], Any]) -> str:
    """Return what a packet's command says of itself."""
    told = get_type_hints(parse).get("return")
    kinds = get_args(told) or (told,)
    if not isinstance(kinds[0], type):  # one without fields
        with suppress(MalformedError):
            kinds = (type(parse(b"")),)
    return _first(kinds[0])


def calls() -> str:
    """The calls of the systems."""
    lines = ["# Calls of DOS and ELKS", "", "What is not here is told to the user once"]
    lines += ["([notices](notices.md)). A call that other programs hook is theirs.", ""]
    lines += ["## DOS: INT 21h", "", "| AH | what it does |", "|---|---|"]
    lines += [f"| {number:02X}h | {_first(call)} |" for number, call in sorted(DOS_CALLS.items())]
    lines += ["", "## ELKS: INT 80h", "", "| AX | call | what it does |", "|---|---|---|"]
    for call in sorted(ELKS_CALLS):
        lines.append(f"| {call.value} | `{call.name.lower()}` | {_first(ELKS_CALLS[call])} |")
    return "\n".join([*lines, ""])


def ports() -> str:
    """The ports of the PCs."""
    lines = ["# Ports", "", "Who answers at which port, in hex. A port that nobody owns reads FFh,"]
    lines += ["and is told of once ([notices](notices.md)).", ""]
    cards = Cards(joystick=True, mouse=True, ems=True)
    for name, fitted in (("xt", cards), ("at", cards._replace(at=True, ps2mouse=True))):
        lines += [f"## `--machine-type {name}`, all cards", "", "| ports | device |", "|---|---|"]
        lines += [f"| {span} | {device} |" for span, device in _owners(fitted)]
        lines.append("")
    return "\n".join(lines)


def _owners(cards: Cards) -> Iterator[tuple[str, str]]:
    sector = loader.Program("boot.img", loader.ProgramKind.BOOT, _sector())
    options = loader.Options(setup=PcSetup(cards=cards))
    names = loader.load(sector, (), options).machine.bus.names
    runs = groupby(enumerate(sorted(names)), lambda at: (at[1] - at[0], names[at[1]]))
    for (_, device), run in runs:
        found = [port for _, port in run]
        yield "-".join(f"{port:03X}" for port in dict.fromkeys((found[0], found[-1]))), device


def _sector() -> bytes:
    return b"\xeb\xfe".ljust(SECTOR_SIZE - 2, b"\0") + b"\x55\xaa"


def notices() -> str:
    """What is told when a guest uses what the machine lacks."""
    lines = ["# Notices", "", "What the machine lacks and its guest really uses is told once, with"]
    lines += ["the place, the instruction, what would help and the instant. `--strict` stops"]
    lines += ["there, forward and backward.", "", "| kind | told of |", "|---|---|"]
    lines += [f"| {kind.value} | {NOTICES[kind]} |" for kind in Kind]
    return "\n".join([*lines, ""])


def _first(known: object) -> str:
    """Return the first paragraph of a docstring, without the name that it may begin with."""
    known = known.func if isinstance(known, partial) else known
    about = " ".join((inspect.getdoc(known) or "").partition("\n\n")[0].split())
    return _NAME.sub("", about).replace("|", "\\|")


PAGES: Mapping[str, Callable[[], str]] = {
    "packets": packets,
    "calls": calls,
    "ports": ports,
    "notices": notices,
}
