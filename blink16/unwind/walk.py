"""What code does to registers and stack, as far as that is certain without executing it.

A `Path` is a way that execution may take from some point on.  Its registers are numbers where
they are known and None where they are not; memory is never written, what the path stores is kept
beside it.  `advance` moves a path over one instruction and says where it may go on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum

from blink16.cpu.decoder import EFFECTIVE_ADDRESSES
from blink16.cpu.encoding import DIRECT_RM, MAX_BODY, EncodingError, Instruction
from blink16.cpu.model import Model
from blink16.cpu.opcodes import (
    BYTE_REGISTERS,
    LOOPS,
    NOTHING_FOLLOWS,
    SEGMENT_REGISTERS,
    WORD_REGISTERS,
    ControlFlow,
)
from blink16.cpu.registers import Cell
from blink16.memory import Memory

WINDOW = 16
"""Bytes that are looked at for one instruction, prefixes included."""
_BLANK = bytes(4)
VECTORS_SIZE = 0x400
MASK = 0xFFFF
TERMINATE = 0x20
"""INT 20h ends a DOS program."""
Known = int | None
"""A number, or None if it is not known."""
_SCRATCH = (Cell.AX, Cell.BX, Cell.CX, Cell.DX, Cell.ES)
"""What a function that is called may change, by the conventions of all compilers for the 8086."""


class ReturnKind(Enum):
    """How a function returns, by the bytes that its caller's CALL or INT has pushed."""

    NEAR = 2
    FAR = 4
    INTERRUPT = 6


@dataclass(frozen=True, slots=True)
class Return:
    """A path has come to the end of its function."""

    kind: ReturnKind
    released: int = 0
    """Bytes of arguments that the instruction takes from the stack."""


@dataclass(slots=True)
class Effort:
    """How many more instructions a search may look at, on all its ways together."""

    left: int
    released: dict[tuple[int, int], int] = field(default_factory=dict)
    """What `released_by` has found, by segment and offset, as long as memory doesn't change."""

    def spend(self) -> bool:
        """Look at one more; False if that is too much."""
        self.left -= 1
        return self.left >= 0


@dataclass(frozen=True, slots=True)
class CodeMemory:
    """Memory as a processor reads instructions from it."""

    memory: Memory
    model: Model

    def byte(self, cs: int, ip: int) -> int:
        """Return the byte at CS:IP."""
        return self.memory.whole[self.memory.linear(cs, ip)]

    def word(self, address: int) -> int:
        """Return the word at a linear address."""
        return int.from_bytes(self.memory.peek(address, 2), "little")

    def is_handler(self, cs: int, ip: int) -> bool:
        """Tell whether an interrupt's vector leads to CS:IP."""
        vector = (cs << 16 | ip).to_bytes(4, "little")
        table = bytes(self.memory.whole[:VECTORS_SIZE])
        at = table.find(vector)
        while at > 0 and at % len(vector):
            at = table.find(vector, at + 1)
        return at >= 0

    def fetch(self, cs: int, ip: int) -> Instruction | None:
        """Decode the instruction at CS:IP; None if there can't be code.

        That is where prefixes don't end, and in memory that was never written.
        """
        code = self.memory.peek(self.memory.linear(cs, ip), WINDOW)
        if code.startswith(_BLANK):
            return None
        encoding = self.model.encoding
        if code[0] not in encoding.opcodes.prefixes:
            return encoding.parse_body(code[:MAX_BODY])
        try:
            return encoding.parse(code)
        except EncodingError:
            return None


@dataclass(slots=True)
class Path:
    """A way that execution may take."""

    code: CodeMemory
    effort: Effort
    cells: list[Known]
    """AX … DS by `Cell`; CS and SS are always known."""
    ip: int
    stored: dict[int, Known] = field(default_factory=dict)
    """Words that this path has stored to memory, by linear address."""

    def copy(self, ip: int) -> Path:
        """Return a path that goes another way from here."""
        return Path(self.code, self.effort, self.cells.copy(), ip & MASK, self.stored.copy())

    @property
    def cs(self) -> int:
        """The code segment."""
        return self.cells[Cell.CS] or 0

    @property
    def place(self) -> tuple[int, int, Known]:
        """What tells paths apart: two at the same place will do the same."""
        return self.cs, self.ip, self.cells[Cell.SP]

    def stack_address(self, offset: int) -> int:
        """Return the linear address of an offset in the stack segment."""
        return self.code.memory.linear(self.cells[Cell.SS] or 0, offset)

    def stack_word(self, offset: int) -> Known:
        """Return a word in the stack segment."""
        return self.word(self.stack_address(offset))

    def word(self, address: int) -> Known:
        """Return the word at a linear address."""
        return self.stored[address] if address in self.stored else self.code.word(address)

    def push(self, value: Known) -> None:
        """Push a word."""
        sp = self.cells[Cell.SP]
        if sp is not None:
            self.cells[Cell.SP] = (sp - 2) & MASK
            self.stored[self.stack_address(sp - 2)] = value

    def pop(self) -> Known:
        """Pop a word."""
        sp = self.cells[Cell.SP]
        if sp is None:
            return None
        self.cells[Cell.SP] = (sp + 2) & MASK
        return self.stack_word(sp)


