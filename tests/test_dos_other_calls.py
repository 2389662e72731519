"""DOS' calls that are not about files: clock, memory, vectors, countries, and nonsense."""

from __future__ import annotations

from pathlib import Path

import pytest
from dos_guest import DosGuest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from property_examples import examples

from blink16.cpu.engine import StopReason
from blink16.dos.errors import Code
from blink16.memory import linear

OTHER = 0x5000


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a folder with a file."""
    root = tmp_path / "root"
    root.mkdir()
    (root / "ReadMe.txt").write_bytes(b"0123456789")
    return root


@pytest.fixture
def guest(root: Path) -> DosGuest:
    """Return a machine with a DOS program in that folder."""
    return DosGuest(root)


def test_clock(guest: DosGuest) -> None:
    """Date and time follow the guest's own clock, not the host's; setting them moves it."""
    guest.call(0x2A00)
    r = guest.registers
    assert (r.cx, r.dh, r.dl, r.al) == (2001, 9, 9, 0)
    guest.call(0x2C00)
    assert (r.ch, r.cl, r.dh) == (1, 46, 40)
    guest.call(0x2B00, cx=1999, dx=0x0C1F)
    assert r.al == 0
    guest.call(0x2A00)
    assert (r.cx, r.dh, r.dl) == (1999, 12, 31)
    guest.call(0x2B00, cx=1999, dx=0x021E)
    assert r.al == 0xFF


def test_memory_calls(guest: DosGuest) -> None:
    """A COM owns all memory; once it shrinks itself, 48h gives out what is free."""
    assert guest.call(0x4800, bx=1)
    assert (guest.registers.ax, guest.registers.bx) == (Code.NOT_ENOUGH_MEMORY, 0)
    assert not guest.call(0x4A00, bx=0x1000)
    assert not guest.call(0x4800, bx=0x10)
    block = guest.registers.ax
    assert block == 0x0300 + 0x1000 + 1
    guest.registers.es = block
    assert not guest.call(0x4900)
    assert guest.call(0x4900)
    assert guest.registers.ax == Code.INVALID_MEMORY_BLOCK


def test_vectors(guest: DosGuest) -> None:
    """25h and 35h must be each other's inverse."""
    guest.call(0x2560, dx=0x1234)
    guest.call(0x3560)
    assert (guest.registers.es, guest.registers.bx) == (guest.psp, 0x1234)


def test_long_names_are_declined_politely(guest: DosGuest) -> None:
    """Programs fall back to short names only if AX is 7100h; it's no fault to tell of."""
    assert guest.call(0x714E)
    assert guest.registers.ax == 0x7100
    assert not guest.notices


def test_country_information(guest: DosGuest) -> None:
    """Programs call the case map's far address in 38h's answer: it must lead to a far return."""
    assert not guest.call(0x3800, dx=OTHER)
    segment, offset = (int.from_bytes(guest.get(2, OTHER + at), "little") for at in (20, 18))
    assert guest.machine.memory[linear(segment, offset)] == 0xCB
    guest.registers.es = guest.psp
    assert not guest.call(0x6501, bx=0xFFFF, dx=0xFFFF, cx=41, di=OTHER)
    assert guest.get(7, OTHER) == b"\1\x26\0\1\0\xb5\1"


def test_other_countries_are_not_here(guest: DosGuest) -> None:
    """Error 2, as MS-DOS says without COUNTRY.SYS; and whether a letter means yes."""
    assert guest.call(0x3863, dx=OTHER)
    assert guest.registers.ax == 2
    assert guest.call(0x38FF, bx=49, dx=OTHER)
    assert not guest.call(0x3801, dx=OTHER)
    guest.registers.es = guest.psp
    assert guest.call(0x6501, bx=0xFFFF, cx=41, dx=99, di=OTHER)
    assert guest.call(0x6501, bx=850, cx=41, dx=0xFFFF, di=OTHER)
    assert guest.registers.ax == 2
    for letter, answer in zip(b"nYx", (0, 1, 2), strict=True):
        assert not guest.call(0x6523, dx=letter)
        assert guest.registers.ax == answer


def test_a_strategy_that_there_is_not_is_refused(guest: DosGuest) -> None:
    """Error 1, and the strategy stays."""
    assert not guest.call(0x5801, bx=0x82)
    assert guest.call(0x5801, bx=77)
    assert guest.registers.ax == 1
    guest.call(0x5800)
    assert guest.registers.ax == 0x82


def test_upper_case_by_dos(guest: DosGuest) -> None:
    """Shells fold their commands with 65h: letters of the code page, nothing else."""
    guest.put("aé{ü".encode("cp437") + b"\0a", OTHER)
    assert not guest.call(0x6522, dx=OTHER)
    assert guest.get(6, OTHER) == "AÉ{Ü".encode("cp437") + b"\0a"
    guest.call(0x6520, dx=ord("z"))
    assert guest.registers.dl == ord("Z")
    guest.registers.es = guest.psp
    assert not guest.call(0x6502, bx=0xFFFF, cx=5, dx=0xFFFF, di=OTHER)
    number, offset, segment = (
        guest.get(1, OTHER)[0],
        *(int.from_bytes(guest.get(2, OTHER + at), "little") for at in (1, 3)),
    )
    assert (number, guest.machine.memory.read_word(linear(segment, offset))) == (2, 128)


def test_unknown_call_says_so_once(guest: DosGuest) -> None:
    """A call that isn't there returns 0 and tells the user, but not a thousand times."""
    for _ in range(3):
        assert not guest.call(0xEEFF)
        assert guest.registers.al == 0
    assert len(guest.notices) == 1
    assert "EEh" in guest.notices[0]
    guest.call(0x0F00)
    assert guest.registers.al == 0xFF


@settings(max_examples=examples(150), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.integers(0, 0xFFFF),
    st.tuples(*[st.sampled_from((0, 1, 5, 0x80, 0x4000, 0xFFF0, 0xFFFF))] * 5),
)
def test_no_call_crashes(root: Path, ax: int, values: tuple[int, int, int, int, int]) -> None:
    """Any registers in any call lead to an answer, an exit or a wait."""
    guest = DosGuest(root)
    bx, cx, dx, si, ds = values
    stop = guest.try_call(ax, bx=bx, cx=cx, dx=dx, si=si, di=si, ds=ds, es=ds)
    assert stop.reason in (StopReason.BUDGET, StopReason.EXITED, StopReason.WAITING)
    guest.machine.restore(guest.machine.save())


@pytest.mark.parametrize("damage", [0, -1])
def test_a_damaged_chain_of_memory_is_error_7(tmp_path: Path, damage: int) -> None:
    """A program that writes over a control block gets DOS' error, and can still end."""
    guest = DosGuest(tmp_path)
    assert not guest.call(0x4A00, bx=0x100, es=guest.psp)
    assert not guest.call(0x4800, bx=0x10)
    block = guest.registers.ax
    memory = guest.machine.memory
    if damage == 0:
        memory[linear(block - 1, 0)] = 0
    else:
        memory.write_word(linear(block - 1, 3), 0xFFF0)
    for ax, registers in ((0x4800, {"bx": 1}), (0x4A00, {"es": guest.psp, "bx": 0x20})):
        assert guest.call(ax, **registers)
        assert guest.registers.ax == Code.MEMORY_DESTROYED
    assert guest.try_call(0x4C03).status == 3
