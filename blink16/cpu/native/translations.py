"""The regions of one machine: which code is translated, and when that is no longer true.

Hot code is copied and translated in the compiler's thread while the guest runs on.  Whatever
comes back is compared with memory before it is used, since the code may have changed meanwhile,
even while it was copied.
"""

from __future__ import annotations

import hashlib
import logging
import struct
import threading
import weakref
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from blink16.cpu.native import noting, slots
from blink16.cpu.native.blocks import CodeCopy, RegionPlan, follow
from blink16.cpu.native.board import port_functions
from blink16.cpu.native.compiler import Library, submit
from blink16.cpu.native.handler import HANDLER, handler_of
from blink16.cpu.native.layout import CS_SHIFT, ENTRIES_OFFSET, HOT_LIMIT, HOT_OFFSET
from blink16.cpu.native.loading import Core
from blink16.cpu.native.region import NAME, STEPS, RegionFunction, module_text
from blink16.cpu.native.runtime import HELPERS, HOT, PATHS
from blink16.cpu.native.steps import StepsFunction
from blink16.cpu.registers import Cell, Registers
from blink16.memory import (
    MEMORY_SIZE,
    PAGE_SHIFT,
    SCRATCH_OFFSET,
    Attribute,
    Memory,
    PageState,
    linear,
)

LOG = logging.getLogger("blink16")
LEVEL = 2
"""How much LLVM optimises a region."""
ROUNDS = 256
"""So many times `HOT_LIMIT` jumps make code worth translating: that takes tens of milliseconds, in
which the interpreter executes ten million instructions."""
HANDLER_ROUNDS = 64
"""The same of a timer's handler, which gains more; and its parts are not hot before it is."""
STEPPED_ROUNDS = 4096
"""The same of what is in the midst of a region's block, which that goes on from (`steps`)."""
MAX_PENDING = 1024
"""Hot addresses that may wait for the compiler."""
TOGETHER = 10_000
"""Within so many instructions, hot code belongs together."""
MAX_LIBRARIES = 2048
"""Compiled regions that are kept for other machines and for later."""
SHORT_LIFE = 10_000_000
"""A region that lived for fewer instructions than this changes too often."""
MAX_CHANGES_OF_CODE = 3
"""So often a byte may change before its instruction is left to the interpreter."""
MANY_BYTES = 32
"""If so many bytes changed at once, it was another program being loaded."""
CODE_TOLD = 32
"""Bytes of code that are told where it can't be translated."""
_POINTS = Attribute.BREAKPOINT | Attribute.SERVICE


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """A region: code that is the native form of some bytes."""

    cs: int
    code: tuple[tuple[int, bytes], ...]
    """Its bytes: linear addresses and what lies there."""
    starts: tuple[int, ...]
    """Linear addresses of its instructions."""
    entries: tuple[int, ...]
    steps: tuple[int, ...]
    """Linear addresses where its instructions can be begun one by one (`StepsFunction`)."""
    watching: bool
    library: Library

    def way_in(self, name: str) -> int:
        """Return what the table of entries has for a function (`layout.ENTRIES_OFFSET`)."""
        return self.library.addresses[name] | self.cs << CS_SHIFT

    def pages(self) -> set[int]:
        """Return the pages on which it has code."""
        ends = ((start, start + len(data) - 1) for start, data in self.code)
        return {p for a, b in ends for p in range(a >> PAGE_SHIFT, (b >> PAGE_SHIFT) + 1)}

    def differences(self, memory: Memory) -> list[int]:
        """Return the linear addresses where memory has other code by now."""
        return [
            start + offset
            for start, data in self.code
            if memory.ram[start : start + len(data)] != data
            for offset, byte in enumerate(data)
            if memory.ram[start + offset] != byte
        ]

    def has_points(self, memory: Memory) -> bool:
        """Whether a breakpoint or service stands in its way."""
        return any(memory.attributes[start] & _POINTS for start in self.starts)


MakeRegion = Callable[[CodeCopy, RegionPlan, bool], Sequence[RegionFunction]]
"""Emits a region's functions: of which code, and whether they look for watched loads."""