def advance(path: Path) -> Return | Sequence[Path]:
    """Move a path over its next instruction; return the paths that go on, or how it returns."""
    instruction = path.code.fetch(path.cs, path.ip) if path.effort.spend() else None
    if instruction is None:
        return ()
    here, path.ip = path.ip, (path.ip + instruction.length) & MASK
    control_flow = instruction.row.control_flow
    flow = _FLOWS.get(control_flow)
    if flow is not None and instruction.row.mnemonic != "INTO":
        return flow(path, instruction, here)
    if control_flow is ControlFlow.BRANCH:
        if instruction.row.mnemonic in LOOPS:
            path.cells[Cell.CX] = None
        return path, path.copy(path.ip + _number(instruction))
    _EFFECTS.get(instruction.row.mnemonic, _compute)(path, instruction)
    return (path,)


# -- control flow ----------------------------------------------------------------------------


def _return(kind: ReturnKind) -> Callable[[Path, Instruction, int], Return | Sequence[Path]]:
    def returns(path: Path, instruction: Instruction, here: int) -> Return | Sequence[Path]:
        path.ip = here
        return Return(kind, (instruction.immediate or 0) if instruction.row.operands else 0)  # type: ignore[arg-type]

    return returns


def _jump(path: Path, instruction: Instruction, here: int) -> Sequence[Path]:
    target = jump_target(path.cs, here, instruction)
    if target is None:
        return ()  # through a register or a table
    path.cells[Cell.CS], path.ip = target
    return (path,)


def _call(path: Path, instruction: Instruction, here: int) -> Sequence[Path]:
    """Take the function that is called for one that returns and releases what it should."""
    target = call_target(path.cs, here, instruction)
    if target == (path.cs, path.ip):  # CALL to what follows it: how code learns where it is
        path.push(path.ip)
        return (path,)
    for cell in _SCRATCH:
        path.cells[cell] = None
    sp = path.cells[Cell.SP]
    if target is not None and sp is not None:
        path.cells[Cell.SP] = (sp + released_by(path.code, path.effort, *target)) & MASK
    return (path,)


def _interrupt(path: Path, instruction: Instruction, here: int) -> Sequence[Path]:
    if instruction.immediate == TERMINATE:
        return ()
    for cell in _SCRATCH:
        path.cells[cell] = None
    return (path,)


def call_target(cs: int, ip: int, instruction: Instruction) -> tuple[int, int] | None:
    """Return segment and offset that a direct CALL at CS:IP calls; None for all else."""
    match instruction.row.mnemonic, instruction.immediate:
        case "CALL", int(displacement):
            return cs, (ip + instruction.length + displacement) & MASK
        case "CALLF", (offset, segment):
            return segment, offset
    return None


def jump_target(cs: int, ip: int, instruction: Instruction) -> tuple[int, int] | None:
    """Return segment and offset that a direct jump at CS:IP, conditional or not, leads to."""
    match instruction.row.mnemonic, instruction.row.operands, instruction.immediate:
        case "JMPF", _, (offset, segment):
            return segment, offset
        case "CALL", _, _:
            return None
        case _, ("Jb" | "Jw",), int(displacement):
            return cs, (ip + instruction.length + displacement) & MASK
    return None


MAX_RELEASE_STEPS = 300
"""Instructions of a function that are searched for its RET."""


def released_by(code: CodeMemory, effort: Effort, cs: int, ip: int) -> int:
    """Return the bytes of arguments that a function takes from the stack, 0 if in doubt.

    Its first RET in any direction decides; functions that it calls are passed over.
    """
    known = effort.released.get((cs, ip))
    if known is None:
        known = effort.released[cs, ip] = _find_released(code, effort, cs, ip)
    return known


