"""Recordings: written as the history grows, opened anywhere, and never trusted."""

from __future__ import annotations

import errno
import struct
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import guests
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from property_examples import examples

from blink16.console import Console
from blink16.cpu.registers import ARCHITECTURE
from blink16.debugger import Debugger, Event, EventKind, Resume
from blink16.history.checkpoints import DEFAULT_LIMIT, MIN_LIMIT
from blink16.history.inputs import Received
from blink16.history.terms import TimelineError
from blink16.history.timeline import Timeline
from blink16.hostfs.hostfolder import HostAnswers
from blink16.recording import (
    RecordedLaunch,
    Recorder,
    Recording,
    RecordingError,
    open_recording,
    record,
    replay,
)
from blink16.recording.records import BATCH, HEADER, VERSION, RecordKind, build_batch
from blink16.setup.loader import Options, Program, ProgramKind

ECHO = bytes((0xCD, guests.READ, 0xCD, guests.WRITE, 0xEB, 0xFA))
COUNTER = bytes.fromhex("ff060040 40 50 58 ebf7".replace(" ", ""))
LAUNCH = RecordedLaunch("prog", "DOS_COM", COUNTER, (), 0, 1_000_000)
TO_ITS_END = Resume()

READ_FILE = (
    bytes.fromhex("ba3001 b8003d cd21 89c3 ba0002 b90500 b43f cd21")  # open, read
    + bytes.fromhex("89c1 bb0100 b440 cd21 b8034c cd21")  # write, exit with 3
).ljust(0x30, b"\x90") + b"F.TXT\0"
"""A .COM that copies the first five bytes of F.TXT to the console."""


def begin(folder: Path, code: bytes) -> tuple[guests.TestGuest, Timeline, Recorder]:
    """Return a guest whose history is being recorded, with a checkpoint at every occasion."""
    guest = guests.make(code)
    timeline = Timeline(guest.machine, pace=guests.TestPace())
    recorder = Recorder(folder / "rec", LAUNCH, timeline, {})
    return guest, timeline, recorder


@pytest.fixture(autouse=True, scope="module")
def eager() -> Iterator[None]:
    """Let nothing depend on the wall clock: checkpoints and flushes come at every chance."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("blink16.recording.writer.CHECKPOINT_SECONDS", 0)
        patch.setattr("blink16.recording.writer.OVERHEAD", 0)
        patch.setattr("blink16.recording.writer.FLUSH_SECONDS", 0)
        yield


def play(recording: Recording, code: bytes) -> tuple[guests.TestGuest, Timeline]:
    """Put a recording into a machine that was made like the recorded one."""
    guest = guests.make(code)
    return guest, recording.play(guest.machine, limit=DEFAULT_LIMIT)


# -- the same session ---------------------------------------------------------------------------


@settings(max_examples=examples(25), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    guests.programs(),
    st.lists(
        st.tuples(st.sampled_from(["run", "type", "poke", "back"]), st.integers(1, 200)),
        min_size=1,
        max_size=8,
    ),
    st.integers(0, 1000),
)
def test_a_recording_is_the_same_session(
    tmp_path_factory: pytest.TempPathFactory,
    code: bytes,
    steps: list[tuple[str, int]],
    instant: int,
) -> None:
    """Prevents an instant that a colleague sees differently."""
    guest, timeline, recorder = begin(tmp_path_factory.mktemp("r"), code)
    for what, number in steps:
        if what == "run":
            timeline.run(number, through_traps=True)
        elif what == "type":
            timeline.receive(Console.CHANNEL, bytes((number,)))
        elif what == "poke":
            timeline.write_register("ax", number)
        else:
            timeline.seek(max(0, timeline.now - number))
    recorder.close()
    recording = open_recording(recorder.path)
    assert recording.damage is None
    assert (recording.launch, recording.end) == (LAUNCH, timeline.end)
    replayed, history = play(recording, code)
    for icount in (timeline.end * instant // 1000, timeline.end, 0, timeline.end // 2):
        timeline.seek(icount)
        history.seek(icount)
        assert replayed.state() == guest.state()
    assert replayed.shown == b""


def test_a_recording_goes_on_live_at_its_end(tmp_path: Path) -> None:
    """Prevents a recording that can only be looked at."""
    guest, timeline, recorder = begin(tmp_path, ECHO)
    timeline.receive(Console.CHANNEL, b"ab")
    timeline.run()
    recorder.close()
    replayed, history = play(open_recording(recorder.path), ECHO)
    history.receive(Console.CHANNEL, b"c")
    history.run()
    assert replayed.shown == b"c"
    timeline.receive(Console.CHANNEL, b"c")
    timeline.run()
    assert replayed.state() == guest.state()


def test_a_program_is_replayed_without_its_files(tmp_path: Path) -> None:
    """Prevents a replay that reads the colleague's own files, or misses those of the program."""
    root = tmp_path / "root"
    root.mkdir()
    (root / "f.txt").write_bytes(b"hello, world")
    program = Program("copy.com", ProgramKind.DOS_COM, READ_FILE)
    loaded, debugger, recorder = record(tmp_path / "rec", program, ["x"], Options(root=root))
    shown = bytearray()
    loaded.machine.on_output = lambda channel, data: shown.extend(data)
    assert debugger.drive(TO_ITS_END).kind is EventKind.EXITING
    assert shown == b"hello"
    recorder.close()
    (root / "f.txt").unlink()
    end = debugger.timeline.end
    for engine in ("reference", "native"):
        _, again = replay(open_recording(tmp_path / "rec"), engine)
        assert (again.timeline.now, again.timeline.end) == (0, end)
        event = again.drive(TO_ITS_END)
        assert (event.kind, event.status, again.timeline.now) == (EventKind.EXITING, 3, end)
        assert again.machine.save() == debugger.machine.save()
        assert bytes(again.machine.memory.ram) == bytes(debugger.machine.memory.ram)


