"""Text that native code shows by itself, as DOS' services would show it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

from dos_programs import Session, start
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from property_examples import examples

from blink16.bios.program_keys import Keys
from blink16.devices.video import Adapter
from blink16.machine import SERVICE_EFFORT, Machine
from blink16.memory import PAGE_SIZE, Attribute, linear
from blink16.setup.pc import PcSetup

NAMES_OFFSET, TEXT_OFFSET = 0x180, 0x1000
SCREEN, SCREEN_SIZE = 0xB8000, 0x4000
PIECES = (b"\a", b"\b", b"\t", b"\n", b"\r", b"\r\n", b"A", b"word", b"\0\xff\x0b", b"~" * 70)
INT_21, INT_10 = b"\xcd\x21", b"\xcd\x10"
FAST_VECTOR, SCREEN_VECTOR = 0x29 * 4, 0x10 * 4


def _into(ax: int, **registers: int) -> bytes:
    """Return code that puts numbers into AX and other registers."""
    code = b"\xb8" + ax.to_bytes(2, "little")
    for name, value in registers.items():
        number = ("ax", "cx", "dx", "bx", "sp", "bp", "si", "di").index(name)
        code += bytes((0xB8 + number,)) + value.to_bytes(2, "little")
    return code


def _store(address: int, data: bytes) -> bytes:
    """Return code that stores bytes below 64 KiB of memory."""
    code = b"\x06\x31\xc0\x8e\xc0"  # push es / xor ax, ax / mov es, ax
    for at, byte in enumerate(data, address):
        code += b"\x26\xc6\x06" + at.to_bytes(2, "little") + bytes((byte,))
    return code + b"\x07"  # pop es


def _text(choose: random.Random) -> bytes:
    return b"".join(choose.choices(PIECES, k=choose.randrange(12)))


def _call(choose: random.Random, texts: bytearray) -> bytes:
    """Return code for a call that shows text, whose bytes are added to ``texts``."""
    number = choose.choice((0x02, 0x02, 0x06, 0x09, 0x09, 0x40, 0x40))
    if number in (0x02, 0x06):
        return _into(number << 8, dx=choose.choice(b"A\0\x07\x08\x09\x0a\x0d\xfe~")) + INT_21
    text = _text(choose)
    at = TEXT_OFFSET + len(texts)
    texts += text + b"$"
    return _into(number << 8, bx=choose.choice((1, 1, 1, 2, 4, 9)), cx=len(text), dx=at) + INT_21


def _disturbance(choose: random.Random) -> bytes:
    """Return code that makes something unusual, or usual again."""
    page = choose.randrange(4)
    cursor = choose.choice((0, 24, 23, 12)) << 8 | choose.choice((0, 1, 39, 78, 79, 200))
    return choose.choice(
        (
            _into(choose.choice((0, 1, 2, 3, 3, 4, 6, 7))) + INT_10,
            _into(0x0500 | page) + INT_10,
            _into(0x0200, bx=choose.choice((0, 0x100)), dx=cursor) + INT_10,
            _into(0x0601, bx=0x7100, cx=0, dx=0x184F) + INT_10,
            _into(0x0E41, bx=7) + INT_10,
            _into(0x3E00, bx=1) + INT_21,  # standard output is closed
            _into(0x4600, bx=choose.choice((0, 2, 4)), cx=1) + INT_21,
            _into(0x3D01, dx=NAMES_OFFSET) + INT_21,  # NUL, by the lowest handle
            _into(0x3D00, dx=NAMES_OFFSET + 8) + INT_21,  # CON, to be read alone
            _into(0x2C00) + INT_21,
            _into(0x5000, bx=choose.choice((0x100, 0x1000))) + INT_21,
            _store(0x44A, bytes((choose.choice((40, 80, 90, 0)), 0))),  # columns
            _store(0x44C, bytes((choose.choice((0, 8)), choose.choice((0, 16, 63))))),
            _store(0x450, bytes((choose.choice((0, 79, 80, 255)), choose.choice((0, 24, 25))))),
            _store(0x462, bytes((choose.choice((0, 1, 7, 8)),))),
            _store(0x463, bytes((choose.choice((0xD4, 0xB4)), 3))),
            _store(0x484, bytes((choose.choice((24, 42, 0)), 0, 0, choose.choice((0, 0x60))))),
            _store(FAST_VECTOR, bytes((choose.choice((0, 4)),))),
            _store(SCREEN_VECTOR, bytes((choose.choice((0, 4)),))),
            b"\xfa",
            b"\xfb",
        )
    )


def program(choose: random.Random) -> bytes:
    """Return a program that shows texts in a loop, each several times, and disturbs that."""
    texts, body = bytearray(), b""
    for _ in range(choose.randrange(2, 9)):
        if choose.random() < 0.4:
            body += _disturbance(choose)
        call = _call(choose, texts)
        times = choose.choice((1, 2, 3, 40))
        body += b"\xbd" + times.to_bytes(2, "little") + call + b"\x4d"  # mov bp, times / … / dec bp
        body += b"\x75" + bytes((-(len(call) + 3) & 0xFF,))  # jnz there
    names = b"NUL\0".ljust(8, b"\0") + b"CON\0".ljust(8, b"\0")
    loop = body + b"\xe9" + (-len(body) - 3 & 0xFFFF).to_bytes(2, "little")
    code = b"\xe9\x8d\0".ljust(NAMES_OFFSET - 0x100, b"\x90") + names + loop  # jmp to the loop
    return code.ljust(TEXT_OFFSET - 0x100, b"\x90") + bytes(texts)


def _state(machine: Machine) -> object:
    return machine.save(), machine.icount, machine.cycles, bytes(machine.memory.ram)


def _changed(before: bytes, machine: Machine) -> set[int]:
    """Return the pages whose content is another than before."""
    pages = range(len(before) // PAGE_SIZE)
    now = bytes(machine.memory.ram)
    parts = (slice(page * PAGE_SIZE, (page + 1) * PAGE_SIZE) for page in pages)
    return {page for page, part in zip(pages, parts, strict=True) if now[part] != before[part]}


def _twins(code: bytes, folder: Path, adapter: Adapter) -> Iterator[Session]:
    file = folder / "shows.com"
    file.write_bytes(code)
    for engine in ("reference", "native"):
        session = start(file, root=folder, engine=engine, setup=PcSetup(adapter=adapter))
        content = bytes((7 * at) % 251 for at in range(SCREEN_SIZE))
        session.machine.memory.write(0xB0000 if adapter.is_mono else SCREEN, content)
        yield session


@settings(max_examples=examples(90), suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32 - 1))
@example(0)
def test_texts_are_alike_on_both_engines(tmp_path: Path, seed: int) -> None:
    """Prevents a screen, a cursor, a register, an end of a call or an output that depends on who
    showed the text, and a checkpoint that lacks it.
    """
    choose = random.Random(seed)
    code = program(choose)
    reference, native = _twins(code, tmp_path, choose.choice(list(Adapter)))
    before = bytes(native.machine.memory.ram)
    for _ in range(6):
        budget, keys = choose.choice((1, 7, 60, 700)), choose.choice((b"", b"", b"", b"q", b"\x13"))
        if choose.random() < 0.4:
            before = bytes(native.machine.memory.ram)
            native.machine.memory.begin()
        for session in (reference, native):
            if keys:
                session.machine.receive(Keys.CHANNEL, keys)
            session.machine.run(budget)
        assert _state(native.machine) == _state(reference.machine)
        assert _changed(before, native.machine) <= set(native.machine.memory.written())
        for channel in ("console", "stderr", "lpt1"):
            assert native.output(channel) == reference.output(channel)


# again: mov ah, 09h / mov dx, text / int 21h / jmp again
SHOWS = b"\xb4\x09\xba" + TEXT_OFFSET.to_bytes(2, "little") + INT_21 + b"\xeb\xf7"
A_ROUND = 5
"""Instructions, the service's among them."""
LINE = b"What a program says\r\n"


