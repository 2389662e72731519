"""Operating systems on the PC: ELKS and FreeDOS to their prompts, forward and backward."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path

import pytest
from pc_guest import machine_on
from test_cli import run

from blink16.debugger import Debugger
from blink16.monitor import execute
from blink16.setup import loader, pc
from blink16.setup.loader import Options

EPOCH = 510_582_896 * 1_000_000_000  # Friday, 1986-03-07 12:34:56
SCREEN, SCREEN_SIZE = 0xB8000, 80 * 25 * 2
TOO_MANY = 20_000_000
"""Instructions; FreeDOS takes eight million to its prompt."""
PROMPT = '"A:\\\\>"'


class System:
    """A PC with a system, driven by what stands on its screen."""

    def __init__(self, image: Path) -> None:
        machine_on("native")  # or skip
        options = Options(engine="native", epoch_ns=EPOCH)
        self.loaded = loader.load(loader.read(str(image)), [], options)
        self.shown = bytearray()
        self.loaded.machine.on_output = lambda channel, data: self.shown.extend(data)
        self.debugger = Debugger(self.loaded.machine)

    def wait(self, text: str) -> None:
        """Run until a text stands on the screen."""
        said = execute(self.debugger, f"wait-screen {text} 30000000")
        assert "is on the screen" in said, said + execute(self.debugger, "screen")

    def command(self, line: str, answer: str) -> str:
        """Type a command line, wait for its answer and return the screen."""
        execute(self.debugger, f'type "{line}\\n"')
        self.wait(answer)
        return execute(self.debugger, "screen")

    def state(self) -> tuple[object, bytes]:
        """All of the machine's state, the memory hashed."""
        machine = self.debugger.machine
        return machine.save(), hashlib.sha256(machine.memory.ram).digest()


@pytest.fixture
def elks(shared: Path) -> System:
    """Return ELKS before its boot sector."""
    return System(shared / "images" / "fd1440.img")


@pytest.fixture
def freedos(shared: Path) -> System:
    """Return FreeDOS before its boot sector."""
    return System(shared / "images" / "freedos.img")


def test_elks_reaches_its_shell_and_works(elks: System) -> None:
    """Programs, pipes, files and the clock must work at the prompt, typed key by key."""
    elks.wait('"# "')
    elks.command("ls", "bootopts")
    elks.command("ps", "/bin/init")
    elks.command("cat /etc/passwd", "user2::502")
    elks.command("echo hi > /tmp/x; cat /tmp/x", '"hi"')
    elks.command("clock -s -u; date", '"12:3"')
    assert "Fri Mar  7 12:3" in execute(elks.debugger, "screen")


def test_freedos_reaches_its_prompt_and_works(freedos: System, shared: Path) -> None:
    """FreeDOS waits for F8 by the ticks, then its prompt; commands know disk and date."""
    before = (shared / "images" / "freedos.img").read_bytes()
    freedos.wait(PROMPT)
    assert "COMMAND  COM" in freedos.command("dir", '"bytes free"')
    freedos.command("ver", '"FreeCom version"')
    freedos.command("date", '"Fri 03-07-1986"')
    freedos.command("", PROMPT)
    freedos.command("time", '"12:3"')
    freedos.command("", PROMPT)
    freedos.command("mem", '"Conventional          640K"')
    freedos.command("echo changed > new.txt\\ndir new.txt", '"NEW      TXT"')
    assert (shared / "images" / "freedos.img").read_bytes() == before
    disk = pc.disk_in(freedos.loaded.machine, 0)
    assert disk is not None
    assert any(disk.written())


@pytest.mark.parametrize("name", ["elks", "freedos"])
def test_the_boot_replays_identically(name: str, request: pytest.FixtureRequest) -> None:
    """The law of time travel over a boot with keys typed: any instant again, and its future."""
    system: System = request.getfixturevalue(name)
    timeline = system.debugger.timeline
    system.wait('"# "' if name == "elks" else PROMPT)
    system.command("ls" if name == "elks" else "ver", "bootopts" if name == "elks" else "FreeCom")
    end, shown = timeline.end, len(system.shown)
    last = system.state()
    instants = [end * share // 7 for share in (6, 2, 5, 1, 4)]
    states: dict[int, tuple[object, bytes]] = {}
    for instant in [*instants, *reversed(instants)]:
        timeline.seek(instant)
        assert states.setdefault(instant, system.state()) == system.state()
    timeline.seek(end)
    assert system.state() == last
    assert len(system.shown) == shown


def test_piped_input_is_typed_and_ends_the_run(shared: Path) -> None:
    """`printf 'ls\\n' | blink16 fd1440.img` must show the answer and come to an end."""
    machine_on("native")
    done = run("--engine", "native", str(shared / "images/fd1440.img"), stdin=b"ls\n")
    assert "bootopts" in done.stdout
    assert done.returncode == 0
    assert "the input has ended" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("image", "prompt", "piece"),
    [("fd1440.img", b"# ", 40_000), ("freedos.img", b"A:\\>", 120_000)],
    ids=["ELKS", "FreeDOS"],
)
def test_a_system_boots_alike_on_both_engines(
    shared: Path, image: str, prompt: bytes, piece: int
) -> None:
    """Prevents a difference that only a real system's code shows, and what it leaves behind.

    It takes the reference a minute for ELKS, and ten for FreeDOS.
    """
    machine_on("native")
    choose = random.Random(image)
    content = loader.read(str(shared / "images" / image))
    reference, native = (
        loader.load(content, [], Options(engine=engine, epoch_ns=EPOCH)).machine
        for engine in ("reference", "native")
    )
    while prompt not in bytes(reference.memory.ram[SCREEN : SCREEN + SCREEN_SIZE : 2]):
        goal = reference.icount + choose.randrange(1, piece)
        for machine in (reference, native):
            while machine.icount < goal:
                most = choose.choice((1, 7, 300, piece)) if machine is native else piece
                machine.run(min(most, goal - machine.icount))
        assert native.save() == reference.save()
        assert native.memory.whole == reference.memory.whole
        assert reference.icount < TOO_MANY