def test_host_answers_of_each_kind_come_back(tmp_path: Path) -> None:
    """Prevents a file that is there in the recording but not in its replay."""
    from blink16.hostfs.hostfolder import HostFolder

    root = tmp_path / "root"
    root.mkdir()
    (root / "a").write_bytes(b"content")
    (root / "l").symlink_to("a")
    answers: HostAnswers = {}
    host = HostFolder(root, answers)
    timeline = Timeline(guests.make(COUNTER).machine)
    recorder = Recorder(tmp_path / "rec", LAUNCH, timeline, answers)
    host.names(())
    host.entry(("a",))
    host.entry(("l",))
    host.content(("a",))
    with pytest.raises(FileNotFoundError):
        host.entry(("b",))
    recorder.close()
    assert open_recording(recorder.path).answers == answers


# -- as it goes ---------------------------------------------------------------------------------


def test_a_killed_server_leaves_what_was_flushed(tmp_path: Path) -> None:
    """Prevents a recording that is only whole when it is closed."""
    guest, timeline, recorder = begin(tmp_path, ECHO)
    timeline.receive(Console.CHANNEL, b"abc")
    timeline.run()
    recording = open_recording(recorder.path)
    assert recording.damage is None
    assert recording.end == timeline.end
    replayed, history = play(recording, ECHO)
    history.seek(history.end)
    assert replayed.state() == guest.state()
    recorder.close()


def test_a_full_disk_ends_the_recording_but_not_the_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prevents a traceback, or a complaint with every step, when the disk is full."""
    _, timeline, recorder = begin(tmp_path, COUNTER)
    said: list[str] = []
    recorder.on_notice = said.append

    def full(records: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(recorder, "_write", full)
    timeline.run(500)
    timeline.run(500)
    assert timeline.now == 1000
    assert said == [f"{recorder.path}: the recording ends here: No space left on device"]
    recorder.close()


def test_recordings_are_not_overwritten(tmp_path: Path) -> None:
    """Prevents a second run from destroying the recording of the crash."""
    recorder = begin(tmp_path, COUNTER)[2]
    recorder.close()
    with pytest.raises(RecordingError, match="exists already"):
        begin(tmp_path, COUNTER)


def test_a_folder_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    """Prevents a traceback for a typing error."""
    with pytest.raises(RecordingError, match="can't record: No such file"):
        begin(tmp_path / "nowhere", COUNTER)


# -- what is not trusted ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return the bytes of a good recording of some length."""
    folder = tmp_path_factory.mktemp("sound")
    _, timeline, recorder = begin(folder, ECHO)
    for letter in b"abcdef":
        timeline.receive(Console.CHANNEL, bytes((letter,)))
        timeline.run()
    recorder.close()
    return recorder.path.read_bytes()


