"""Recordings of PCs: disks, cards, keys and resets, shown again without any of the files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from enum import IntEnum
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from boot_sectors import sector
from disk_images import fat_floppy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pc_guest import machine_on
from property_examples import examples

from blink16.bios import OptionRom
from blink16.bios.drives import Drives
from blink16.bios.geometry import FLOPPIES
from blink16.console import Console
from blink16.debugger import Debugger
from blink16.devices.counter import Counter
from blink16.devices.pit import Pit
from blink16.devices.video import Adapter
from blink16.monitor import execute
from blink16.recording import (
    Recorder,
    RecordingError,
    open_recording,
    plain,
    record,
    record_again,
    replay,
)
from blink16.recording.records import BATCH, HEADER, VERSION, RecordKind, build_batch, parse_batch
from blink16.server.sources import RecordedSource, ReplayedSource
from blink16.setup import loader, pc
from blink16.setup.loader import LoadError, Options, Program, ProgramKind

EPOCH = 510_582_896 * 1_000_000_000  # 1986-03-07 12:34:56
ECHO = sector(bytes.fromhex("b400cd16b40ecd10ebf6"))  # read a key, show it, again
FLOPPY = fat_floppy({"A.TXT": b"a"}, FLOPPIES[0])
ROM = bytes.fromhex("55aa01cb").ljust(511, b"\0") + bytes((0x100 - (0x55 + 0xAA + 1 + 0xCB) % 256,))
SETUP = pc.PcSetup(
    mhz=7.16,
    adapter=Adapter.MDA,
    disks=(
        pc.DiskImage(0, Path("folder/two.img"), FLOPPY, read_only=True),
        pc.DiskImage(1, Path("b.img"), FLOPPY),
        pc.DiskImage(0x80, Path("c.img"), bytes(1008 * 512)),
    ),
    roms=(OptionRom(0xC8000, ROM),),
)


@pytest.fixture(autouse=True, scope="module")
def eager() -> Iterator[None]:
    """Let nothing depend on the wall clock: checkpoints and flushes come at every chance."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("blink16.recording.writer.CHECKPOINT_SECONDS", 0)
        patch.setattr("blink16.recording.writer.OVERHEAD", 0)
        patch.setattr("blink16.recording.writer.FLUSH_SECONDS", 0)
        yield


def begin(
    path: Path, image: bytes = ECHO, setup: pc.PcSetup = SETUP, engine: str = "reference"
) -> tuple[Debugger, Recorder]:
    """Return a PC that is being recorded."""
    options = Options(engine=engine, epoch_ns=EPOCH, setup=setup)
    _, debugger, recorder = record(path, Program("boot.img", ProgramKind.BOOT, image), [], options)
    return debugger, recorder


def again(path: Path, engine: str = "reference") -> Debugger:
    """Return the debugger of what was recorded."""
    recording = open_recording(path)
    assert recording.damage is None
    return replay(recording, engine)[1]


def state(debugger: Debugger) -> tuple[object, bytes]:
    """All of the machine's state, the memory hashed."""
    machine = debugger.machine
    return machine.save(), hashlib.sha256(machine.memory.ram).digest()


def session(debugger: Debugger) -> None:
    """Type, change a disk, press the reset button, name an instant."""
    execute(debugger, "type ab")
    debugger.timeline.run(20_000)
    execute(debugger, "bookmark typed")
    execute(debugger, "disk A two.img")
    debugger.timeline.run(1000)
    execute(debugger, "disk A none")
    execute(debugger, "reset")
    execute(debugger, "key f1")
    debugger.timeline.run(1000)


# -- the same PC -----------------------------------------------------------------------------


