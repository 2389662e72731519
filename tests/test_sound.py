"""What the speaker sounds like, in a WAV file: tones, recorded sounds, silence, and the past."""

from __future__ import annotations

import cmath
import wave
from pathlib import Path

import pytest
from boot_sectors import sector
from guests import ENGINES
from hypothesis import given, settings
from hypothesis import strategies as st
from property_examples import examples

from blink16.cli import run_main
from blink16.debugger import Debugger, Resume
from blink16.devices.cards import Cards
from blink16.devices.counter import LOW, Counter, Mode
from blink16.devices.oscillator import PIT_HZ
from blink16.devices.speaker import HZ, LONGEST, OUT, REST, PcSpeaker
from blink16.machine import Machine
from blink16.setup import loader
from blink16.setup.loader import Options, Program, ProgramKind
from blink16.setup.pc import PcSetup
from blink16.setup.sinks import SoundFile

SECOND = 4_772_727
EPOCH = 510_582_896 * 1_000_000_000  # 1986-03-07 12:34:56
TONE = "b0b6e643b8{:02x}{:02x}e64288e0e642e4610c03e661"
"""mov al,0B6h / out 43h,al / mov ax,COUNT / out 42h,al / mov al,ah / out 42h,al / in al,61h /
or al,3 / out 61h,al"""
QUIET = "e46124fce661"
"""in al,61h / and al,0FCh / out 61h,al"""
WAIT = "b9204ee2fe"
"""mov cx,20000 / loop $: 340,000 cycles or so"""


def tone(hz: float) -> str:
    """Return the code that switches a tone on."""
    count = round(PIT_HZ / hz)
    return TONE.format(count & 0xFF, count >> 8)


def machine_with(code: str, path: Path, engine: str = "native") -> Machine:
    """Return a PC before a boot sector, whose speaker is recorded."""
    options = Options(
        engine=engine, setup=PcSetup(cards=Cards(sound=True)), sinks=(("speaker", path),)
    )
    image = sector(bytes.fromhex(code))
    machine = loader.load(Program("s.img", ProgramKind.BOOT, image), (), options).machine
    machine.idle_after = 1 << 62
    return machine


def heard(path: Path) -> bytes:
    """Return the samples of a file."""
    with wave.open(str(path), "rb") as recorded:
        assert (recorded.getframerate(), recorded.getsampwidth()) == (HZ, 1)
        return recorded.readframes(recorded.getnframes())


def strength(samples: bytes, hz: float) -> float:
    """Return how much of a frequency is in samples: 1 is a sine wave of the cone's whole way."""
    turn = cmath.exp(-2j * cmath.pi * hz / HZ)
    total, phase = 0j, 1 + 0j
    for sample in samples:
        total += (sample - REST) * phase
        phase *= turn
    return abs(total) * 4 / (OUT - REST) / len(samples)


@pytest.mark.parametrize("engine", ENGINES)
def test_tones_have_their_frequency_and_silence_is_silent(tmp_path: Path, engine: str) -> None:
    """In the guest's time, whatever the engine; what is between them is a cone at rest."""
    path = tmp_path / "s.wav"
    code = tone(440) + WAIT + QUIET + WAIT + tone(3000) + WAIT + QUIET + "faf4"
    machine = machine_with(code, path, engine)
    machine.run(100_000, until=SECOND)
    samples = heard(path)
    first, last = samples.index(OUT), len(samples.rstrip(bytes((REST,))))
    middle = (first + last) // 2
    low, silent = samples[first:][:2000], samples[middle - 500 : middle + 500]
    assert strength(low, 440) > 0.9
    assert strength(low, 3000) < 0.1
    assert set(silent) == {REST}
    assert strength(samples[:last][-2000:], 3000) > 0.9


def test_pulses_make_what_they_make_together(tmp_path: Path) -> None:
    """Recorded sounds come as pulses of the timer's one-shots, far shorter than a sample is apart.

    Channel 2 in mode 0 with counts of 1 to 60, 16,000 times a second and more: the longer a pulse,
    the deeper the cone, where it was seen to be in or out at random.
    again: mov al,[si] / out 42h,al / inc si / and si,63 / or si,600h / jmp again
    """
    code = "b090e643b90040bf0006" + "e4610c03e661"
    fill = "31c08ed88ec0fc31dbb94000bf000688d83c3c7202b03cfec0aa43e2f4be0006"
    again = "ac" + "e642" + "81e63f00" + "81ce0006" + "ebf3"
    path = tmp_path / "s.wav"
    machine = machine_with(fill + code + again, path)
    machine.run(40_000)
    samples = heard(path)[2000:]
    assert len(set(samples)) > 10
    assert REST < sum(samples) / len(samples) < OUT


@pytest.mark.parametrize("engine", ENGINES)
def test_a_bit_makes_sound_without_the_timer(tmp_path: Path, engine: str) -> None:
    """xor al,2 / out 61h,al in a delay loop, with the timer's gate closed: about 600 Hz."""
    path = tmp_path / "s.wav"
    machine = machine_with("e46124fc34 02e661b9e600e2feebf5".replace(" ", ""), path, engine)
    machine.run(30_000)
    samples = heard(path)
    best = max(range(400, 800, 10), key=lambda hz: strength(samples[-4000:], hz))
    assert strength(samples[-4000:], best) > 0.9