@settings(max_examples=examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_damage_is_refused_or_read_up_to(sound: bytes, tmp_path: Path, data: st.DataObject) -> None:
    """Prevents a damaged recording from crashing, or from showing what never was."""
    place = data.draw(st.integers(0, len(sound) - 1))
    broken = bytearray(sound)
    if data.draw(st.booleans()):
        del broken[place:]
    else:
        broken[place] ^= 1 << data.draw(st.integers(0, 7))
    path = tmp_path / "broken"
    path.write_bytes(broken)
    try:
        recording = open_recording(path)
    except RecordingError as error:
        refusal = str(error)
    else:
        refusal = ""
    if refusal:
        assert refusal.startswith(str(path))
        assert "\n" not in refusal
        return
    guest, history = play(recording, ECHO)
    history.seek(history.end)
    fresh = guests.replay(ECHO, history.inputs(), history.end)
    assert guest.state() == fresh.state()


def test_truncation_is_told(sound: bytes, tmp_path: Path) -> None:
    """Prevents the loss of a recording's end from going unnoticed."""
    path = tmp_path / "short"
    path.write_bytes(sound[:-1])
    recording = open_recording(path)
    assert recording.damage == "its end is missing: it was cut off, or is still being written"
    assert recording.end > 0


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "no recording"),
        (b"MZ" + bytes(100), "no recording"),
        (HEADER.build({"version": VERSION - 1, "reserved": 0}), "has to be recorded anew"),
        (HEADER.build({"version": VERSION + 1, "reserved": 0}), "of a newer blink16"),
        (HEADER.build({"version": VERSION, "reserved": 0}), "launch is missing"),
    ],
)
def test_what_is_no_recording_is_refused(tmp_path: Path, content: bytes, complaint: str) -> None:
    """Prevents guessing at the content of unknown files."""
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(RecordingError, match=complaint):
        open_recording(path)


def test_a_missing_recording_is_one_line(tmp_path: Path) -> None:
    """Prevents a traceback for a typing error."""
    with pytest.raises(RecordingError, match="can't read it: No such file"):
        open_recording(tmp_path / "nothing")


def with_records(sound: bytes, *records: Any) -> bytes:
    """Return a recording's launch, its program and start, and other records behind them."""
    place = HEADER.sizeof()
    for _ in range(3):
        place += BATCH.sizeof() + BATCH.parse(sound[place:]).length
    return sound[:place] + build_batch(list(records))


@pytest.mark.parametrize(
    "record",
    [
        5,
        (),
        (99,),
        (RecordKind.RECEIVED, 0, "console"),
        (RecordKind.RECEIVED, -1, "console", b"x"),
        (RecordKind.MEMORY, 0, 0xFFFFF, b"xx"),
        (RecordKind.MEMORY, 0, -1, b"x"),
        (RecordKind.REGISTER, 0, "icount", 5),
        (RecordKind.REGISTER, 0, "__class__", 5),
        (RecordKind.REGISTER, 0, "ax", 1 << 20),
        (RecordKind.CUT, 0, 7),
        (RecordKind.CUT, 9, 0),
        (RecordKind.HOST, "names", ("..",), (5,)),
        (RecordKind.HOST, "none", (), b""),
        (RecordKind.HOST, "entry", (), (9, 0, 0, 0, "")),
        (RecordKind.CHECKPOINT, 5, 0, 0, bytes(48), 0, (), {}),
        (RecordKind.CHECKPOINT, 5, 0, 0, b"", 0, (), {}),
        (RecordKind.CHECKPOINT, 0, 0, 0, bytes(48), 0, (), {}),
        (RecordKind.REACHED, -1),
        (RecordKind.REACHED, "x"),
        (RecordKind.START, b"", 0, (), b""),
    ],
)
def test_records_that_make_no_sense_end_the_reading(
    sound: bytes, tmp_path: Path, record: Any
) -> None:
    """Prevents a file with good checksums from reaching what it should not."""
    path = tmp_path / "odd"
    path.write_bytes(with_records(sound, record))
    recording = open_recording(path)
    assert recording.damage
    assert recording.end == 0
    assert not recording.inputs
    assert not recording.checkpoints


