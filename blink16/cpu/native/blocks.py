"""Which instructions make a region: the code that hot code leads to.

Works on a copy of the code segment, since it is done while the guest runs on.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from construct import Container

from blink16.cpu.encoding import MAX_BODY, Instruction
from blink16.cpu.hot import HotBoard
from blink16.cpu.later import is_suspicious, suspects
from blink16.cpu.model import Model
from blink16.cpu.native.layout import HOT_OFFSET, LAST_IP
from blink16.cpu.opcodes import (
    MAY_INTERRUPT,
    PORT_INSTRUCTIONS,
    REPNZ,
    REPZ,
    SEGMENT_OVERRIDES,
    SEGMENT_REGISTERS,
    STRING_INSTRUCTIONS,
    STRING_PORT_INSTRUCTIONS,
    SYSTEM_INSTRUCTIONS,
    UNDEFINED,
    ControlFlow,
)
from blink16.cpu.operands import Repeat
from blink16.cpu.semantics import CS
from blink16.cpu.shifts import SHIFTS
from blink16.cpu.timing import Cost, Timing
from blink16.memory import (
    ADDRESS_MASK,
    MEMORY_SIZE,
    SCRATCH_OFFSET,
    SEGMENT_SIZE,
    Attribute,
    Memory,
)

MAX_BLOCKS = 64
MAX_BLOCK_SIZE = 48
"""Instructions in a block."""
MAX_SIZE = 160
"""Instructions in a region, about."""
MAX_ROUND = 16
"""Instructions in a block that is translated twice where a loop begins with it."""
VECTORS_SIZE = 0x400
INT_3 = 3
IN_TABLE = 2
"""ModR/M's mod of an address with a word added, as of a table's entry."""
MAX_TABLE = 64
"""Entries of a table of jumps that are looked at."""
_FAR = struct.Struct("<HH")
"""A far address: offset, segment."""
MAX_STUB = 2
"""So few instructions are no region by themselves, as a jump to an interrupt's handler."""
MAX_COUNT = 0xFF
"""The most that a shift counts."""
_COUNTING = SHIFTS.keys() | {"ENTER"}

_RETURNING = frozenset({ControlFlow.FAR_CALL, ControlFlow.INTERRUPT})
"""They leave the region, and what they call comes back behind them."""
_LEAVING = frozenset({ControlFlow.FAR_JUMP, ControlFlow.FAR_RETURN, ControlFlow.INTERRUPT_RETURN})
_RETURNS = frozenset({ControlFlow.RETURN, ControlFlow.FAR_RETURN, ControlFlow.INTERRUPT_RETURN})
_NOT_FALLING_THROUGH = _LEAVING | {ControlFlow.JUMP, ControlFlow.RETURN}
_ENDING = _RETURNING | _NOT_FALLING_THROUGH | {ControlFlow.BRANCH, ControlFlow.CALL}
_INTERPRETED = STRING_PORT_INSTRUCTIONS | SYSTEM_INSTRUCTIONS | {"HLT", UNDEFINED}
"""They stay outside of regions; the code behind them is entered anew."""
_STOPS = Attribute.BREAKPOINT | Attribute.SERVICE | Attribute.LAST


@dataclass(frozen=True, slots=True)
class PlacedInstruction:
    """An instruction in the code segment."""

    ip: int
    end: int
    """The offset behind it."""
    instruction: Instruction
    segment: int | None
    """The number of the overriding segment register."""
    repeat: Repeat | None
    suspicious: bool = False
    """Whether it can hardly be meant (`later.is_suspicious`)."""

    @property
    def mnemonic(self) -> str:
        """The mnemonic of its row."""
        return self.instruction.row.mnemonic

    @property
    def accesses_port(self) -> bool:
        """Whether it is IN or OUT."""
        return self.mnemonic in PORT_INSTRUCTIONS

    def may_be_hot(self, board: HotBoard) -> bool:
        """Whether native code may access the port of IN or OUT by itself."""
        i = self.instruction
        if "AL" not in i.row.operands or self.end - self.ip != i.length:
            return False
        ports = board.reads if self.mnemonic == "IN" else board.writes
        return bool(ports) if i.immediate is None else i.immediate in ports

    @property
    def control_flow(self) -> ControlFlow:
        """Where control goes from here."""
        return self.instruction.row.control_flow

    @property
    def target(self) -> int | None:
        """Where a direct jump or call within the segment goes."""
        row, distance = self.instruction.row, self.instruction.immediate
        if row.operands and row.operands[0] in ("Jb", "Jw") and isinstance(distance, int):
            return (self.end + distance) & 0xFFFF
        return None

    def cost(self, timing: Timing) -> Cost:
        """Return what it costs with its prefixes and address."""
        i, modrm = self.instruction, self.instruction.modrm
        in_memory = modrm is not None and modrm.mod != 3
        cost = timing.cost(i.row, in_memory, self.repeat is not None)
        more = (self.end - self.ip - i.length) * timing.prefix
        if modrm is not None:
            more += timing.address(modrm.mod, modrm.rm)
        return cost._replace(cycles=cost.cycles + more)

    def worst(self, timing: Timing) -> int:
        """Return the most that it may cost."""
        cost, row = self.cost(timing), self.instruction.row
        most = cost.each * (MAX_COUNT if row.mnemonic in _COUNTING else 1)
        interrupt = timing.interrupt if row.mnemonic in MAY_INTERRUPT else 0
        return cost.cycles + cost.taken + most + interrupt

    @property
    def interpreted(self) -> bool:
        """Whether this is nothing for a region."""
        mnemonic, modrm = self.mnemonic, self.instruction.modrm
        if mnemonic in _INTERPRETED or self.suspicious:
            return True
        if self.repeat is not None and mnemonic in STRING_INSTRUCTIONS:
            return True
        operands = self.instruction.row.operands
        sets_cs = operands == ("CS",) or (
            operands[:1] == ("Sw",) and modrm is not None and modrm.reg & 3 == CS
        )
        return sets_cs and mnemonic != "PUSH"