def _find_released(code: CodeMemory, effort: Effort, cs: int, ip: int) -> int:
    waiting, seen = [ip], set[int]()
    while waiting and len(seen) < MAX_RELEASE_STEPS and effort.spend():
        ip = waiting.pop()
        instruction = code.fetch(cs, ip)
        if ip in seen or instruction is None:
            continue
        seen.add(ip)
        following = (ip + instruction.length) & MASK
        control_flow = instruction.row.control_flow
        if control_flow in (ControlFlow.RETURN, ControlFlow.FAR_RETURN):
            return _number(instruction) if instruction.row.operands else 0
        target = jump_target(cs, ip, instruction)
        if target is not None:
            waiting.append(target[1])
        if control_flow not in NOTHING_FOLLOWS:
            waiting.append(following)
    return 0


_FLOWS: dict[ControlFlow, Callable[[Path, Instruction, int], Return | Sequence[Path]]] = {
    ControlFlow.RETURN: _return(ReturnKind.NEAR),
    ControlFlow.FAR_RETURN: _return(ReturnKind.FAR),
    ControlFlow.INTERRUPT_RETURN: _return(ReturnKind.INTERRUPT),
    ControlFlow.JUMP: _jump,
    ControlFlow.FAR_JUMP: _jump,
    ControlFlow.CALL: _call,
    ControlFlow.FAR_CALL: _call,
    ControlFlow.INTERRUPT: _interrupt,
}


# -- operands --------------------------------------------------------------------------------


def _number(instruction: Instruction) -> int:
    return instruction.immediate if isinstance(instruction.immediate, int) else 0


def _register(form: str, instruction: Instruction) -> Cell | None:
    """Return the 16-bit register that an operand is, or lies in; None if it is none."""
    if form in WORD_REGISTERS or form in SEGMENT_REGISTERS:
        return Cell[form]
    if form in BYTE_REGISTERS:
        return Cell(BYTE_REGISTERS.index(form) & 3)
    modrm = instruction.modrm
    if modrm is None or (form[0] == "E" and modrm.mod != 3) or form[0] not in "EGS":
        return None
    number = modrm.rm if form[0] == "E" else modrm.reg
    if form[0] == "S":
        return Cell(Cell.ES + (number & 3))
    return Cell(number if form[1:] == "w" else number & 3)


def _is_word(form: str) -> bool:
    return form[1:] in ("w", "bs") or form in WORD_REGISTERS or form in SEGMENT_REGISTERS


def _effective_offset(path: Path, instruction: Instruction) -> Known:
    modrm, displacement = instruction.modrm, instruction.displacement or 0
    if modrm is None or modrm.mod == 3:
        return None
    if modrm.mod == 0 and modrm.rm == DIRECT_RM:
        return displacement & MASK
    base, index, _ = EFFECTIVE_ADDRESSES[modrm.rm]
    values = [path.cells[register] for register in (base, index) if register is not None]
    return None if None in values else (sum(v or 0 for v in values) + displacement) & MASK


def _operand_address(path: Path, instruction: Instruction) -> Known:
    """Return the linear address of a memory operand; None if it is not known."""
    modrm = instruction.modrm
    if modrm is None or modrm.mod == 3:
        return None
    direct = modrm.mod == 0 and modrm.rm == DIRECT_RM
    default = "DS" if direct else SEGMENT_REGISTERS[EFFECTIVE_ADDRESSES[modrm.rm][2]]
    segment = path.cells[Cell[instruction.segment_override or default]]
    offset = _effective_offset(path, instruction)
    if segment is None or offset is None:
        return None
    return path.code.memory.linear(segment, offset)


def _get(path: Path, form: str, instruction: Instruction) -> Known:
    """Return the value of a word operand."""
    register = _register(form, instruction)
    if register is not None:
        return path.cells[register] if _is_word(form) else None
    if form[0] == "I" and form != "Ib":
        return _number(instruction) & MASK
    address = _operand_address(path, instruction) if form == "Ew" else None
    return None if address is None else path.word(address)


def _set(path: Path, form: str, instruction: Instruction, value: Known) -> None:
    register = _register(form, instruction)
    if register is not None:
        path.cells[register] = value if _is_word(form) else None
        if register is Cell.SS and value is None:
            path.cells[Cell.SP] = None  # an unknown stack
            path.cells[Cell.SS] = 0
    elif form[0] == "E" and (address := _operand_address(path, instruction)) is not None:
        path.stored[address] = value if form == "Ew" else None


# -- effects ---------------------------------------------------------------------------------


def _compute(path: Path, instruction: Instruction) -> None:
    """Forget the destination, and what an instruction changes without naming it."""
    row = instruction.row
    for cell in _IMPLICIT.get(row.mnemonic, ()):
        path.cells[cell] = None
    if row.operands and row.mnemonic not in _NO_DESTINATION:
        _set(path, row.operands[0], instruction, None)


