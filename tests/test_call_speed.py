"""Calls of DOS that take a kernel's time: --call-speed real."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from guests import ENGINES
from hypothesis import given, settings
from hypothesis import strategies as st

from blink16.bios.data_area import DataArea
from blink16.bios.program_keys import Keys
from blink16.cli.arguments import computer, options
from blink16.cli.config_file import parse
from blink16.cli.options import ASK_PROGRAM, RUN, SERVER
from blink16.cpu.models import MODELS
from blink16.devices.pic import DATA_PORT
from blink16.dos.call_times import CYCLES, READ_BYTE, WRITTEN_BYTE, WRITTEN_CHARACTER
from blink16.governor import Governor
from blink16.history import Timeline
from blink16.machine import Machine
from blink16.recording import open_recording, record, replay
from blink16.services import Outcome, Service
from blink16.setup.loader import Options, Program, ProgramKind, load
from blink16.setup.pc import PcSetup

TICK = 65_536 * 4
"""Cycles of an 8086 in a PC from one tick to the next."""
HALT = b"\xeb\xfe"
EXACT = 30
"""Cycles by which a call may differ: those of an 8086 with a round less."""
POLLS = {"0Bh": "b40bcd21", "06h": "b406b2ffcd21", "INT 16h/01": "b401cd16"}
WORTH = {"8086": 1.0, "8088": 1.8, "80186": 0.83, "80286": 0.43}
"""Cycles of FreeDOS' kernel for one that it needs on an 8086 (kernel 2040, INT 21h/0Bh, 30h)."""


def com(code: bytes) -> Program:
    """Return a .COM program."""
    return Program("p.com", ProgramKind.DOS_COM, code)


def loop(code: bytes) -> bytes:
    """Return code that is repeated for ever."""
    return code + bytes((0xEB, 0xFE - len(code)))


def machine_of(code: bytes, given: Options) -> Machine:
    """Return a machine whose calls take time."""
    return load(com(code), [], replace(given, real_calls=True)).machine


def taken(machine: Machine, offset: int) -> int:
    """Return the cycles from before the INT 21h at an offset until behind it, without ticks."""
    r = machine.registers
    machine.bus.write(DATA_PORT, 0xFF)
    while (r.cs, r.ip) != (r.ds, offset):
        machine.run(1)
    before = machine.cycles
    while (r.cs, r.ip) != (r.ds, offset + 2):
        machine.run(1)
    return machine.cycles - before


@pytest.mark.parametrize("cpu", MODELS)
@pytest.mark.parametrize("number", [0x0B, 0x19, 0x2A, 0x30, 0x62, 0xF0])
def test_a_call_takes_what_it_takes_a_kernel(number: int, cpu: str, tmp_path: Path) -> None:
    """Prevents programs that count calls between two ticks from seeing a machine too quick."""
    machine = machine_of(bytes((0xB4, number, 0xCD, 0x21)) + HALT, Options(tmp_path, cpu=cpu))
    wanted = CYCLES[number] * WORTH[cpu]
    assert taken(machine, 0x102) == pytest.approx(wanted, abs=EXACT)


@pytest.mark.parametrize(
    ("code", "each"),
    [
        ("b440 bb0100", WRITTEN_CHARACTER),  # to a device
        ("b440 bb0500", WRITTEN_BYTE),
        ("b43f bb0500", READ_BYTE),
    ],
)
@pytest.mark.parametrize("cpu", MODELS)
def test_each_byte_takes_its_time(code: str, each: int, cpu: str, tmp_path: Path) -> None:
    """Prevents a block from being read or written as quickly as a byte."""
    (tmp_path / "F").write_bytes(bytes(1000))
    # INT 21h/3D02h of "F" / mov cx, 1000 / mov dx, 400h / … / int 21h; jmp $; "F"
    head = bytes.fromhex("b8023d ba1701 cd21 b9e803 ba0004") + bytes.fromhex(code)
    machine = machine_of(head + b"\xcd\x21" + HALT + b"F\0", Options(tmp_path, cpu=cpu))
    wanted = (CYCLES[head[-4]] + 1000 * each) * WORTH[cpu]
    assert taken(machine, 0x100 + len(head)) == pytest.approx(wanted, rel=0.06)


def test_a_read_that_fails_takes_no_bytes_time(tmp_path: Path) -> None:
    """Prevents an error's number from being taken for a count of bytes."""
    machine = machine_of(bytes.fromhex("b43f bb6300 b9e803 cd21") + HALT, Options(tmp_path))
    assert taken(machine, 0x108) == pytest.approx(CYCLES[0x3F], abs=EXACT)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("call", [0x0B, 0x39])
def test_no_tick_is_lost(engine: str, call: int, tmp_path: Path) -> None:
    """Prevents a clock that stands while a call takes its time, though that takes two ticks."""
    code = loop(bytes((0xB4, call, 0xBA, 0x00, 0x02, 0xCD, 0x21)))
    machine = machine_of(code, Options(tmp_path, engine=engine))
    area = DataArea(machine.memory)
    begin, ticks = machine.cycles, area.ticks
    machine.run(until=begin + 10 * TICK)
    assert area.ticks - ticks in (9, 10)


