"""Forges recordings with valid checksums."""

from __future__ import annotations

import tempfile
import zlib
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from blink16.console import Console
from blink16.debugger import Resume
from blink16.history import TimelineError
from blink16.history.checkpoints import MIN_LIMIT
from blink16.recording import RecordingError, open_recording, plain, record, replay
from blink16.recording.records import BATCH, HEADER
from blink16.setup.loader import Options, Program, ProgramKind
from fuzz.harness import BrokenError, Case, Fuzzer, scratch
from fuzz.machines import image_of

_KINDS = {"com": ProgramKind.DOS_COM, "boot": ProgramKind.BOOT, "elks": ProgramKind.ELKS}
_VALUES: tuple[Any, ...] = (None, True, False, 0, 1, -1, 255, 65536, (1 << 63) - 1, -(1 << 63))
_VALUES += (b"", b"x", bytes(300), "", "com1", (), (0,), (None,) * 5, {}, {0: bytes(256)})


@cache
def sound(kind: str) -> bytes:
    """Return a good recording of a kind of program, with inputs and checkpoints."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rec"
        options = Options(root=None, engine="reference")
        program = Program("prog", _KINDS[kind], image_of(kind))
        _, debugger, recorder = record(path, program, [], options)
        for number in range(6):
            debugger.resume(Resume(count=300))
            channel = "keyboard" if kind == "boot" else Console.CHANNEL
            debugger.receive(channel, bytes((0x1E, 0x9E)))
            debugger.timeline.keep()
            if number == 3:
                debugger.write_memory(0x5000, b"changed")
        recorder.close()
        return path.read_bytes()


@cache
def batches(kind: str) -> tuple[Any, ...]:
    """Return what a good recording holds."""
    data, at, found = sound(kind), HEADER.sizeof(), []
    while at < len(data):
        length = BATCH.parse(data[at:]).length
        at += BATCH.sizeof()
        found.append(plain.parse(zlib.decompress(data[at : at + length])))
        at += length
    return tuple(found)


def forged(value: Any, random: Random, chance: float) -> Any:
    """Return plain data in which something is another."""
    if random.random() < chance:
        return random.choice(_VALUES)
    if isinstance(value, tuple) and value:
        at = random.randrange(len(value))
        deeper = forged(value[at], random, chance * 2)
        match random.randrange(20):
            case 0:
                return value[:at]
            case 1:
                return (*value, deeper)
            case _:
                return (*value[:at], deeper, *value[at + 1 :])
    if isinstance(value, int) and not isinstance(value, bool) and random.random() < 0.5:
        return max(-(1 << 63), min((1 << 63) - 1, value + random.choice((-1, 1, 7, 1 << 20))))
    if isinstance(value, bytes) and value and random.random() < 0.5:
        at = random.randrange(len(value))
        return value[:at] + random.randbytes(1) + value[at + 1 :]
    return value


def generate(random: Random) -> Case:
    """Say which recording, and the seed of what is forged in it."""
    return [random.choice(tuple(_KINDS)), random.getrandbits(60)]


def run(case: Case) -> int:
    """Open it, and go through its history."""
    kind, seed = case
    random = Random(seed)
    content = list(batches(kind))
    for _ in range(random.randint(1, 3)):
        at = random.randrange(len(content))
        content[at] = forged(content[at], random, 0.02)
    data = sound(kind)[: HEADER.sizeof()]
    for records in content:
        packed = zlib.compress(plain.build(records), 1)
        data += BATCH.build({"length": len(packed), "checksum": zlib.crc32(packed)}) + packed
    try:
        recording = open_recording(scratch("forged", data))
        _, debugger = replay(recording, "reference", history_limit=MIN_LIMIT)
    except (RecordingError, TimelineError):
        return 1
    _travel(debugger, random)
    return 1


def _travel(debugger: Any, random: Random) -> None:
    timeline = debugger.timeline
    for _ in range(4):
        if timeline.end - timeline.now > 1 << 20:
            return  # it claims to be long, and may be
        debugger.resume(Resume(count=random.choice((1, 20, 150))))
        debugger.resume(Resume(backward=True, count=random.choice((1, 20, 150))))
        if not timeline.start <= timeline.now <= timeline.end:
            raise BrokenError("the machine stands outside of its history")


FUZZER = Fuzzer(
    "recordings",
    "A recording, however it was forged, can be travelled through, or is refused in a line.",
    "recordings",
    generate,
    run,
)