class CodeCopy:
    """A copy of a code segment and of its attributes."""

    def __init__(
        self,
        model: Model,
        board: HotBoard,
        memory: Memory,
        cs: int,
        ds: int,
        unstable: frozenset[int],
        begun: frozenset[int] = frozenset(),
        vector: int = 0,
    ) -> None:
        """Copy the segment ``cs``.

        ``ds``: where data were when the code became hot, for tables of jumps.
        ``unstable``: linear addresses of code that keeps changing.  ``begun``: where regions
        begin already.  ``vector``: the one of the last timer's interrupt.
        """
        base = cs << 4
        self._ram, self._data = memory.ram, ds << 4
        self.base = base
        self.cs, self.vector = cs, vector
        self._vectors = bytes(memory.ram[:VECTORS_SIZE])
        self.model = model
        self.board = board
        self._suspects = suspects(model.name)
        self.code = _copy(memory.ram, base)
        self._attributes = _copy(memory.attributes, base)
        self._jumps = _copy(memory.scratch[HOT_OFFSET - SCRATCH_OFFSET :], base)
        self._unstable, self._begun = unstable, begun

    def linear(self, ip: int) -> int:
        """Return the linear address of an offset."""
        return (self.base + (ip & 0xFFFF)) & ADDRESS_MASK

    def is_translated(self, ip: int) -> bool:
        """Whether a region begins at an offset already."""
        return self.linear(ip) in self._begun

    def was_reached(self, ip: int) -> bool:
        """Whether control has ever been seen to jump to an offset."""
        return self._jumps[ip] > 0 or self.is_translated(ip)

    def far_target(self, place: PlacedInstruction) -> int | None:
        """Return the offset of what it calls or jumps to far, if that is in this segment.

        An interrupt's vector may change, so the code is to look where it leads.
        """
        immediate = place.instruction.immediate
        match place.control_flow:
            case ControlFlow.INTERRUPT if place.mnemonic == "INT":
                vector = INT_3 if immediate is None else immediate
                assert isinstance(vector, int)
                ip, cs = _FAR.unpack_from(self._vectors, 4 * (vector & 0xFF))
            case ControlFlow.FAR_CALL | ControlFlow.FAR_JUMP if isinstance(immediate, Container):
                ip, cs = immediate.offset, immediate.segment
            case _:
                return None
        return ip if cs == self.cs else None

    def vector_word(self, at: int) -> int:
        """Return a word of the interrupt vector table."""
        return int.from_bytes(self._vectors[at : at + 2], "little")

    def vector_far(self, vector: int) -> int:
        """Return where an interrupt leads, the segment in the high word."""
        return self.vector_word(4 * vector + 2) << 16 | self.vector_word(4 * vector)

    def table_targets(self, place: PlacedInstruction) -> list[int]:
        """Return where a jump by a table of offsets has led, as far as is known."""
        i = place.instruction
        if place.control_flow is not ControlFlow.JUMP or i.modrm is None or i.modrm.mod != IN_TABLE:
            return []
        base = self.base if place.segment == CS else self._data
        assert i.displacement is not None
        start = i.displacement
        words = (
            [self._ram[(base + (at & 0xFFFF)) & ADDRESS_MASK] for at in (start + n, start + n + 1)]
            for n in range(0, 2 * MAX_TABLE, 2)
        )
        targets = dict.fromkeys(low | high << 8 for low, high in words)
        return [ip for ip in targets if self.was_reached(ip)]

    def is_interpreted(self, place: PlacedInstruction) -> bool:
        """Whether an instruction is nothing for a region."""
        if place.accesses_port and not place.may_be_hot(self.board):
            return True
        return place.interpreted or self.changes(place)

    def changes(self, place: PlacedInstruction) -> bool:
        """Whether an instruction is one that keeps changing."""
        return bool(self._unstable) and any(
            self.linear(ip) in self._unstable for ip in range(place.ip, place.end)
        )

    def stops_at(self, ip: int) -> bool:
        """Whether the interpreter has to look at this address."""
        beyond = self.model.reaches_high and self.base + ip > ADDRESS_MASK
        return ip > LAST_IP or beyond or bool(self._attributes[ip] & _STOPS)

    def decode(self, ip: int) -> PlacedInstruction | None:
        """Return the instruction at an offset; None if it is too odd for a region."""
        segment = repeat = None
        at, prefixes = ip, self.model.opcodes.prefixes
        while at <= LAST_IP and self.code[at] in prefixes:
            prefix = self.code[at]
            if prefix in SEGMENT_OVERRIDES:
                segment = SEGMENT_REGISTERS.index(SEGMENT_OVERRIDES[prefix])
            elif prefix in (REPNZ, REPZ):
                repeat = Repeat.REPZ if prefix == REPZ else Repeat.REPNZ
            at += 1
        if at > LAST_IP or at - ip > self.model.max_prefixes:
            return None
        body = self.code[at : at + MAX_BODY]
        instruction = self.model.encoding.parse_body(body)
        end, suspicious = at + instruction.length, is_suspicious(body[:4], self._suspects)
        return PlacedInstruction(ip, end, instruction, segment, repeat, suspicious)