def _region(segment: CodeCopy, flow: RegionPlan, watching: bool) -> Sequence[RegionFunction]:
    make = RegionFunction, StepsFunction
    functions = [function(segment.model, flow, watching) for function in make]
    return functions if watching else functions + handler_of(segment, flow)


class _Wanted(NamedTuple):
    """Hot code that waits for the compiler."""

    icount: int
    """When it became hot."""
    cs: int
    ip: int
    ds: int
    """Where data were."""
    vector: int
    """The last timer's interrupt."""
    is_handler: bool
    """Whether that led here."""


class Translator:
    """Compiles regions, in the compiler's thread; equal ones only once in a process."""

    _libraries: ClassVar[OrderedDict[tuple[int, bytes], Library]] = OrderedDict()
    """By the interpreter that they are linked to, and a digest of their text."""

    def __init__(self, core: Core, make: MakeRegion) -> None:
        self._core = core
        self._make = make
        more = noting.HELPERS if core.probed else ()
        names = (*HELPERS, *HOT, *port_functions(core.board), *PATHS, *more)
        self._symbols = {name: core.symbols[name] for name in names}

    def translate(self, segment: CodeCopy, entry: int, watching: bool) -> Region | None:
        """Return the region of an offset, or None if there is nothing to gain."""
        flow = follow(segment, entry)
        if not flow.entries:
            return None
        functions = self._make(segment, flow, watching)
        library = self._compile(module_text(functions), [f.symbol for f in functions])
        offsets = {ip for place in flow.places() for ip in range(place.ip, place.end)}
        code = {segment.linear(ip): segment.code[ip] for ip in offsets}
        starts = tuple(segment.linear(place.ip) for place in flow.places())
        entries = tuple(segment.linear(ip) for ip in sorted(functions[0].entries))
        stepped = {ip for function in functions[1:2] for ip in function.entries - flow.entries}
        steps = tuple(segment.linear(ip) for ip in sorted(stepped))
        return Region(segment.cs, _spans(code), starts, entries, steps, watching, library)

    def _compile(self, text: str, names: Sequence[str]) -> Library:
        key = self._core.symbols["step"], hashlib.sha256(text.encode()).digest()
        library = self._libraries.get(key)
        if library is None:
            image = self._core.compiler.compile(text, LEVEL)
            library = self._core.compiler.link(image, names, self._symbols)
            self._libraries[key] = library
            if len(self._libraries) > MAX_LIBRARIES:
                self._libraries.popitem(last=False)
        self._libraries.move_to_end(key)
        return library


def _spans(code: dict[int, int]) -> tuple[tuple[int, bytes], ...]:
    """Return bytes by address as runs of neighbours."""
    spans: list[tuple[int, bytearray]] = []
    for address in sorted(code):
        if not spans or spans[-1][0] + len(spans[-1][1]) != address:
            spans.append((address, bytearray()))
        spans[-1][1].append(code[address])
    return tuple((start, bytes(data)) for start, data in spans)


