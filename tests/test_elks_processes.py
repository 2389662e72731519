"""ELKS processes: what C programs of bcc see of fork, exec, pipes, signals and time."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest
from elks_programs import HEAP, SOURCES, WITH_SYMBOLS, program
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from minix_disk import MinixDisk
from property_examples import examples

from blink16 import elks, monitor
from blink16.cpu.engine import NEWS, Stop, StopReason
from blink16.debugger import Debugger, Event, EventKind, Resume
from blink16.elks.aout import Executable, build
from blink16.hostfs.files import FileTree
from blink16.memory import MEMORY_SIZE
from blink16.setup import loader
from blink16.setup.loader import Loaded, Options, Program, ProgramKind

EXPECTED = {
    "ring": "round 49\n",
    "bomb": "forks 61\nerrno 11\nended 61\nerrno 10\n",
    "signals": (
        "pause -1\ngot 14\nerrno 4\nloop 114\nread -1\nerrno 4\nalarmed 14\nkilled 9\n"
        "handled 2560\nkill 0 -1\nerrno 3\nsignal 9 -1\nerrno 22\nwrite -1\nerrno 32\n"
        "got 13\npipe 13\n"
    ),
    "family": (
        "own child 1\nstatus 768\nnot shared 1\nnone -1\nerrno 10\nvfork shares 4\n"
        "status 1536\nexecuted 2\nexecuted child 1\nstatus 1280\nexec errno 2\n"
        "orphan's parent 1\nthen the end 0\nzombie 1\nno hang 0\nstatus 9\n"
    ),
}
"""What they print, as the kernel's calls are documented and as its source has them."""
STREAMS = elks.ConsoleKind(input=False, output=False, error=False)


def loaded(
    name: str, root: Path, engine: str, kind: elks.ConsoleKind = STREAMS, *arguments: str
) -> tuple[Loaded, list[bytes]]:
    """Return a machine with a program in it, and the list that its output will be in."""
    content = program(name) if name in SOURCES else (root / "bin" / name).read_bytes()
    options = Options(root=root, engine=engine, epoch_ns=10**18, console=kind)
    made = loader.load(Program(f"/{name}", ProgramKind.ELKS, content), arguments, options)
    shown: list[bytes] = []
    made.machine.on_output = lambda channel, data: shown.append(data)
    return made, shown


def put_family(root: Path) -> None:
    """Let there be a program that the family's can execute, always of the same age."""
    path = root / "family"
    path.write_bytes(program("family"))
    os.utime(path, (0, 0))


def finish(made: Loaded) -> Stop:
    """Run to the end, or to where it waits for input."""
    while True:
        stop = made.machine.run(10_000_000)
        if stop.reason is not StopReason.IDLE and stop.reason not in NEWS:
            return stop


@pytest.mark.parametrize("name", EXPECTED)
@pytest.mark.parametrize("engine", ["reference", "native"])
def test_programs_see_what_the_kernel_does(name: str, engine: str, tmp_path: Path) -> None:
    """Prevents differences from the kernel, and between engines, in any of these calls."""
    put_family(tmp_path)
    made, shown = loaded(name, tmp_path, engine)
    stop = finish(made)
    assert b"".join(shown).decode() == EXPECTED[name]
    assert stop.reason is StopReason.EXITED


@pytest.mark.parametrize("name", SOURCES)
def test_programs_are_what_their_sources_say(name: str, tmp_path: Path) -> None:
    """Prevents bytes that no longer belong to the source beside them."""
    if shutil.which("bcc") is None:
        pytest.skip("bcc isn't installed, so the kept bytes can't be compared with their sources")
    (tmp_path / "full.c").write_text(SOURCES[name])
    strip = [] if name in WITH_SYMBOLS else ["-s"]
    subprocess.run(["bcc", "-0", *strip, "-o", name, "full.c"], cwd=tmp_path, check=True)
    image = bytearray((tmp_path / name).read_bytes())
    image[0x18:0x1A] = HEAP.to_bytes(2, "little")
    assert bytes(image) == program(name)