def _copy(array: memoryview, base: int) -> bytes:
    part = bytes(array[base : min(base + SEGMENT_SIZE, MEMORY_SIZE)])
    return part + bytes(array[: SEGMENT_SIZE - len(part)])


@dataclass(frozen=True, slots=True)
class BasicBlock:
    """Instructions that are executed one after the other."""

    places: tuple[PlacedInstruction, ...]

    @property
    def start(self) -> int:
        """The offset of the first instruction."""
        return self.places[0].ip

    @property
    def repeats(self) -> bool:
        """Whether it jumps back to itself, so that it is a whole loop."""
        return self.places[-1].target == self.start

    @property
    def goes_through_strings(self) -> bool:
        """Whether one of its instructions moves SI or DI along."""
        return any(place.mnemonic in STRING_INSTRUCTIONS for place in self.places)

    def successors(self) -> list[int]:
        """Return where control may go from here within the segment, as far as that is known."""
        last = self.places[-1]
        ways = [] if last.target is None else [last.target]
        if last.control_flow not in _NOT_FALLING_THROUGH | {ControlFlow.CALL}:
            ways.append(last.end)
        return ways


@dataclass(slots=True)
class RegionPlan:
    """The blocks that can be reached from an entry, by offset."""

    blocks: dict[int, BasicBlock] = field(default_factory=dict)
    entries: set[int] = field(default_factory=set)
    """Where the region can be entered."""
    returns: set[int] = field(default_factory=set)
    """Where calls in the region return to."""
    indirect: dict[int, list[int]] = field(default_factory=dict)
    """Where a jump by a table, a far call or an interrupt may lead, by the instruction's offset."""

    def targets(self) -> set[int]:
        """Return the blocks that are entered, or gone to by what is known when it runs only."""
        indirect = {way for ways in self.indirect.values() for way in ways}
        return (self.entries | self.returns | indirect) & self.blocks.keys()

    def unknown_ways(self, place: PlacedInstruction) -> Collection[int]:
        """Return where in the region an instruction may go to that is known when it runs only."""
        if place.control_flow in _RETURNS:
            return self.returns
        return [way for way in self.indirect.get(place.ip, ()) if way in self.blocks]

    def needs(self, timing: Timing) -> dict[int, int]:
        """Return the cycles that are to be there on every way into a block, by its offset.

        It covers the longest way forward from there to the next of these blocks: they are the
        targets and what is jumped to backward, so that no way is without end, and what comes
        behind loops, so that these don't need the cycles of what follows on them.
        """
        looping = [b for b in self.blocks.values() if any(w <= b.start for w in b.successors())]
        ends = {way for block in looping for way in block.successors()}
        checked = self.targets() | (ends & self.blocks.keys())
        longest: dict[int, int] = {}
        for start in sorted(self.blocks, reverse=True):
            block = self.blocks[start]
            ahead = [
                longest[w] for w in block.successors() if w in self.blocks and w not in checked
            ]
            longest[start] = max(ahead, default=0) + sum(p.worst(timing) for p in block.places)
        return {start: longest[start] for start in checked}

    def rounds(self) -> frozenset[int]:
        """Return the blocks that loops begin with, being jumped to backward; but for long ones."""
        return frozenset(
            way
            for block in self.blocks.values()
            for way in block.successors()
            if way <= block.start and way in self.blocks
            if len(self.blocks[way].places) <= MAX_ROUND
        )

    def places(self) -> Iterator[PlacedInstruction]:
        """Return every instruction."""
        return (place for block in self.blocks.values() for place in block.places)


