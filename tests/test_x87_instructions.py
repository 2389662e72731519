"""What instructions of the 8087 do to its stack, its words and memory."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from x87_programs import DATA, run, stack_of, x87_of

from blink16.cpu.x87.opcodes import IN_REGISTERS, SIZES, CoprocessorKind, Escape
from blink16.cpu.x87.opcodes import find as find_escape
from blink16.cpu.x87.reals import INDEFINITE, Real
from blink16.cpu.x87.rounding import Exceptions
from blink16.cpu.x87.state import C0, C1, C2, C3, STATE_SIZE, Coprocessor

FLD1, FLDZ, FLDPI, FLDL2E, FNINIT = "d9e8", "d9ee", "d9eb", "d9ea", "dbe3"
FLD_LONG, FSTP_LONG = "dd060008", "dd1e0008"  # qword [800h]
FLD_SHORT = "d9060008"
FNSAVE, FRSTOR = "dd360009", "dd260009"  # [900h]
FXAM, FTST, FCOMPP = "d9e5", "d9e4", "ded9"
UNMASK_ALL = "d92e0008"  # fldcw [800h]


def long(*values: float) -> bytes:
    """Return doubles as they lie in memory."""
    return struct.pack(f"<{len(values)}d", *values)


ORDERED = {
    # two numbers, 6 on 2: what each form leaves in ST, and ST(1)
    "fadd": ("dec1", [8]),
    "fsub st,st(1)": ("d8e1", [4, 2]),
    "fsubr st,st(1)": ("d8e9", [-4, 2]),
    "fdiv st,st(1)": ("d8f1", [3, 2]),
    "fdivr st,st(1)": ("d8f9", [2 / 6, 2]),
    "fsub st(1),st": ("dce9", [6, -4]),
    "fsubr st(1),st": ("dce1", [6, 4]),
    "fdiv st(1),st": ("dcf9", [6, 2 / 6]),
    "fdivr st(1),st": ("dcf1", [6, 3]),
    "fsubp st(1),st": ("dee9", [-4]),
    "fsubrp st(1),st": ("dee1", [4]),
    "fdivp st(1),st": ("def9", [2 / 6]),
    "fdivrp st(1),st": ("def1", [3]),
    "fsub dword": ("d8261008", [5, 2]),
    "fsubr qword": ("dc2e1408", [-5, 2]),
    "fidiv word": ("de361c08", [2, 2]),
    "fidivr dword": ("da3e1e08", [0.5, 2]),
    "fmul": ("d8c9", [12, 2]),
    "fxch": ("d9c9", [2, 6]),
    "fchs": ("d9e0", [-6, 2]),
    "fscale": ("d9fd", [24, 2]),
    "fprem": ("d9f8", [0, 2]),
    "fsqrt": ("d9c1d9fa", [2**0.5, 6, 2]),
    "fxtract": ("d9f4", [1.5, 2, 2]),
}


@pytest.mark.parametrize("name", ORDERED)
def test_operands_come_in_the_order_that_is_meant(name: str) -> None:
    """Prevents a difference or quotient the wrong way round, or in the wrong register."""
    code, left = ORDERED[name]
    others = struct.pack("<fdhi", 1, 1, 3, 3)
    machine = run(FNINIT + FLD_LONG + "dd060808" + code, data=long(2, 6) + others)
    assert stack_of(machine) == pytest.approx(left, rel=1e-15)


CONSTANTS = {
    "d9e8": 1,
    "d9e9": 3.321928094887362,
    "d9ea": 1.4426950408889634,
    "d9eb": 3.141592653589793,
    "d9ec": 0.3010299956639812,
    "d9ed": 0.6931471805599453,
    "d9ee": 0,
}


@pytest.mark.parametrize("code", CONSTANTS)
def test_constants_are_where_their_instructions_are(code: str) -> None:
    """Prevents log2(10) for log2(e)."""
    assert stack_of(run(FNINIT + code)) == [CONSTANTS[code]]


LOADS = {
    "fld dword": ("d9060008", struct.pack("<f", -1.5), -1.5),
    "fld qword": (FLD_LONG, long(1e300), 1e300),
    "fld tword": ("db2e0008", b"\0" * 7 + b"\xc0\xff\xbf", -1.5),
    "fild word": ("df060008", struct.pack("<h", -7), -7),
    "fild dword": ("db060008", struct.pack("<i", -70000), -70000),
    "fild qword": ("df2e0008", struct.pack("<q", -(1 << 40)), -(1 << 40)),
    "fbld": ("df260008", bytes.fromhex("78563412000000000080"), -12345678),
}
STORES = {
    "fstp dword": ("d91e0008", 4),
    "fstp qword": (FSTP_LONG, 8),
    "fstp tword": ("db3e0008", 10),
    "fistp word": ("df1e0008", 2),
    "fistp dword": ("db1e0008", 4),
    "fistp qword": ("df3e0008", 8),
    "fbstp": ("df360008", 10),
}


@pytest.mark.parametrize(("load", "store"), list(zip(LOADS, STORES, strict=True)))
def test_each_format_is_loaded_and_stored(load: str, store: str) -> None:
    """Prevents a wrong size or format in memory, and a store that leaves the stack as it was."""
    code, data, value = LOADS[load]
    assert stack_of(run(FNINIT + code, data=data)) == [value]
    storing, size = STORES[store]
    machine = run(FNINIT + code + "c606000800" + storing, data=data)
    assert machine.memory.read(DATA, size) == data
    assert stack_of(machine) == []


COMPARED = {
    # ST and ST(1), or ST alone: the condition
    (1.0, 2.0): C0,
    (2.0, 1.0): 0,
    (1.0, 1.0): C3,
    (0.0, -0.0): C3,
    (float("nan"), 1.0): C0 | C2 | C3,
}


@pytest.mark.parametrize("pair", COMPARED)
def test_comparisons_tell_by_the_condition_code(pair: tuple[float, float]) -> None:
    """Prevents programs from branching the wrong way behind FCOM, FSTSW, SAHF."""
    machine = run(FNINIT + FLD_LONG + "dd060808" + FCOMPP, data=long(pair[1], pair[0]))
    assert x87_of(machine).status & (C0 | C2 | C3) == COMPARED[pair]
    assert stack_of(machine) == []


KINDS = {
    "0000": (1, C2),
    "negative": (-1, C2 | C1),
    "zero": (0, C3),
    "negative zero": (-0.0, C3 | C1),
    "infinity": (float("inf"), C2 | C0),
    "nan": (float("nan"), C0),
}


@pytest.mark.parametrize("name", KINDS)
def test_examining_tells_what_is_there(name: str) -> None:
    """Prevents FXAM from taking one kind for another."""
    value, condition = KINDS[name]
    machine = run(FNINIT + FLD_LONG + FXAM, data=long(value))
    assert x87_of(machine).status & (C0 | C1 | C2 | C3) == condition


def test_examining_an_empty_register_is_no_error() -> None:
    """Prevents FXAM, by which one asks, from being invalid itself."""
    x87 = x87_of(run(FNINIT + FXAM))
    assert x87.status & (C0 | C2 | C3) == C3 | C0
    assert not x87.status & Exceptions.INVALID


def test_a_program_finds_an_8087_by_its_words() -> None:
    """FNINIT, then FNSTSW and FNSTCW, is how all programs ask; 03FFh says that it is an 8087."""
    machine = run("c70600085a5a" + FNINIT + "dd3e0008" + "d93e0208")
    assert machine.memory.read(DATA, 4) == b"\0\0\xff\x03"


def test_an_80287_has_another_control_word_and_answers_in_ax() -> None:
    """Prevents programs from taking it for an 8087, whose interrupts have a mask there."""
    machine = run("b85a5a" + FNINIT + FLD1 + "dfe0" + "d93e0008", cpu="80286")
    assert machine.registers.ax == 0x3800
    assert machine.memory.read(DATA, 2) == b"\x7f\x03"


def test_an_8087_has_no_answer_in_ax() -> None:
    """Prevents a program from working here that fails on the chip."""
    assert run("b85a5a" + FNINIT + "dfe0").registers.ax == 0x5A5A


def test_infinities_of_both_signs_are_equal_after_initialization() -> None:
    """Programs tell an 8087 or 80287 from an 80387 by that: 1/0 compared with its negation."""
    machine = run(FNINIT + FLD1 + FLDZ + "def9" + "d9c0" + "d9e0" + FCOMPP)
    assert x87_of(machine).status & (C0 | C2 | C3) == C3


# -- the stack -----------------------------------------------------------------------------------


def test_a_ninth_number_is_invalid_and_leaves_the_indefinite() -> None:
    """Prevents a full stack from losing its lowest number without a sign."""
    x87 = x87_of(run(FNINIT + FLD1 * 9))
    assert x87.status & Exceptions.INVALID
    assert x87.get(0) == INDEFINITE
    assert x87.get(1) == Real(0, 16383, 1 << 63)


@pytest.mark.parametrize("code", ["dec1", "d9fa", "d9e0", "d8c1", "d9c0", "d9c9", FTST])
def test_an_empty_register_is_invalid(code: str) -> None:
    """Prevents a program's lost count of its stack from going on unseen."""
    assert x87_of(run(FNINIT + code)).status & Exceptions.INVALID