def test_nothing_sounds_twice_and_what_is_no_longer_the_past_is_gone(tmp_path: Path) -> None:
    """Going back and forth leaves the file alone; going on otherwise records over it."""
    path, code = tmp_path / "s.wav", tone(1000) + WAIT + QUIET + WAIT * 3 + "faf4"
    debugger = Debugger(machine_with(code, path))
    debugger.resume(Resume(count=60_000))
    end, before = debugger.timeline.now, heard(path)
    for instant in (20_000, 100, 50_000, end):
        debugger.seek(instant)
        debugger.resume(Resume(count=1))
        debugger.seek(instant)
    assert heard(path).startswith(before)
    debugger.seek(10_000)
    loop = 0x7C00 + bytes.fromhex(code).index(b"\xe2\xfe")
    assert debugger.timeline.write_memory(loop, b"\x90\x90")  # so the tone ends here
    debugger.resume(Resume(count=30_000))
    after = heard(path)
    quiet_since = len(after.rstrip(bytes((REST,))))
    assert quiet_since < len(before.rstrip(bytes((REST,)))) - 1000
    assert after[: quiet_since - 100] == before[: quiet_since - 100]


def test_a_file_has_samples_at_their_places(tmp_path: Path) -> None:
    """A WAV is whole after each piece, gaps are silent, and a later branch cuts an earlier one."""
    path = tmp_path / "s.wav"
    with path.open("wb", buffering=0) as file:
        sound = SoundFile(file)
        sound.put(2, b"ab")
        assert heard(path) == bytes((REST, REST)) + b"ab"
        sound.put(4, b"cdef")
        sound.put(3, b"xy")
        assert heard(path) == bytes((REST, REST)) + b"axy"


def test_the_last_moment_is_recorded_and_a_full_disk_ends_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A program that ends while it sounds lost up to a twentieth of a second of it."""
    program, path = tmp_path / "t.com", tmp_path / "s.wav"
    program.write_bytes(bytes.fromhex(tone(1000) + "b9e803e2fe" + "b8004ccd21"))
    assert run_main(["--sound", str(path), str(program)]) == 0
    assert len(heard(path)) > 100
    assert run_main(["--sound", "/dev/full", str(program)]) == 1
    assert "/dev/full: can't write it: No space left" in capfd.readouterr().err
    program.write_bytes(bytes.fromhex("b8410031d2cd17b8004ccd21"))
    assert run_main(["--lpt", "/dev/full", str(program)]) == 0
    assert "/dev/full: can't write it any more: No space left" in capfd.readouterr().err


ALARM = (
    # an AT's clock: alarm at 12:30:00, in register B the 24 hours and its interrupt
    "fa b001e670 b000e671 b003e670 b030e671 b005e670 b012e671 b00be670 b022e671"
    "b0fbe621 b0fee6a1"  # the second controller's level alone, and the clock's alone in that
)
ASLEEP = "fb f4 ebfe"


@pytest.mark.parametrize("sounds", ["", tone(440)], ids=["silence", "tone"])
def test_a_day_of_sleep_is_not_heard_whole(sounds: str) -> None:
    """Prevents a guest that sleeps until tomorrow's alarm from taking 4 GB, or an hour of ours."""
    cards = Cards(at=True, sound=True)
    options = Options(engine="reference", cpu="80286", epoch_ns=EPOCH, setup=PcSetup(cards=cards))
    image = sector(bytes.fromhex(ALARM + sounds + ASLEEP))
    machine = loader.load(Program("s.img", ProgramKind.BOOT, image), (), options).machine
    speaker = machine.find(PcSpeaker)
    assert speaker is not None
    pieces: list[int] = []
    speaker.on_sound = lambda _, samples: pieces.append(len(samples))
    machine.run(300)
    assert machine.time > 86_000 * machine.clock_hz
    assert 0 < sum(pieces) <= (LONGEST // PIT_HZ + 1) * HZ
    assert speaker.state.samples >= 86_000 * HZ


STEPS = st.tuples(st.integers(1, 50), st.booleans() | st.integers(0, 40))


@settings(max_examples=examples(100))
@given(st.sampled_from(Mode), st.booleans(), st.lists(STEPS, max_size=5), st.integers(0, 200))
def test_high_time_is_the_sum_of_levels(
    mode: Mode, gate: bool, steps: list[tuple[int, bool | int]], length: int
) -> None:
    """In every mode, wherever counts are written and the gate opens and closes."""
    counter, now = Counter(mode, LOW, gate=gate), 0
    for passed, what in steps:
        now += passed
        if isinstance(what, bool):
            counter = counter.with_gate(what, now)
        else:
            counter = counter.write(what, now)
    expected = sum(counter.output(cycle) for cycle in range(now, now + length))
    assert counter.high_between(now, now + length) == expected