def follow(segment: CodeCopy, entry: int) -> RegionPlan:
    """Find the blocks that control gets to from an offset, nearest first.

    Where the interpreter has never jumped to is left out, and where another region begins:
    going over to that costs less than translating code twice.  But what is called belongs to its
    caller, and so does what comes behind the call: there and back again costs more.  And a jump
    that begins it, as to an interrupt's handler, leads to what is translated with it in any case.
    """
    survey = _Survey(segment, entry)
    while survey.ways and len(survey.plan.blocks) < MAX_BLOCKS and survey.size < MAX_SIZE:
        survey.look_at(survey.ways.popleft())
    return survey.finished()


class _Survey:
    """The blocks that were found so far, and where control goes on from them."""

    def __init__(self, segment: CodeCopy, entry: int) -> None:
        self.plan = RegionPlan()
        self.ways = deque([entry])
        """Offsets that are to be looked at."""
        self.size = 0
        """Instructions so far."""
        self._segment = segment
        self._entries: set[int] = {entry}
        self._returns: set[int] = set()
        self._called: set[int] = set()
        self._is_stub = False

    def finished(self) -> RegionPlan:
        """Return the plan, with those of its blocks at which it is entered or returned to."""
        self.plan.entries = self._entries & self.plan.blocks.keys()
        self.plan.returns = self._returns & self.plan.blocks.keys()
        return self.plan

    def look_at(self, start: int) -> None:
        """Take a block into the plan, if it belongs there, and the ways that lead on from it."""
        if start in self.plan.blocks:
            return
        is_ours = self._is_stub or start in self._called or start in self._returns
        if not is_ours and self._segment.is_translated(start):
            return
        places, after = _collect(self._segment, start, self.plan)
        if after is not None:
            self.ways.append(after)
            self._entries.add(after)
        if not places:
            return
        self.plan.blocks[start] = BasicBlock(tuple(places))
        self.size += len(places)
        last = places[-1]
        self._jump(start, last)
        self._leave(last)
        if last.control_flow in _RETURNING | {ControlFlow.CALL}:
            self._come_back(last)
        elif last.control_flow not in _NOT_FALLING_THROUGH and after is None:
            self.ways.append(last.end)

    def _jump(self, start: int, last: PlacedInstruction) -> None:
        """Go where an instruction names an offset in its segment."""
        target, control_flow = last.target, last.control_flow
        if target is None or not self._segment.was_reached(target):
            return
        self.ways.append(target)
        if target <= start or control_flow is ControlFlow.CALL:
            self._entries.add(target)
        if control_flow is ControlFlow.JUMP and self.size <= MAX_STUB:
            self._is_stub = True
        if control_flow is ControlFlow.CALL:
            self._called.add(target)

    def _leave(self, last: PlacedInstruction) -> None:
        """Go where an instruction leads by a segment of its own, or by a table."""
        far = self._segment.far_target(last)
        if far is not None and self._segment.was_reached(far):
            self.plan.indirect[last.ip] = [far]
            self.ways.append(far)
            self._entries.add(far)
            self._called.add(far)
        if table := self._segment.table_targets(last):
            self.plan.indirect[last.ip] = table
            self.ways.extend(table)
            self._called.update(table)

    def _come_back(self, last: PlacedInstruction) -> None:
        """Go to what is behind a call or an interrupt."""
        if last.mnemonic == "INTO" or self._segment.was_reached(last.end):
            self.ways.append(last.end)
            self._entries.add(last.end)
            self._returns.add(last.end)


def _collect(
    segment: CodeCopy, start: int, flow: RegionPlan
) -> tuple[list[PlacedInstruction], int | None]:
    """Return a block's instructions, and what comes behind the interpreted one that ends it."""
    places: list[PlacedInstruction] = []
    ip = start
    while len(places) < MAX_BLOCK_SIZE and not segment.stops_at(ip):
        if places and ip in flow.blocks:
            break
        place = segment.decode(ip)
        if place is None:
            break
        if segment.is_interpreted(place):
            after = None if place.control_flow is ControlFlow.HALT else place.end & 0xFFFF
            return places, after
        places.append(place)
        ip = place.end & 0xFFFF
        if place.accesses_port:
            return places, ip  # where the device itself acts, the region is left
        if place.control_flow in _ENDING:
            break
    return places, None
