"""Programs that write nonsense to all ports of displays, the speaker, mice and the joystick."""

from __future__ import annotations

import random

from boot_sectors import sector
from guests import ENGINES
from hypothesis import example, given, settings
from hypothesis import strategies as st
from property_examples import examples

from blink16 import bios
from blink16.bios import display, picture
from blink16.console import Console
from blink16.debugger import Debugger, Resume
from blink16.devices.cards import Cards
from blink16.devices.gameport import held
from blink16.devices.mouse import movements
from blink16.devices.speaker import PcSpeaker
from blink16.devices.video import Adapter, Video
from blink16.machine import Machine

CARDS = Cards(at=True, joystick=True, mouse=True, ps2mouse=True, sound=True)
NEAR = (0x40, 0x42, 0x43, 0x60, 0x61, 0x64, 0x20, 0x21, 0xA0, 0xA1)
FAR = (*range(0x3B0, 0x3E0), 0x201, *range(0x3F8, 0x400))
CRTC = (0x3B4, 0x3D4, 0x3C4, 0x3CE, 0x3C0)
SEGMENTS = (b"\xa0", b"\xb0", b"\xb8")
"""High bytes of segments in which displays have their memory."""
LENGTH, INSTRUCTIONS = 470, 1_500


def program(choose: random.Random) -> bytes:
    """Return code that reads and writes ports in every width, and memory of displays between."""
    mode = choose.choice((0, 3, 4, 6, 7, 0x0D, 0x10, 0x13))
    code = bytearray(b"\xb8" + bytes((mode, 0)) + b"\xcd\x10\xfb")
    while len(code) < LENGTH:
        value = choose.choice((choose.randrange(32), choose.randrange(256)))
        near, far = bytes((choose.choice(NEAR),)), choose.choice(FAR).to_bytes(2, "little")
        index = choose.choice(CRTC).to_bytes(2, "little")
        code += choose.choice(
            (
                b"\xb0" + bytes((value,)) + choose.choice((b"\xe6", b"\xe7")) + near,
                choose.choice((b"\xe4", b"\xe5")) + near + b"\x01\xc3",
                b"\xba" + far + b"\xb8" + choose.randbytes(2) + choose.choice((b"\xee", b"\xef")),
                b"\xba" + far + choose.choice((b"\xec", b"\xed")) + b"\x01\xc3",
                b"\xba" + index + b"\xb8" + bytes((value & 0x1F, choose.randrange(256))) + b"\xef",
                b"\xb8"
                + choose.choice((b"\0\xa0", b"\0\xb0", b"\0\xb8"))
                + b"\x8e\xc0\xab\x26\xac",
                b"\xb9" + bytes((value, 0)) + b"\xe2\xfe",
            )
        )
    return bytes(code) + b"\xeb\xfe"


def listened_to(machine: Machine) -> list[tuple[int, bytes]]:
    """Return a list that gets what the speaker sounds like, as it does."""
    speaker, heard = machine.find(PcSpeaker), list[tuple[int, bytes]]()
    assert speaker is not None
    speaker.on_sound = lambda first, samples: heard.append((first, samples))
    return heard


@settings(max_examples=examples(12))
@given(st.integers(0, 1 << 32), st.sampled_from(Adapter))
@example(1907662, Adapter.VGA)  # memory began to be watched, and a reset was overlooked
def test_nonsense_is_equal_on_both_engines_and_backward(seed: int, adapter: Adapter) -> None:
    """Prevents drifting engines, pictures that can't be drawn, and a past that comes out otherwise.

    The sound is part of what has to be equal, and is not heard again after going back.
    """
    code = program(random.Random(seed))
    ends = []
    for engine in ENGINES:
        choose = random.Random(seed)
        machine = Machine(engine)
        machine.idle_after = 1 << 62
        disks = [bios.disk_of(0, sector(code))]
        bios.power_on(machine, Console(), disks, adapter=adapter, cards=CARDS)
        heard = listened_to(machine)
        debugger = Debugger(machine)
        for _ in range(3):
            debugger.resume(Resume(count=choose.randrange(1, INSTRUCTIONS)))
            moved = movements(choose.randrange(-300, 300), choose.randrange(-99, 99), seed & 7)
            for channel, data in (
                ("serial-mouse", moved),
                ("ps2-mouse", moved),
                ("joystick", held(choose.randrange(256), seed & 0xFF, pressed=seed & 0xF)),
            ):
                debugger.receive(channel, data)
        debugger.resume(Resume(count=INSTRUCTIONS))
        end, state = debugger.timeline.now, (machine.save(), bytes(machine.memory.ram))
        shown = picture.png(display.read(machine.memory, machine.find(Video)))
        sounds = list(heard)
        debugger.seek(choose.randrange(end))
        debugger.seek(end)
        assert (machine.save(), bytes(machine.memory.ram)) == state
        assert heard == sounds
        ends.append((end, state, shown, sounds))
    assert ends[0] == ends[1]
