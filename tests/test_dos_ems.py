"""Expanded memory by EMS 4.0, as DOS programs use it."""

from __future__ import annotations

import pytest
from dos_drivers import BUFFER, Drivers
from dos_programs import start
from guests import ENGINES

from blink16.debugger import Debugger, Resume
from blink16.dos.ems_pages import PAGE
from blink16.dos.ems_regions import REGION
from blink16.memory import linear


@pytest.mark.parametrize("engine", ENGINES)
def test_every_function_is_the_specifications(engine: str) -> None:
    """Calls 40h to 5Eh with what is right and what is not; it prints the checks that fail."""
    session = start("ems40", engine=engine)
    session.run()
    assert session.output() == b"."


def test_pages_and_their_frame_go_backward() -> None:
    """Prevents pages, maps, keys or a called routine's way back that an instant does not hold."""
    machine = start("ems40").machine
    debugger = Debugger(machine)
    debugger.resume(Resume())
    end = machine.icount

    def instant(count: int) -> tuple[object, int]:
        debugger.seek(count)
        return machine.save(), hash(bytes(machine.memory.ram))

    counts = range(0, end, end // 23)
    seen = {count: instant(count) for count in counts}
    assert {count: instant(count) for count in reversed(counts)} == seen


def test_a_page_in_two_windows_is_one_page_at_the_next_call() -> None:
    """What is written through either window is kept; old bytes of the other do not replace it."""
    guest = Drivers(ems_kib=64)
    r, memory = guest.machine.registers, guest.machine.memory
    guest.interrupt(0x67, 0x4300, bx=1)
    for window in range(2):
        guest.interrupt(0x67, 0x4400 + window, dx=r.dx, bx=0)
    memory.write(linear(0xD000, 0), b"one")
    memory.write(linear(0xD000, PAGE + 3), b"two")
    guest.interrupt(0x67, 0x4402, dx=r.dx, bx=0)
    for window in range(3):
        assert memory.read(linear(0xD000, window * PAGE), 6) == b"onetwo"


def test_ems_pages_keep_what_is_written_in_the_frame() -> None:
    """Pages are mapped in and out of the frame, and are found as they were left."""
    guest = Drivers(ems_kib=256)
    r, memory = guest.machine.registers, guest.machine.memory
    assert memory.read(linear(memory.read_word(0x67 * 4 + 2), 10), 8) == b"EMMXXXX0"
    guest.interrupt(0x67, 0x4100)
    frame = r.bx
    guest.interrupt(0x67, 0x4200)
    assert (r.bx, r.dx) == (16, 16)
    guest.interrupt(0x67, 0x4300, bx=3)
    handle = r.dx
    for page in range(3):
        guest.interrupt(0x67, 0x4401, dx=handle, bx=page)
        assert r.ah == 0
        memory.write(linear(frame, PAGE), bytes((page,)) * 100)
    for page in range(3):
        guest.interrupt(0x67, 0x4400 + page, dx=handle, bx=page)
        assert memory.read(linear(frame, page * PAGE), 100) == bytes((page,)) * 100
    guest.interrupt(0x67, 0x4400, dx=handle, bx=3)
    assert r.ah == 0x8A
    guest.interrupt(0x67, 0x4500, dx=handle)
    guest.interrupt(0x67, 0x4200)
    assert (r.ah, r.bx) == (0, 16)


def test_ems_moves_regions() -> None:
    """57h moves between memory and pages, across page boundaries."""
    guest = Drivers(ems_kib=256)
    r = guest.machine.registers
    guest.interrupt(0x67, 0x4300, bx=2)
    handle = r.dx
    guest.put(b"expanded memory!")
    there = {"type": 1, "handle": handle, "offset": PAGE - 8, "segment": 0}
    here = {"type": 0, "handle": 0, "offset": BUFFER, "segment": guest.psp}

    def move(source: dict[str, int], target: dict[str, int]) -> None:
        fields = {f"source_{name}": value for name, value in source.items()}
        fields |= {f"target_{name}": value for name, value in target.items()}
        at = guest.put(REGION.build({"length": 16, **fields}), 0x2000)
        guest.interrupt(0x67, 0x5700, si=at)
        assert r.ah == 0

    move(here, there)
    guest.put(bytes(16))
    move(there, here)
    assert guest.get(16) == b"expanded memory!"


def test_ems_exchanges_pages_with_the_frame() -> None:
    """57h: what came into the frame was lost again, if the source was pages."""
    guest = Drivers(ems_kib=256)
    r, memory = guest.machine.registers, guest.machine.memory
    guest.interrupt(0x67, 0x4300, bx=2)
    handle = r.dx
    guest.interrupt(0x67, 0x4400, dx=handle, bx=0)
    frame = {"type": 0, "handle": 0, "offset": 0, "segment": 0xD000}
    page = {"type": 1, "handle": handle, "offset": 0, "segment": 1}
    for ends in ((page, frame), (frame, page)):
        memory.write(linear(0xD000, 0), b"frame")
        names = zip(("source", "target"), ends, strict=True)
        fields = {f"{end}_{name}": at for end, region in names for name, at in region.items()}
        at = guest.put(REGION.build({"length": 5, **fields}), 0x2000)
        guest.interrupt(0x67, 0x5701, si=at)
        assert r.ah == 0
        assert memory.read(linear(0xD000, 0), 5) == bytes(5)
        guest.interrupt(0x67, 0x4401, dx=handle, bx=1)
        assert memory.read(linear(0xD000, PAGE), 5) == b"frame"
        memory.write(linear(0xD000, PAGE), bytes(5))


def test_memory_beyond_goes_back_in_time() -> None:
    """What a page held comes back with the machine's state."""
    guest = Drivers(ems_kib=64)
    r, memory = guest.machine.registers, guest.machine.memory
    guest.interrupt(0x67, 0x4300, bx=2)
    handle = r.dx
    guest.interrupt(0x67, 0x4400, dx=handle, bx=0)
    memory.write(linear(0xD000, 0), b"then")
    guest.interrupt(0x67, 0x4400, dx=handle, bx=1)
    saved, ram = guest.machine.save(), bytes(memory.ram)
    guest.interrupt(0x67, 0x4400, dx=handle, bx=0)
    memory.write(linear(0xD000, 0), b"now!")
    guest.interrupt(0x67, 0x4400, dx=handle, bx=1)
    guest.machine.restore(saved)
    memory.write(0, ram)
    guest.interrupt(0x67, 0x4400, dx=handle, bx=0)
    assert memory.read(linear(0xD000, 0), 4) == b"then"