def test_a_pc_is_replayed_as_it_was_set_up(tmp_path: Path) -> None:
    """A colleague has neither the disks nor the options: all must be in the file."""
    path = tmp_path / "rec"
    debugger, recorder = begin(path)
    session(debugger)
    recorder.close()
    assert open_recording(path).launch.setup == SETUP
    end, other = debugger.timeline.end, again(path)
    assert (other.timeline.now, other.timeline.end) == (0, end)
    assert other.machine.clock_hz == debugger.machine.clock_hz
    for instant in (end, 0, *(end * share // 11 for share in (9, 2, 7, 10)), end - 1):
        debugger.timeline.seek(instant)
        other.timeline.seek(instant)
        assert state(other) == state(debugger)
        for command in ("screen", "disks", "regs", "bookmarks"):
            assert execute(other, command) == execute(debugger, command)
    assert "ab" in execute(other, "seek typed") + execute(other, "screen")


def test_a_replayed_pc_goes_on_live(tmp_path: Path) -> None:
    """At its end the session can be continued: keys, disks and reset work."""
    debugger, recorder = begin(tmp_path / "rec")
    session(debugger)
    recorder.close()
    other = again(tmp_path / "rec")
    for one in (debugger, other):
        one.timeline.seek(one.timeline.end)
        execute(one, "disk A boot.img")
        execute(one, "reset")
        one.timeline.run(5000)
        execute(one, "type x")
        one.timeline.run(20_000)  # until it is idle: when that is seen depends on our clock
    both = min(debugger.timeline.now, other.timeline.now)
    for one in (debugger, other):
        one.timeline.seek(both)
    assert state(other) == state(debugger)
    assert "x" in execute(other, "screen")


def test_an_elks_session_is_replayed(tmp_path: Path, shared: Path) -> None:
    """A boot with keys, a changed disk and a reset must be the same at every instant."""
    machine_on("native")
    path, image = tmp_path / "rec", loader.read(str(shared / "images/fd1440.img")).image
    debugger, recorder = begin(path, image, SETUP, "native")
    assert "is on the screen" in execute(debugger, 'wait-screen "# "')
    execute(debugger, 'type "echo hi > /tmp/x; cat /tmp/x\\n"')
    assert "is on the screen" in execute(debugger, 'wait-screen "cat /tmp/x"')
    execute(debugger, "disk B two.img")
    debugger.timeline.run(400_000)
    execute(debugger, "reset")
    debugger.timeline.run(100_000)
    recorder.close()
    assert path.stat().st_size < 2 << 20
    end, other = debugger.timeline.end, again(path, "native")
    for instant in [end, *(end * share // 97 for share in (80, 13, 41, 96, 60))]:
        debugger.timeline.seek(instant)
        other.timeline.seek(instant)
        assert state(other) == state(debugger)
        assert execute(other, "screen") == execute(debugger, "screen")


STEPS = st.sampled_from(
    ["type x", "key f1", "disk A none", "disk A two.img", "disk B two.img", "reset", "seek -700"]
)


@settings(max_examples=examples(10), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(STEPS, st.integers(1, 3000)), max_size=8), st.integers(0, 100))
def test_any_session_is_replayed(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]], share: int
) -> None:
    """The law of recordings: whatever was done, each instant is the same."""
    path = tmp_path_factory.mktemp("r") / "rec"
    debugger, recorder = begin(path)
    for command, instructions in steps:
        execute(debugger, command)
        debugger.timeline.run(instructions)
    recorder.close()
    other, end = again(path), debugger.timeline.end
    for instant in (end, end * share // 100):
        debugger.timeline.seek(instant)
        other.timeline.seek(instant)
        assert state(other) == state(debugger)


def test_a_replay_that_goes_on_is_recorded_again(tmp_path: Path) -> None:
    """A colleague's session, and what one did with it, must be one session in a new file."""
    debugger, recorder = begin(tmp_path / "rec")
    session(debugger)
    recorder.close()
    recorded = (tmp_path / "rec").read_bytes()
    first = open_recording(tmp_path / "rec")
    _, other, recorder = record_again(tmp_path / "on", first, "reference")
    other.timeline.seek(other.timeline.end)
    execute(other, "type y")
    execute(other, "bookmark mine")
    other.timeline.run(3000)
    recorder.close()
    second = open_recording(tmp_path / "on")
    assert second.inputs[: len(first.inputs)] == first.inputs
    assert len(second.inputs) > len(first.inputs)
    assert len(second.checkpoints) >= len(first.checkpoints)
    assert (tmp_path / "rec").read_bytes() == recorded
    last, end = again(tmp_path / "on"), other.timeline.end
    for instant in (end, 1000, first.end, end - 1):
        other.timeline.seek(instant)
        last.timeline.seek(instant)
        assert state(last) == state(other)
    assert execute(last, "bookmarks") == execute(other, "bookmarks")


def test_a_replay_whose_future_was_changed_is_recorded_again(tmp_path: Path) -> None:
    """What was dropped of the first session must not come back in the second."""
    debugger, recorder = begin(tmp_path / "rec")
    session(debugger)
    recorder.close()
    first = open_recording(tmp_path / "rec")
    _, other, recorder = record_again(tmp_path / "on", first, "reference")
    other.timeline.seek(500)
    other.write_register("di", 0x1234)
    other.timeline.run(700)
    recorder.close()
    last = again(tmp_path / "on")
    assert last.timeline.end == other.timeline.end == 1200
    for instant in (500, 1200, 499):
        other.timeline.seek(instant)
        last.timeline.seek(instant)
        assert state(last) == state(other)


# -- bookmarks -------------------------------------------------------------------------------


def test_bookmarks_that_were_dropped_or_moved_are_not_written(tmp_path: Path) -> None:
    """The last state of the bookmarks counts, without those of a dropped future."""
    debugger, recorder = begin(tmp_path / "rec")
    for name, instructions in (("a", 100), ("b", 100), ("c", 100), ("a", 50)):
        debugger.timeline.run(instructions)
        execute(debugger, f"bookmark {name}")
    execute(debugger, "seek b")
    debugger.write_register("ax", 5)
    recorder.close()
    assert open_recording(tmp_path / "rec").bookmarks == debugger.bookmarks.all() == [(200, "b")]


def test_a_killed_server_leaves_the_bookmarks(tmp_path: Path) -> None:
    """A bookmark that is set before the machine runs again must not wait for that."""
    debugger, recorder = begin(tmp_path / "rec")
    debugger.timeline.run(100)
    execute(debugger, "bookmark here")
    assert open_recording(tmp_path / "rec").bookmarks == [(100, "here")]
    recorder.close()


# -- the file --------------------------------------------------------------------------------


def batches(path: Path) -> list[tuple[Any, ...]]:
    """Return the records of each batch."""
    data, found, place = path.read_bytes(), [], HEADER.sizeof()
    while place < len(data):
        front = data[place : place + BATCH.sizeof()]
        place += BATCH.sizeof() + BATCH.parse(front).length
        found.append(parse_batch(front, data[place - BATCH.parse(front).length : place]))
    return found


def with_batches(path: Path, found: list[tuple[Any, ...]]) -> None:
    """Write a recording of such batches."""
    header = HEADER.build({"version": VERSION, "reserved": 0})
    path.write_bytes(header + b"".join(build_batch(list(records)) for records in found))


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """Return a short recording of a PC."""
    recorder = begin(tmp_path / "rec")[1]
    recorder.close()
    return tmp_path / "rec"


def test_equal_disks_are_written_once(recorded: Path) -> None:
    """A disk image is most of a recording."""
    contents = [batch[0][1] for batch in batches(recorded) if batch[0][0] == RecordKind.CONTENT]
    assert contents == [ECHO, FLOPPY, bytes(1008 * 512), ROM]


def test_large_disks_are_written_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hard disk is larger than a batch may be."""
    monkeypatch.setattr("blink16.recording.launching.PIECE", 100_000)
    recorder = begin(tmp_path / "rec")[1]
    recorder.close()
    assert open_recording(tmp_path / "rec").launch.setup == SETUP


def test_disks_that_are_too_much_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recorded: Path
) -> None:
    """Neither a recording nor a bomb may hold more than this host can bear."""
    monkeypatch.setattr("blink16.recording.launching.MAX_CONTENT", 600_000)
    with pytest.raises(RecordingError, match="a recording at most 600000"):
        begin(tmp_path / "other")
    assert not (tmp_path / "other").exists()
    with pytest.raises(RecordingError, match="files are too large"):
        open_recording(recorded)


def test_a_changed_image_is_told(recorded: Path) -> None:
    """Another disk than the recorded one would lead to another session."""
    found = batches(recorded)
    assert found[2][0][0] == RecordKind.CONTENT
    found[2] = ((RecordKind.CONTENT, b"X" + FLOPPY[1:]),)
    with_batches(recorded, found)
    with pytest.raises(RecordingError, match="digest is wrong"):
        open_recording(recorded)


@pytest.mark.parametrize(
    "setup",
    [
        (),
        ("x", "CGA", (), ()),
        ("4.77", "VGA", (), ()),
        ("4.77", "CGA", (5,), ()),
        ("4.77", "CGA", ((0, "x", True, (5,)),), ()),
        ("4.77", "CGA", ((0, "x", True, (-1, b"")),), ()),
        ("4.77", "CGA", (), ((0xC8000, (1 << 40, b"")),)),
        ("1e99", "CGA", (), ()),
        ("nan", "CGA", (), ()),
        ("4.77", "CGA", ((7, "x", True, (0, b"")),), ()),
    ],
)
def test_launches_that_make_no_sense_are_refused(recorded: Path, setup: Any) -> None:
    """A file with good checksums must not lead to a traceback."""
    found = batches(recorded)
    launch = found[0][0]
    found[0] = ((*launch[:-1], setup),)
    with_batches(recorded, found)
    with pytest.raises(RecordingError):
        replay(open_recording(recorded), "reference")


@pytest.mark.parametrize(("field", "value"), [(2, "WORD_FILE"), (6, 0), (6, -1), (6, 1 << 60)])
def test_impossible_machines_are_refused(recorded: Path, field: int, value: Any) -> None:
    """Prevents a division by a speed of zero, and a traceback about the kind of program."""
    found = batches(recorded)
    launch = found[0][0]
    found[0] = ((*launch[:field], value, *launch[field + 1 :]),)
    with_batches(recorded, found)
    with pytest.raises(RecordingError):
        open_recording(recorded)


@pytest.mark.parametrize("record", [5, (), (99,), ({},), ((),), (None, 1), ("x",), (1, 2, 3)])
def test_unknown_records_are_damage(recorded: Path, record: Any) -> None:
    """Prevents a traceback where a record begins with what no table can look up."""
    found = batches(recorded)
    found.append((record,))
    with_batches(recorded, found)
    assert open_recording(recorded).damage == "there is an unknown record"


def test_later_input_for_nobody_does_not_fit(recorded: Path) -> None:
    """A replay must not fail in its midst."""
    found = batches(recorded)
    found.append(((RecordKind.REACHED, 500), (RecordKind.RECEIVED, 400, "disk-0", b"x")))
    with_batches(recorded, found)
    with pytest.raises(RecordingError, match="doesn't fit this program"):
        replay(open_recording(recorded), "reference")


def test_a_checkpoint_too_large_for_the_file_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A guest that formats its hard disk must not end the recording."""
    debugger, recorder = begin(tmp_path / "rec")
    said: list[str] = []
    recorder.on_notice = said.append
    monkeypatch.setattr("blink16.recording.records.MAX_BATCH", 100_000)
    debugger.timeline.run(100)
    disk = pc.disk_in(debugger.machine, 0)
    assert disk is not None
    # as if the guest had: only the checkpoint's size matters here
    for number in range(1000):
        disk.write(number, bytes((number & 0xFF,)) * 512)
    debugger.timeline.keep()
    debugger.timeline.run(100)
    recorder.close()
    monkeypatch.undo()
    assert said == []
    recording = open_recording(tmp_path / "rec")
    assert (recording.damage, recording.end) == (None, 200)


# -- names -----------------------------------------------------------------------------------


class Color(IntEnum):
    """An enumeration in a state."""

    RED = 1


class Inner(NamedTuple):
    """A part of a state."""

    color: Color = Color.RED
    data: bytes = b""


class Outer(NamedTuple):
    """A state."""

    parts: tuple[Inner, ...] = (Inner(), Inner())
    number: int | None = None


def test_named_states_get_their_names_back() -> None:
    """A device that finds a bare tuple as its state fails at its first attribute."""
    value = Outer((Inner(Color.RED, b"x"), Inner()), 5)
    bare = plain.parse(plain.build(value))
    assert type(bare) is tuple
    shaped = plain.shaped_like(bare, Outer())
    assert shaped == value
    assert isinstance(shaped.parts[0].color, Color)
    for wrong in ((), (((7, b""),), 5), (1, 2, 3)):
        with pytest.raises((ValueError, TypeError)):
            plain.shaped_like(wrong, Outer())


def test_states_without_names_stay_shared() -> None:
    """An overlay's unchanged parts must not be copied for each checkpoint."""
    value = ((b"a", None), (1, 2))
    assert plain.shaped_like(value, ((None, None), ())) is value
    assert plain.shaped_like(value, None) is value


def test_drives_and_consoles_are_input_channels() -> None:
    """The names stand in recordings: they must not change."""
    assert (Drives.CHANNEL, Console.CHANNEL) == ("drives", "console")


def test_a_server_records_what_it_replays(recorded: Path, tmp_path: Path) -> None:
    """`--replay A --record B` must make B, once, and say when nothing is recorded any more."""
    said: list[str] = []
    replayed = ReplayedSource(recorded, "reference", say=said.append)
    source = RecordedSource(replayed, tmp_path / "on", said.append)
    debugger = source.make(())[1]
    debugger.timeline.run(500)
    assert source.make(())[1].timeline.end == 0
    source.close()
    assert open_recording(tmp_path / "on").end == 500
    assert len(said) == 1
    with pytest.raises(LoadError, match="exists already"):
        RecordedSource(replayed, tmp_path / "on", said.append).make(())


@pytest.mark.parametrize(("field", "value"), [("origin", None), ("initial", 0)])
def test_a_forged_timer_does_not_fit(recorded: Path, field: str, value: int | None) -> None:
    """Prevents a traceback where a state has nothing for a number, or one that can't be."""
    recording = open_recording(recorded)
    components = dict(recording.start.components)
    counters, seen = components[Pit.COMPONENT]
    at = Counter._fields.index(field)
    forged = tuple((*counter[:at], value, *counter[at + 1 :]) for counter in counters)
    components[Pit.COMPONENT] = forged, seen
    recording.start = replace(recording.start, components=tuple(components.items()))
    with pytest.raises(RecordingError, match="doesn't fit"):
        replay(recording, "reference")