def test_an_exception_that_is_not_masked_leaves_the_operands() -> None:
    """A handler wants to see what was divided by zero, and is asked before the result is there."""
    machine = run(FNINIT + FLD1 + FLDZ + UNMASK_ALL + "def9", data=b"\xc0\x03")
    x87 = x87_of(machine)
    assert stack_of(machine) == [0, 1]
    assert x87.status & 0xBF == 0x80 | Exceptions.ZERO_DIVIDE
    assert not x87.is_interrupting  # its interrupt is masked


def test_the_8087_interrupts_once_its_mask_is_open() -> None:
    """FENI lets an exception through that has come before; FDISI holds it again; FCLEX ends it."""
    failing = FNINIT + FLD1 + FLDZ + UNMASK_ALL + "def9"
    for more, asks in (("dbe0", True), ("dbe0dbe1", False), ("dbe0dbe2", False)):
        machine = run(failing + more, data=b"\xc0\x03")
        assert x87_of(machine).is_interrupting is asks


def test_a_store_that_overflows_unmasked_leaves_memory_and_stack() -> None:
    """Prevents an infinity in memory, and a popped stack, where a handler is to decide."""
    code = FNINIT + FLD_LONG + "d92e0808" + "d91e0008"
    machine = run(code, data=long(1e300) + b"\xb7\x03")
    assert machine.memory.read(DATA, 8) == long(1e300)
    assert stack_of(machine) == [1e300]