def _shows(folder: Path, engine: str = "native") -> Session:
    file = folder / "shows.com"
    file.write_bytes(SHOWS.ljust(TEXT_OFFSET - 0x100, b"\x90") + LINE + b"$")
    return start(file, root=folder, engine=engine)


def test_a_loop_of_text_needs_no_service(tmp_path: Path) -> None:
    """Prevents a way out of native code for each line that is shown."""
    session = _shows(tmp_path)
    machine = session.machine
    machine.run(800 * A_ROUND)
    before = machine.effort
    machine.run(8000 * A_ROUND)
    lines = session.output().count(LINE)
    assert session.output() == LINE * lines
    assert lines > 8700  # ticks take some instructions
    assert machine.effort - before < 100 * SERVICE_EFFORT


def test_who_traces_calls_sees_each(tmp_path: Path) -> None:
    """Prevents calls that are missing in a trace because native code did them."""
    calls: list[str] = []
    session = _shows(tmp_path)
    session.machine.run(10 * A_ROUND)
    session.machine.on_call = calls.append
    session.machine.run(100 * A_ROUND)
    assert len(calls) == 100


def test_who_is_told_what_was_shown_is_told_at_once(tmp_path: Path) -> None:
    """Prevents texts that a look at the past finds together at the end of a run."""
    instants: list[tuple[int, bytes]] = []
    session = _shows(tmp_path)
    machine = session.machine
    machine.run(10 * A_ROUND)
    machine.replaying = True
    machine.on_past_output = lambda channel, data: instants.append((machine.icount, data))
    machine.run(10 * A_ROUND)
    assert [data for _, data in instants] == [LINE] * 10
    assert len({icount for icount, _ in instants}) == 10


def test_a_watchpoint_on_the_screen_is_hit(tmp_path: Path) -> None:
    """Prevents text that is shown past a watchpoint on the cell that it goes to."""
    stops = []
    for engine in ("reference", "native"):
        machine = _shows(tmp_path, engine).machine
        machine.run(800 * A_ROUND)
        machine.memory.mark(SCREEN + 24 * 160 + 4, Attribute.WATCH_WRITE, 1)
        stops.append((machine.run(800 * A_ROUND), machine.icount, machine.memory.touched))
    assert stops[0] == stops[1]
    assert stops[0][0].reason.name == "WATCHPOINT"


def test_a_breakpoint_at_the_service_is_hit(tmp_path: Path) -> None:
    """Prevents calls that native code does past a breakpoint at INT 21h's stub."""
    machine = _shows(tmp_path).machine
    machine.run(800 * A_ROUND)
    vector = machine.memory.read_word(0x21 * 4), machine.memory.read_word(0x21 * 4 + 2)
    machine.memory.mark(linear(vector[1], vector[0]), Attribute.BREAKPOINT)
    stop = machine.run(800 * A_ROUND)
    assert stop.reason.name == "BREAKPOINT"