TRACED = (
    "family[2] fork() = 3",
    "family[3] exit(3) = ?",
    'family[2] write(1, "own child 1\\n", 12) = 12',
    "family[2] wait4(-1, 0x00d0, 0) = -1 ECHILD",
    "family[2] vfork() = 5",
    'family[5] execve("/family", 0x0118, 69) = family runs',
    'family[2] execve("/nowhere", 0x015d, 53) = -1 ENOENT',
    "family[7] pause() = -1 EINTR",
    'family[2] read(3, "\\x01\\x00", 2) = 2',
)


def test_calls_are_traced_with_arguments_and_results(tmp_path: Path) -> None:
    """A trace tells who asked what and what came of it, a call that waits once it is done; and
    that costs the machine nothing.
    """
    put_family(tmp_path)
    made, _ = loaded("family", tmp_path, "native")
    lines: list[str] = []
    made.machine.on_call = lines.append
    finish(made)
    rest = iter(lines)
    assert all(line in rest for line in TRACED), lines
    assert sum(line.startswith("family[2] wait4(") for line in lines) == 8
    untraced, _ = loaded("family", tmp_path, "native")
    finish(untraced)
    assert state_of(untraced) == state_of(made)


def state_of(made: Loaded) -> tuple[object, bytes]:
    """Return all that a machine is."""
    return made.machine.save(), made.machine.memory[0:MEMORY_SIZE]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(8))
@given(data=st.data())
@pytest.mark.parametrize("name", EXPECTED)
def test_any_instant_is_found_again(name: str, tmp_path: Path, data: st.DataObject) -> None:
    """The law of time travel: wherever one seeks, it is the machine that one finds there.

    The other engine, which runs straight to the same instruction, says what that is.
    """
    put_family(tmp_path)
    made, _ = loaded(name, tmp_path, "native")
    debugger = Debugger(made.machine)
    end = debugger.drive(Resume())
    assert end.kind is EventKind.EXITING
    length = debugger.timeline.now
    for instant in data.draw(st.lists(st.integers(1, length), min_size=2, max_size=4)):
        debugger.seek(instant)
        other, _ = loaded(name, tmp_path, "reference")
        while other.machine.icount < instant:
            other.machine.run(instant - other.machine.icount)
        assert other.machine.icount == instant
        assert state_of(made) == state_of(other)


# -- with the programs of a floppy -----------------------------------------------------------