@pytest.mark.parametrize(("cycles", "is_refused"), [(9, False), (1 << 62, True), (1 << 63, True)])
def test_a_state_at_the_end_of_time_ends_the_reading(
    sound: bytes, tmp_path: Path, cycles: int, is_refused: bool
) -> None:
    """Prevents a machine that stands for ever where it is told to run: time is up for it."""
    path = tmp_path / "late"
    path.write_bytes(sound)
    state = ARCHITECTURE.parse(open_recording(path).start.registers)
    state.icount, state.cycles = 5, cycles
    path.write_bytes(
        with_records(sound, (RecordKind.CHECKPOINT, 5, 0, 0, ARCHITECTURE.build(state), (), {}))
    )
    recording = open_recording(path)
    assert len(recording.checkpoints) == (not is_refused)
    assert ("impossible time" in str(recording.damage)) == is_refused


def test_input_for_nobody_does_not_fit(sound: bytes, tmp_path: Path) -> None:
    """Prevents a replay that fails in its midst."""
    path = tmp_path / "odd"
    path.write_bytes(with_records(sound, (RecordKind.RECEIVED, 0, "nobody", b"x")))
    with pytest.raises(RecordingError, match="doesn't fit this program"):
        play(open_recording(path), ECHO)


def test_a_recording_of_another_machine_does_not_fit(sound: bytes, tmp_path: Path) -> None:
    """Prevents states from being put into components that they aren't of."""
    path = tmp_path / "sound"
    path.write_bytes(sound)
    machine = guests.make(ECHO).machine
    machine._components.clear()
    with pytest.raises(RecordingError, match="doesn't fit this program"):
        open_recording(path).play(machine, limit=DEFAULT_LIMIT)


def test_a_small_limit_is_the_users_mistake(sound: bytes, tmp_path: Path) -> None:
    """Prevents a good recording from being blamed for a bad option."""
    path = tmp_path / "sound"
    path.write_bytes(sound)
    with pytest.raises(TimelineError, match="at least"):
        open_recording(path).play(guests.make(ECHO).machine, limit=1)


def test_bombs_are_not_unpacked(
    sound: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prevents a small file from filling the host's memory."""
    monkeypatch.setattr("blink16.recording.records.MAX_BATCH", 1 << 16)
    data = zlib.compress(bytes(1 << 20))
    batch = BATCH.build({"length": len(data), "checksum": zlib.crc32(data)}) + data
    path = tmp_path / "bomb"
    path.write_bytes(HEADER.build({"version": VERSION, "reserved": 0}) + batch)
    with pytest.raises(RecordingError, match="longer than"):
        open_recording(path)


@pytest.mark.parametrize(
    "forged", [("", False), (b"", b""), (b"",), 5, b"", (b"", False, 1), ((b"",), False)]
)
def test_states_of_another_type_do_not_fit(
    sound: bytes, tmp_path: Path, forged: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prevents a forged state from a traceback when the machine first needs it."""
    path = tmp_path / "forged"
    path.write_bytes(sound)
    recording = open_recording(path)
    others = tuple(c for c in recording.start.components if c[0] != Console.CHANNEL)
    recording.start = replace(recording.start, components=((Console.CHANNEL, forged), *others))
    with pytest.raises(RecordingError, match="doesn't fit"):
        recording.play(guests.make(ECHO).machine, limit=MIN_LIMIT)


@pytest.mark.parametrize(
    "error", [IndexError("tuple index out of range"), struct.error("argument out of range")]
)
def test_what_a_forged_state_leads_to_is_said(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """Prevents our own error messages for what somebody has put into a file."""
    guest = guests.make(ECHO)
    timeline = Timeline(guest.machine)
    timeline.adopt([Received(0, Console.CHANNEL, b"x")], [], 0)

    def stumble(*arguments: object, **more: object) -> object:
        raise error

    monkeypatch.setattr(guest.machine, "run", stumble)
    debugger = Debugger(guest.machine, timeline=timeline)
    event = debugger.resume(Resume())
    assert isinstance(event, Event)
    assert event.text == f"a state in the recording is damaged: {error!r}"
