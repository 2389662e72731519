"""Who made a dot of the picture, in each kind of picture memory."""

from __future__ import annotations

from pathlib import Path

import pytest

import blink16
from blink16 import recording
from blink16.devices.video import Adapter
from blink16.questions.needs import QuestionError
from blink16.setup import loader
from blink16.setup.pc import PcSetup

SECTORS = {
    # mode 4: mov byte [es:0], E4h; or byte [es:0], 1; INT 10h/0Ch, a dot at 5,1
    Adapter.CGA: (
        "b80400cd10b800b88ec0e80700b96400e2feebfe26c6060000e49026800e000001b8030cb90500ba0100cd10c3"
    ),
    # mode 13h: [es:321] = 7, then 9; [es:322] = 1
    Adapter.VGA: ("b81300cd10b800a08ec0e80700b96400e2feebfe26c60641010726c60641010926c606420101c3"),
    # mode 10h: write mode 2, bit mask 80h, color 5; bit mask 40h, color 3
    Adapter.EGA: (
        "b81000cd10b800a08ec0e80700b96400e2feebfebace03b80880efb80502ef26a0000026c6060000"
        "05b80840ef26a0000026c606000003c3"
    ),
}
MODE_X = (
    "b81300cd10b800a08ec0e80700b96400e2feebfebac403b80406efb80204ef26c606010021b80208"
    "ef26c606010022c3"
)
"""Mode 13h without chaining: plane 2, [es:1] = 33; plane 3, [es:1] = 34."""
CASES = [
    (Adapter.CGA, SECTORS[Adapter.CGA], (0, 0), 15, 0xB8000, 0x7C14),
    (Adapter.CGA, SECTORS[Adapter.CGA], (3, 0), 11, 0xB8000, 0x7C1B),
    (Adapter.CGA, SECTORS[Adapter.CGA], (5, 1), 15, 0xBA001, 0x7C2C),
    (Adapter.VGA, SECTORS[Adapter.VGA], (1, 1), 9, 0xA0141, 0x7C1A),
    (Adapter.VGA, SECTORS[Adapter.VGA], (2, 1), 1, 0xA0142, 0x7C20),
    (Adapter.EGA, SECTORS[Adapter.EGA], (0, 0), 5, 0xA0000, 0x7C23),
    (Adapter.EGA, SECTORS[Adapter.EGA], (1, 0), 3, 0xA0000, 0x7C31),
    (Adapter.VGA, MODE_X, (6, 0), 33, 0xA0001, 0x7C1F),
    (Adapter.VGA, MODE_X, (7, 0), 34, 0xA0001, 0x7C29),
]


def boot(folder: Path, adapter: Adapter, code: str) -> Path:
    """Return the recording of a boot sector that draws."""
    image = folder / "draw.img"
    image.write_bytes(bytes.fromhex(code).ljust(510, b"\0") + b"\x55\xaa" + bytes(1474560 - 512))
    path = folder / "run.b16"
    options = loader.Options(engine="native", setup=PcSetup(adapter=adapter))
    _, debugger, recorder = recording.record(path, loader.read(str(image)), [], options)
    debugger.timeline.run(500)
    recorder.close()
    return path


@pytest.mark.parametrize(
    ("adapter", "code", "dot", "color", "address", "ip"),
    CASES,
    ids=[f"{case[0].name}-{case[2]}-{case[5]:X}" for case in CASES],
)
def test_a_dot_is_made_where_it_changed_last(
    tmp_path: Path,
    adapter: Adapter,
    code: str,
    dot: tuple[int, int],
    color: int,
    address: int,
    ip: int,
) -> None:
    """Prevents a dot that is laid to who drew the one beside it in the same byte."""
    text = blink16.ask(boot(tmp_path, adapter, code), f"pixel {dot[0]},{dot[1]}")
    assert isinstance(text, str)
    what, *frames = text.splitlines()
    assert what.startswith(f"color {color} at {dot[0]},{dot[1]} (byte {address:05X}h) was written")
    inside = [frame for frame in frames if "  0000:7C" in frame]  # a BIOS call's are before it
    assert f"0000:{ip:04X}" in inside[0]
    assert what.endswith("guest") or frames[0] != inside[0]


def test_no_dots_are_told(tmp_path: Path) -> None:
    """Prevents an answer for a dot that is not there, or on a screen of text."""
    path = boot(tmp_path, Adapter.CGA, SECTORS[Adapter.CGA])
    for text in ("pixel 320,0", "pixel -1,0", "pixel", "pixel 1", "pixel a,b"):
        with pytest.raises(QuestionError):
            blink16.ask(path, text)
    with pytest.raises(QuestionError, match="ask pixel X,Y"):
        blink16.ask(path, "who 0,0")
    with pytest.raises(QuestionError, match="ask who ROW,COLUMN"):
        blink16.ask(path, "pixel 0,0", span=range(1))
    assert str(blink16.ask(path, "pixel 100,100")).startswith("nobody has changed color 0 at")