def test_both_engines_agree_and_time_travel_is_exact(tmp_path: Path) -> None:
    """Prevents a state that depends on the engine, or on how an instant was reached."""
    # mov ah, 9 / mov dx, text / int 21h / mov ah, 2Ch / int 21h / mov ah, 62h / int 21h / jmp; text
    code = bytes.fromhex("b409ba1101cd21 b42ccd21 b462cd21 ebef 414224")
    states = []
    for engine in ENGINES:
        timeline = Timeline(machine_of(code, Options(tmp_path, engine=engine)))
        seen = []
        for _ in range(40):
            timeline.run(97)
            seen.append((timeline.machine.save(), timeline.machine.memory.whole[:]))
        for at in (1700, 100, 3333, 97 * 40):
            timeline.seek(timeline.start + at)
        assert (timeline.machine.save(), timeline.machine.memory.whole[:]) == seen[-1]
        states.append(seen)
    assert states[0] == states[1]


CALLS = (0x02, 0x06, 0x09, 0x0B, 0x19, 0x2A, 0x30, 0x3D, 0x40, 0x48, 0x62, 0xF0)
STEPS = 4_000


@given(
    calls=st.lists(st.sampled_from(CALLS), min_size=1, max_size=6),
    cpu=st.sampled_from(tuple(MODELS)),
    ways=st.lists(st.integers(0, STEPS), min_size=1, max_size=4),
)
@settings(max_examples=15, deadline=None)
def test_any_calls_on_any_processor_leave_one_state_at_an_instant(
    tmp_path_factory: pytest.TempPathFactory, calls: list[int], cpu: str, ways: list[int]
) -> None:
    """Prevents a state that depends on the engine, on how a run is cut, or on travels."""
    # mov bx, 1 / mov cx, 5 / mov dx, 80h, then mov ah, number / int 21h for each
    code = bytes.fromhex("bb0100 b90500 ba8000")
    code += b"".join(bytes((0xB4, number, 0xCD, 0x21)) for number in calls)
    folder, states = tmp_path_factory.mktemp("calls"), []
    for engine in ENGINES:
        timeline = Timeline(machine_of(loop(code), Options(folder, engine=engine, cpu=cpu)))
        for to in sorted({*ways, STEPS}):
            timeline.run(timeline.start + to - timeline.now)
        for to in (*ways, STEPS):
            timeline.seek(timeline.start + to)
        states.append((timeline.machine.save(), timeline.machine.memory.whole[:]))
    assert states[0] == states[1]


def test_a_recording_keeps_it(tmp_path: Path) -> None:
    """Prevents a replay whose calls take another time than those that were recorded."""
    path, given = tmp_path / "run.b16", Options(tmp_path, real_calls=True)
    loaded, debugger, recorder = record(path, com(loop(b"\xb4\x0b\xcd\x21")), [], given)
    debugger.timeline.run(5000)
    recorder.close()
    _, again = replay(open_recording(path), "native")
    again.seek(5000)
    assert again.machine.cycles == loaded.machine.cycles
    assert again.machine.save().registers == loaded.machine.save().registers


@pytest.mark.parametrize("command", [RUN, SERVER, ASK_PROGRAM])
def test_command_lines_and_folders_ask_for_it(command: object, tmp_path: Path) -> None:
    """Prevents an option that does not reach the machine; fast is the default."""
    program = tmp_path / "p.com"
    program.write_bytes(HALT)
    for words, real in ((["--call-speed", "real"], True), ([], False)):
        parsed = parse(command, [*words, str(program)])  # type: ignore[arg-type]
        assert options(parsed, computer(parsed, parsed)).real_calls == real
    (tmp_path / "blink16.toml").write_text('call-speed = "real"\n')
    parsed = parse(command, [str(program)])  # type: ignore[arg-type]
    assert options(parsed, computer(parsed, parsed)).real_calls


class Clock:
    """A clock that goes when it is told to."""

    seconds = 50.0

    def __call__(self) -> float:
        """Return the time."""
        return self.seconds


SERVICES_A_SECOND = 3000
"""Each takes the host some microseconds: a hundredth of the second."""


def counted(machine: Machine, served: list[int], service: Service) -> Outcome:
    """Do a service, and note when."""
    served.append(machine.icount)
    return service(machine)


@pytest.mark.parametrize(("cpu", "mhz"), [("8086", 4.772727), ("8086", 8.0), ("80286", 12.0)])
@pytest.mark.parametrize("poll", POLLS)
def test_realtime_holds_for_programs_that_only_poll(
    poll: str, cpu: str, mhz: float, tmp_path: Path
) -> None:
    """Prevents a program that only asks for keys from being more than its computer can do."""
    code = loop(bytes.fromhex(POLLS[poll]))
    machine = machine_of(code, Options(tmp_path, cpu=cpu, setup=PcSetup(mhz=mhz)))
    machine.receive(Keys.CHANNEL, b"")
    machine.idle_after = 0
    served: list[int] = []
    machine.serve_with = partial(counted, machine, served)
    clock, hertz = Clock(), machine.clock_hz
    governor, begin = Governor(hertz, clock), machine.cycles
    governor.start(begin)
    while machine.cycles - begin < hertz:
        machine.run(1 << 20, until=governor.limit(machine.cycles))
        clock.seconds += governor.ahead(machine.cycles)
    assert clock.seconds - 50.0 == pytest.approx((machine.cycles - begin) / hertz, rel=0.02)
    assert len(served) < SERVICES_A_SECOND * (1 if cpu == "8086" else 1.2)