def _push(path: Path, instruction: Instruction) -> None:
    path.push(_get(path, instruction.row.operands[0], instruction))


def _pop(path: Path, instruction: Instruction) -> None:
    _set(path, instruction.row.operands[0], instruction, path.pop())


def _push_flags(path: Path, instruction: Instruction) -> None:
    path.push(None)


def _pop_flags(path: Path, instruction: Instruction) -> None:
    path.pop()


def _move(path: Path, instruction: Instruction) -> None:
    destination, source = instruction.row.operands
    _set(path, destination, instruction, _get(path, source, instruction))


def _exchange(path: Path, instruction: Instruction) -> None:
    one, other = instruction.row.operands
    values = _get(path, one, instruction), _get(path, other, instruction)
    _set(path, one, instruction, values[1])
    _set(path, other, instruction, values[0])


def _load_address(path: Path, instruction: Instruction) -> None:
    destination, _ = instruction.row.operands
    _set(path, destination, instruction, _effective_offset(path, instruction))


_ALL = (Cell.AX, Cell.CX, Cell.DX, Cell.BX, Cell.SP, Cell.BP, Cell.SI, Cell.DI)


def _push_all(path: Path, instruction: Instruction) -> None:
    for value in [path.cells[cell] for cell in _ALL]:
        path.push(value)


def _pop_all(path: Path, instruction: Instruction) -> None:
    for cell in reversed(_ALL):
        value = path.pop()
        if cell is not Cell.SP:
            path.cells[cell] = value


def _enter(path: Path, instruction: Instruction) -> None:
    """ENTER with frames around its own leaves an unknown stack: nobody compiles that."""
    level, sp = instruction.second_immediate, path.cells[Cell.SP]
    path.push(path.cells[Cell.BP])
    path.cells[Cell.BP] = path.cells[Cell.SP]
    known = sp is not None and level == 0
    path.cells[Cell.SP] = (sp or 0) - 2 - _number(instruction) & MASK if known else None


def _leave(path: Path, instruction: Instruction) -> None:
    path.cells[Cell.SP] = path.cells[Cell.BP]
    path.cells[Cell.BP] = path.pop()


def _multiply(path: Path, instruction: Instruction) -> None:
    if len(instruction.row.operands) > 1:
        _set(path, instruction.row.operands[0], instruction, None)
    else:
        path.cells[Cell.AX] = path.cells[Cell.DX] = None


def _arithmetic(operation: Callable[[int, int], int]) -> Callable[[Path, Instruction], None]:
    """Return the effect of ADD and its like, which counts where it moves SP."""

    def effect(path: Path, instruction: Instruction) -> None:
        operands = instruction.row.operands
        one = _get(path, operands[0], instruction)
        other = _get(path, operands[1], instruction) if len(operands) > 1 else 1
        known = one is not None and other is not None
        result = operation(one or 0, other or 0) & MASK if known else None
        _set(path, operands[0], instruction, result)

    return effect


_EFFECTS: dict[str, Callable[[Path, Instruction], None]] = {
    "PUSH": _push,
    "POP": _pop,
    "PUSHF": _push_flags,
    "POPF": _pop_flags,
    "MOV": _move,
    "XCHG": _exchange,
    "LEA": _load_address,
    "ADD": _arithmetic(lambda a, b: a + b),
    "SUB": _arithmetic(lambda a, b: a - b),
    "AND": _arithmetic(lambda a, b: a & b),
    "INC": _arithmetic(lambda a, b: a + b),
    "DEC": _arithmetic(lambda a, b: a - b),
    "IMUL": _multiply,
    "PUSHA": _push_all,
    "POPA": _pop_all,
    "ENTER": _enter,
    "LEAVE": _leave,
}
_NO_DESTINATION = {"CMP", "TEST", "OUT", "ESC", "MUL", "DIV", "IDIV", "BOUND", "OUTS"}
_STRING = (Cell.SI, Cell.DI, Cell.CX)
_IMPLICIT = {
    **dict.fromkeys(("MUL", "DIV", "IDIV"), (Cell.AX, Cell.DX)),
    **dict.fromkeys(("MOVS", "CMPS", "STOS", "SCAS", "INS", "OUTS"), _STRING),
    "LODS": (Cell.AX, Cell.SI, Cell.CX),
    **dict.fromkeys(("CBW", "AAA", "AAS", "AAM", "AAD", "DAA", "DAS"), (Cell.AX,)),
    **dict.fromkeys(("LAHF", "SALC", "XLAT"), (Cell.AX,)),
    "CWD": (Cell.DX,),
    "LES": (Cell.ES,),
    "LDS": (Cell.DS,),
}