class Translations:
    """What is translated in one machine.  All but `translate_next` is for the engine's thread."""

    def __init__(
        self,
        core: Core,
        registers: Registers,
        memory: Memory,
        make: MakeRegion = _region,
    ) -> None:
        self.watching = False
        """Whether regions look for watched loads: a read watch is set."""
        self._core = core
        self._memory = memory
        self._translator = Translator(core, make)
        state, self._cells = registers.state, registers.cells
        self._wake, self._icount = slots.WAKE.view(state), slots.ICOUNT.view(state)
        self._change_count, self._changed = slots.CHANGES.view(state), slots.CHANGED.view(state)
        self._vector, self._handler = slots.VECTOR.view(state), slots.HANDLER.view(state)
        self._handler[0] = 0
        scratch = memory.scratch
        self._hot = scratch[HOT_OFFSET - SCRATCH_OFFSET :][:MEMORY_SIZE]
        self._table = scratch[ENTRIES_OFFSET - SCRATCH_OFFSET :].cast("Q")
        self._born: dict[Region, int] = {}
        self._by_page: dict[int, set[Region]] = {}
        self._owners: dict[int, Region] = {}
        self._steppers: dict[int, Region] = {}
        """Whose steps the table has, by linear address, unless another region begins there."""
        self._rounds: Counter[int] = Counter()
        self._pending: set[int] = set()
        self._waiting: list[_Wanted] = []
        self._ready: deque[tuple[int, Region | None]] = deque()
        self._changes: Counter[int] = Counter()
        self._unstable: frozenset[int] = frozenset()

    def __len__(self) -> int:
        return len(self._born)

    def entries(self) -> frozenset[int]:
        """Return the linear addresses where translated code can be entered."""
        return frozenset(self._owners)

    # -- making regions ----------------------------------------------------------------------

    def warmer(self, cs: int, ip: int) -> None:
        """Count `HOT_LIMIT` more jumps to an address."""
        address = linear(cs, ip)
        self._rounds[address] += 1
        enough = STEPPED_ROUNDS if address in self._steppers else ROUNDS
        if self._rounds[address] < (HANDLER_ROUNDS if self._handles_ticks(cs, ip) else enough):
            self._hot[address] = 1
        else:
            self.hot(cs, ip)

    def _handles_ticks(self, cs: int, ip: int) -> bool:
        """Whether the last timer's interrupt leads to an address."""
        at = 4 * self._vector[0]
        return bytes(self._memory.ram[at : at + 4]) == struct.pack("<HH", ip, cs)

    def hot(self, cs: int, ip: int) -> None:
        """Have the code at an address translated that is often jumped to."""
        address = linear(cs, ip)
        if address in self._pending:
            return
        if len(self._pending) >= MAX_PENDING:
            self._hot[address] = HOT_LIMIT // 2
            return
        self._pending.add(address)
        ds, vector, is_handler = self._cells[Cell.DS], self._vector[0], self._handles_ticks(cs, ip)
        self._waiting.append(_Wanted(self._icount[0], cs, ip, ds, vector, is_handler))
        if len(self._pending) == 1:
            self._submit()

    def _submit(self) -> None:
        """Ask for the compiler; with one request at a time, machines take turns."""
        me = weakref.ref(self)
        submit(lambda: _translate_next(me))

    def _next_wanted(self) -> _Wanted:
        """Take the latest hot code out, and of what became hot together what comes first.

        But a timer's handler before all, or its parts would be translated one by one.
        """
        waiting = self._waiting
        together = waiting[-1].icount - TOGETHER
        handlers = [n for n, wanted in enumerate(waiting) if wanted.is_handler]
        latest = (n for n, wanted in enumerate(waiting) if wanted.icount >= together)
        return waiting.pop(handlers[0] if handlers else next(latest))

    def translate_next(self) -> None:
        """Translate the latest hot code, in the compiler's thread, and tell the engine."""
        _, cs, ip, ds, vector, _ = self._next_wanted()
        translated = None
        address = linear(cs, ip)
        try:
            if address not in self._owners:
                core = self._core
                begun = frozenset(self._owners)
                copied = core.model, core.board, self._memory, cs, ds
                segment = CodeCopy(*copied, self._unstable, begun, vector)
                translated = self._translator.translate(segment, ip, self.watching)
        except Exception:  # whatever it is, the guest runs on, and other code is compiled
            code = _code_at(self._memory, address)
            LOG.exception("code at %04X:%04X stays interpreted: %s", cs, ip, code.hex(" "))
        self._ready.append((address, translated))
        self._wake[0] = 1

    def take_ready(self) -> None:
        """Use what the compiler's thread has finished."""
        self._wake[0] = 0
        while self._ready:
            address, translated = self._ready.popleft()
            self._pending.discard(address)
            if translated is not None:
                if self._install(translated):
                    self._withdraw(translated.starts)
                else:
                    self._hot[address] = 0
            if self._pending:
                self._submit()

    def _withdraw(self, addresses: Collection[int]) -> None:
        """Ask no more for what is within a region by now, unless it becomes hot again."""
        for address in addresses:
            self._rounds.pop(address, None)
        covered = self._pending.intersection(addresses)
        if covered:
            self._waiting = [w for w in self._waiting if linear(w.cs, w.ip) not in covered]
            self._pending -= covered
            for address in covered:
                self._hot[address] = 1  # it was jumped to, as `CodeCopy.was_reached` wants to know

    def _install(self, region: Region) -> bool:
        differences = region.differences(self._memory)
        self._note_changes(differences)
        if differences or region.has_points(self._memory) or region.watching != self.watching:
            return False
        self._born[region] = self._icount[0]
        self._mark(region)
        for page in region.pages():
            self._by_page.setdefault(page, set()).add(region)
            self._memory.pages[page] |= PageState.CODE
        for entry in region.entries:
            if entry not in self._owners:
                self._owners[entry] = region
                self._table[entry] = region.way_in(NAME)
                self._memory.attributes[entry] |= Attribute.ENTRY
        for step in region.steps:
            if not self._memory.attributes[step] & Attribute.ENTRY:
                self._steppers[step] = region
                self._table[step] = region.way_in(STEPS)
                self._memory.attributes[step] |= Attribute.ENTRY
        if HANDLER in region.library.addresses:
            self._handler[0] = region.library.addresses[HANDLER]
        return True

    def _mark(self, region: Region) -> None:
        attributes = self._memory.attributes
        for start, data in region.code:
            end = start + len(data)
            attributes[start:end] = bytes(a | Attribute.CODE for a in attributes[start:end])

    # -- losing them -------------------------------------------------------------------------

    def see_changes(self) -> None:
        """Drop the regions whose code the guest has changed."""
        count, room = self._change_count[0], len(self._changed)
        self._change_count[0] = 0
        pages: Iterable[int] = {a >> PAGE_SHIFT for a in self._changed[: min(count, room)]}
        self._check(list(self._by_page) if count > room else pages)

    def see_host(self) -> None:
        """Drop the regions on pages that the host has changed, where they are no longer true."""
        stale = self._memory.stale_code
        pages = set(stale)
        stale.clear()
        self._check(pages)

    def set_watching(self, watching: bool) -> None:
        """Begin anew with regions that look for watched loads, or that don't."""
        self.watching = watching
        for region in list(self._born):
            self._remove(region)

    def forget(self) -> None:
        """Let go of everything, so that another engine may work on this memory."""
        self.set_watching(self.watching)
        self.take_ready()
        self.set_watching(self.watching)
        self._hot[:] = bytes(MEMORY_SIZE)

    def _check(self, pages: Iterable[int]) -> None:
        for region in {r for page in pages for r in self._by_page.get(page, ())}:
            differences = region.differences(self._memory)
            if differences or region.has_points(self._memory):
                if self._icount[0] - self._born[region] < SHORT_LIFE:
                    self._note_changes(differences)
                self._remove(region)

    def _note_changes(self, addresses: list[int]) -> None:
        """Remember what changes often."""
        if not addresses or len(addresses) >= MANY_BYTES:
            return
        self._changes.update(addresses)
        often = {a for a in addresses if self._changes[a] >= MAX_CHANGES_OF_CODE}
        self._unstable |= often

    def _remove(self, region: Region) -> None:
        memory, attributes = self._memory, self._memory.attributes
        del self._born[region]
        if self._handler[0] == region.library.addresses.get(HANDLER):
            self._handler[0] = 0
        for entry in region.entries:
            self._hot[entry] = 0
            if self._owners.get(entry) is region:
                del self._owners[entry]
                attributes[entry] &= ~Attribute.ENTRY & 0xFF
        for step in region.steps:
            if self._steppers.get(step) is region:
                del self._steppers[step]
                if step not in self._owners:
                    attributes[step] &= ~Attribute.ENTRY & 0xFF
        for start, data in region.code:
            end = start + len(data)
            attributes[start:end] = bytes(a & ~Attribute.CODE for a in attributes[start:end])
        for page in region.pages():
            others = self._by_page[page]
            others.discard(region)
            for other in others:
                self._mark(other)
            if not others:
                del self._by_page[page]
                memory.pages[page] &= ~PageState.CODE & 0xFF


def _code_at(memory: Memory, address: int) -> bytes:
    return bytes(memory.ram[address : address + CODE_TOLD])


def _translate_next(me: weakref.ref[Translations]) -> None:
    """Translate for a machine that may be gone by now, unless the process is about to end."""
    translation = me()
    if translation is not None and threading.main_thread().is_alive():
        translation.translate_next()