def test_a_denormal_that_is_loaded_is_told() -> None:
    """Prevents the one exception of loads from being lost."""
    x87 = x87_of(run(FNINIT + FLD_LONG, data=long(5e-324)))
    assert x87.status & 0x3F == Exceptions.DENORMAL


def test_moving_the_top_names_registers_anew() -> None:
    """Prevents FINCSTP from popping, and FFREE from moving."""
    machine = run(FNINIT + FLD1 + FLDZ + "d9f7")
    assert stack_of(machine) == [1, 0]  # which is ST(7) now
    assert x87_of(machine).get(7) is not None
    assert stack_of(run(FNINIT + FLD1 + FLDZ + "ddc0")) == [1]


# -- environments ----------------------------------------------------------------------------------


def test_the_saved_state_is_laid_out_as_in_real_mode() -> None:
    """Prevents debuggers, and those who switch tasks, from finding other words."""
    code = FNINIT + FLDPI + FLD1 + "26dc060008" + FNSAVE
    machine = run(code, data=long(0.5))
    saved = machine.memory.read(0x900, STATE_SIZE)
    words = struct.unpack("<7H", saved[:14])
    instruction = 0x100 + 2 + 2 + 2 + 1  # behind its prefix
    assert words == (0x3FF, 0x3000, 0x0FFF, instruction, 0x0406, DATA, 0)
    assert saved[14:24] == b"\0" * 7 + b"\xc0\xff\x3f"
    assert saved[24:34] == bytes.fromhex("35c26821a2da0fc90040")
    x87 = x87_of(machine)
    assert (x87.control, x87.status_word, x87.tag_word) == (0x3FF, 0, 0xFFFF)