@pytest.fixture(scope="module")
def floppy(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the files of ELKS' floppy."""
    root = tmp_path_factory.mktemp("elks")
    MinixDisk((shared / "images" / "fd1440.img").read_bytes()).extract(root)
    return root


def shell(floppy: Path, command: str, engine: str = "native") -> tuple[int, str]:
    """Return how a command of ELKS' shell ends, and what it prints."""
    made, shown = loaded("sh", floppy, engine, STREAMS, "-c", command)
    made.console.receive(b"")
    stop = finish(made)
    assert stop.reason is StopReason.EXITED
    return stop.status, b"".join(shown).decode()


@pytest.mark.parametrize(
    ("command", "status", "printed"),
    [
        ("ls /etc | sort | wc", 0, "     12     12     88 \n"),
        ("for i in 1 2 3; do echo $i; done", 0, "1\n2\n3\n"),
        ("echo `echo nested` | cat | cat", 0, "nested\n"),
        ("find /etc -name pass* -exec echo found {} \\;", 0, "found /etc/passwd\n"),
        ("echo /etc/issue /etc/hosts | xargs cat | wc", 0, "      8     12    102 \n"),
        ("tar cf - /etc/issue | compress -c | compress -dc | tar tf -", 0, "/etc/issue\n"),
        ("echo a >/tmp/a; ln /tmp/a /tmp/b; rm /tmp/a; cat /tmp/b; rm /tmp/b", 0, "a\n"),
        ("mkdir /tmp/d; mv /tmp/d /tmp/e; ls /tmp; rmdir /tmp/e", 0, "e\n"),
        ("ls /nowhere || false", 1, "/nowhere: No such file or directory \n"),
        ("sleep 3; date >/dev/null; exit 4", 4, ""),
        ("yes | head -2", 0, "y\ny\n"),
        ("uname -s -m", 0, "ELKS ibmpc i8086\n"),
    ],
)
def test_shell_commands_of_the_floppy(
    command: str, status: int, printed: str, floppy: Path
) -> None:
    """Real programs must print what they print under the booted kernel."""
    assert shell(floppy, command) == (status, printed)


def test_sleep_takes_guest_time(floppy: Path) -> None:
    """`sleep 3` must take three seconds of the guest's clock, whatever ours says."""
    made, _ = loaded("sleep", floppy, "reference", STREAMS, "3")
    assert finish(made).reason is StopReason.EXITED
    seconds = made.machine.time / made.machine.clock_hz
    assert 3 <= seconds < 3.05


KEYS = [
    b"echo hi\r",
    b"ls /etc | wc\r",
    b"cat\r",
    b"word\x08\x7fd\r",
    b"\x04",
    b"\x03",
    b"sleep 2\r",
]


def test_the_interrupt_key_ends_who_forks_for_ever(tmp_path: Path) -> None:
    """Prevents children that are born while a signal is on its way to their parent, and so on."""
    text = bytes.fromhex("b80200 cd80 ebf9")  # mov ax,2 (fork); int 80h; and again
    image = build(Executable(text=text))
    terminal = elks.ConsoleKind(edits=True)
    options = Options(root=tmp_path, engine="native", console=terminal)
    made = loader.load(Program("/bomb", ProgramKind.ELKS, image), (), options)
    while made.machine.icount < 100_000:
        made.machine.run(20_000)
    made.machine.receive("console", b"\x03")
    before = made.machine.icount
    while (stop := made.machine.run(100_000)).reason in {StopReason.BUDGET, *NEWS}:
        assert made.machine.icount < before + 1_000_000
    assert stop.reason in (StopReason.TRAPPED, StopReason.EXITED)


def test_vi_edits_a_file_by_keys(floppy: Path) -> None:
    """A screen editor needs raw keys, VMIN and VTIME, and the window's size."""
    made, shown = loaded("vi", floppy, "native", elks.ConsoleKind(edits=True), "/tmp/new")
    pieces = [b"i", b"hello\r", b"world", b"\x1b", b":wq\r"]
    for _ in range(400):
        stop = made.machine.run(200_000)
        if stop.reason is StopReason.EXITED:
            break
        if stop.reason is StopReason.WAITING and pieces:
            made.machine.receive("console", pieces.pop(0))
    files = made.machine.component("files")
    assert isinstance(files, FileTree)
    assert files.read(files.lookup("/tmp/new"), 0, 100) == b"hello\nworld\n"
    assert b"hello" in b"".join(shown)


def test_login_leads_to_a_shell(floppy: Path) -> None:
    """getty asks for a name, login executes the user's shell at home, and its end is the end."""
    made, shown = loaded("getty", floppy, "native", elks.ConsoleKind(edits=True), "/dev/tty1")
    pieces = [b"root\r", b"pwd\r", b"exit\r"]
    while (stop := made.machine.run(1_000_000)).reason is not StopReason.EXITED:
        if stop.reason is StopReason.WAITING:
            made.machine.receive("console", pieces.pop(0))
    said = b"".join(shown).decode().replace("\r", "")
    assert "ELKS" in said
    assert said.endswith("login: root\n# pwd\n/root\n# exit\n")


def test_cron_executes_what_is_due(floppy: Path) -> None:
    """A daemon that sleeps to the next minute, forks, and sets a user must find all of that."""
    made, _ = loaded("cron", floppy, "native")
    made.console.receive(b"")
    files = made.machine.component("files")
    assert isinstance(files, FileTree)
    while made.machine.time < 130 * made.machine.clock_hz:
        made.machine.run(5_000_000)
    printed = files.read(files.lookup("/root/cron.out"), 0, 1000)
    assert printed.count(b"Hello! Here is cron\n") == 2


SIGNALS = [b"\x1a", b"\x1c", b"sleep 1 & kill -9 $!\r", b"kill -14 $$\r", b"yes | head -3\r"]
INPUTS = [("console", keys) for keys in KEYS + SIGNALS] + [
    ("window", elks.WINDOW.build({"rows": 50, "columns": 132})),
    ("console", b""),
]


ENDS = (EventKind.EXITING, EventKind.SIGNALLED)


class Sitting(NamedTuple):
    """A shell at a terminal on one engine, with its past."""

    made: Loaded
    debugger: Debugger
    shown: list[bytes]

    @classmethod
    def begin(cls, root: Path, engine: str) -> Sitting:
        """Start a shell."""
        made, shown = loaded("sh", root, engine, elks.ConsoleKind(edits=True))
        return cls(made, Debugger(made.machine), shown)

    def move(self, count: int, *, backward: bool = False) -> bool:
        """Go on, or back, by so many instructions, or to where only input helps; False at the
        end of the program: what is typed behind that reaches nobody.
        """
        outcome = self.debugger.resume(Resume(backward=backward, count=count))
        return not (isinstance(outcome, Event) and outcome.kind in ENDS)


def hold_the_law(
    root: Path, typed: list[tuple[int, tuple[str, bytes]]], data: st.DataObject
) -> None:
    """Compare engines all along a session, and wherever one goes in its past, by either way."""
    sittings = [Sitting.begin(root, engine) for engine in ("native", "reference")]
    first, last = (9_000, ("console", b"\r")), (6_000, ("console", b"\r"))
    ways: list[int] = []
    for wait, (channel, said) in [first, *typed, last]:
        for sitting in sittings:
            sitting.debugger.receive(channel, said)
        lives = [sitting.move(wait + 1) for sitting in sittings]
        assert state_of(sittings[0].made) == state_of(sittings[1].made)
        ways.append(sittings[0].debugger.timeline.now)
        if not all(lives):
            break
    shown = [b"".join(sitting.shown) for sitting in sittings]
    assert shown[0] == shown[1]
    ways += data.draw(st.lists(st.integers(0, ways[-1]), max_size=2))
    kept: dict[int, tuple[object, bytes]] = {}
    for instant in [*ways, *reversed(ways)]:
        back = data.draw(st.integers(0, 300))
        for sitting in sittings:
            sitting.debugger.seek(instant)
            found = state_of(sitting.made)
            assert kept.setdefault(instant, found) == found
            sitting.move(back, backward=True)
        assert state_of(sittings[0].made) == state_of(sittings[1].made)
    assert [b"".join(sitting.shown) for sitting in sittings] == shown  # nothing was shown twice


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(9))
@given(st.lists(st.tuples(st.integers(0, 6_000), st.sampled_from(INPUTS)), max_size=3), st.data())
def test_the_law_of_time_travel_with_keys_signals_and_schedules(
    floppy: Path, typed: list[tuple[int, tuple[str, bytes]]], data: st.DataObject
) -> None:
    """Whatever is typed whenever, both engines switch processes at the same instructions, and
    each instant is found again, forward and backward.
    """
    hold_the_law(floppy, typed, data)


@pytest.mark.slow
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=150,
    deadline=None,
)
@given(st.lists(st.tuples(st.integers(0, 60_000), st.sampled_from(INPUTS)), max_size=8), st.data())
def test_the_law_of_time_travel_at_length(
    floppy: Path, typed: list[tuple[int, tuple[str, bytes]]], data: st.DataObject
) -> None:
    """The same, much longer."""
    hold_the_law(floppy, typed, data)


def test_a_catch_of_exec_stops_before_the_program_starts(tmp_path: Path) -> None:
    """Prevents `monitor catch exec` that DOS alone has, and one that holds forward only."""
    for name in ("parent", "child"):
        (tmp_path / name).write_bytes(program(name))
    (tmp_path / "child.map").write_text("00000010 T beside\n")
    made, _ = loaded("parent", tmp_path, "native")
    debugger = Debugger(made.machine)
    told: list[str] = []
    debugger.on_notice = told.append
    monitor.execute(debugger, "catch exec")
    event = debugger.drive(Resume())
    assert event.kind is EventKind.CAUGHT
    assert event.text.startswith("catch 1: /child is loaded as process 3, it starts at ")
    assert told == ["/child was loaded: 1 symbol added from child.MAP"]
    caught = debugger.timeline.now
    assert debugger.drive(Resume()).kind is EventKind.SIGNALLED  # it crashes
    assert debugger.drive(Resume(backward=True)).kind is EventKind.CAUGHT
    assert debugger.timeline.now == caught