def test_addresses_in_the_environment_have_20_bits() -> None:
    """Prevents pointers that are wrong beyond the first 64 KiB."""
    machine = run(FNINIT + "b8341289c38ed8" + "d9060100" + "2ed9360009")
    words = struct.unpack("<7H", machine.memory.read(0x900, 14))
    assert words[3:] == (0x109, 0x0106, 0x2341, 0x1000)


def test_storing_the_environment_masks_exceptions() -> None:
    """A handler begins with FNSTENV, and is not to be interrupted by its own arithmetic."""
    x87 = x87_of(run(FNINIT + UNMASK_ALL + "d9360009", data=b"\x40\x03"))
    assert x87.control == 0x37F  # but for the mask of interrupts


def test_a_restored_state_is_the_saved_one() -> None:
    """Prevents FRSTOR from losing what FSAVE has kept: FNSAVE, FRSTOR and FNSAVE again."""
    saving = FNINIT + FLDPI + FLD1 + "d8f1" + FTST + FNSAVE + FRSTOR + "dd36000a"
    machine = run(saving)
    assert machine.memory.read(0xA00, STATE_SIZE) == machine.memory.read(0x900, STATE_SIZE)


@given(st.binary(min_size=STATE_SIZE, max_size=STATE_SIZE))
def test_any_bytes_can_be_restored(state: bytes) -> None:
    """Prevents what a guest, a file or a debugger makes up from ending in an error of ours."""
    x87 = Coprocessor(CoprocessorKind.I8087)
    x87.receive(state)
    other = Coprocessor(CoprocessorKind.I8087)
    other.restore(x87.save())
    assert other.save() == x87.save()
    assert other.is_interrupting == x87.is_interrupting


# -- all of them -----------------------------------------------------------------------------------

ALL = [(first, second) for first in range(0xD8, 0xE0) for second in range(0x100)]
OFTEN = st.sampled_from(ALL)


@given(st.sampled_from(list(CoprocessorKind)), st.binary(min_size=94, max_size=94), OFTEN)
def test_every_instruction_does_something_with_any_state(
    kind: CoprocessorKind, state: bytes, code: tuple[int, int]
) -> None:
    """Prevents an exception of Python's from what a guest may have in the registers."""
    cpu = "80286" if kind is CoprocessorKind.I80287 else "8086"
    machine = run("d9d0" + FRSTOR_DATA + bytes(code).hex() + "0000", cpu=cpu, data=state)
    assert machine.icount >= 3


FRSTOR_DATA = "dd260008"


def test_every_instruction_takes_its_time() -> None:
    """Prevents a form without clock counts in Intel's table."""
    forms = {escape for code in ALL if (escape := find_escape(*code)) and not escape.is_later}
    assert all(escape.clocks for escape in forms)
    assert run(FNINIT + FLD1 * 3).cycles - run(FNINIT + FLD1).cycles == 2 * 18
    assert run(FNINIT + FLD_SHORT).cycles - run(FNINIT).cycles == 43 + 6


def test_memory_forms_are_those_below_c0h() -> None:
    """Prevents a register form that reads memory."""
    for first, second in ALL:
        escape: Escape | None = find_escape(first, second)
        if escape is not None:
            assert (escape.operand in SIZES) == (second < IN_REGISTERS)
