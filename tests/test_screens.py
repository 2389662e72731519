"""The table of screen changes is what one sees who looks at the picture at every instant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from property_examples import examples

from blink16 import recording
from blink16.bios import display
from blink16.bios.screen_content import GLYPHS, DotScreen, TextScreen
from blink16.devices.video import Adapter, Video
from blink16.history.timeline import Timeline
from blink16.memory import MIRROR_BIT
from blink16.questions.asking import Asking, ask
from blink16.questions.needs import VIDEO_MEMORY, Need
from blink16.questions.screen_places import has_adapter, lines_of, places
from blink16.recording import Recording, open_recording
from blink16.setup import loader
from blink16.setup.pc import PcSetup

Row = dict[str, Any]
SCREENS = Need.of("screens")
# INT 10h/0Eh 'A'; [es:160] = 1E42h five times by REP STOSW; byte [es:160] = 'x', twice; byte
# [es:161] = 4Fh; word [es:163] = 4344h; INT 10h/0601h: scrolled; the 6845 begins 28h words later;
# byte [es:80] = 'y'; mode 1; byte [es:80] = 'z'; mode 4; byte [es:2001h] = FFh; mode 3; HLT
TEXT = (
    "b8410ecd10b800b88ec0bfa000b8421eb90500fcf3ab26c606a0007826c606a0007826c606a1004f26c706a3004443"
    "b80106b70731c9ba4f18cd10bad403b80c00efb80d28ef26c606500079b80100cd1026c60650007ab80400cd1026c6"
    "060120ffb80300cd10f4"
)
INSTRUCTIONS = 700
"""Till the program halts; most of them are the BIOS' code in ROM."""


def booted(folder: Path, code: str, adapter: Adapter, instructions: int) -> Recording:
    """Return the recording of a boot sector."""
    image = folder / "draw.img"
    image.write_bytes(bytes.fromhex(code).ljust(510, b"\0") + b"\x55\xaa" + bytes(1474560 - 512))
    path = folder / "run.b16"
    options = loader.Options(engine="native", setup=PcSetup(adapter=adapter), epoch_ns=10**18)
    _, debugger, recorder = recording.record(path, loader.read(str(image)), [], options)
    debugger.timeline.run(instructions)
    recorder.close()
    return open_recording(path)


def played(found: Recording, cuts: tuple[int, ...] = ()) -> Timeline:
    """Return a recording's history, with checkpoints where they are wanted."""
    timeline = recording.replay(found, "native")[1].timeline
    for icount in cuts:
        timeline.seek(icount)
        timeline.keep()
    return timeline


def rows(found: Recording, how: Asking, cuts: tuple[int, ...] = (), span: int = 0) -> list[Row]:
    """Return the table."""
    need = Need.of("screens", span=range(span, 1 << 60))
    with ask(lambda: played(found, cuts), need, how) as answer:
        assert not answer.partial
        whole: list[Row] = answer.table("screens").to_pylist()
        return whole


@pytest.mark.parametrize("adapter", [Adapter.CGA, Adapter.MDA, Adapter.VGA], ids=lambda a: a.name)
def test_characters_and_attributes_change_where_one_sees_it(
    tmp_path: Path, adapter: Adapter
) -> None:
    """Prevents a change that is overlooked, made up, or in another place or at another time."""
    mono = TEXT.replace("b800b88ec0", "b800b08ec0").replace("bad403", "bab403")
    code = mono if adapter is Adapter.MDA else TEXT
    found = booted(tmp_path, code, adapter, INSTRUCTIONS)
    whole = rows(found, Asking(threads=1, engine="native", least=1 << 62))
    timeline = played(found)
    machine = timeline.machine
    video = machine.find(Video)

    def look() -> Any:
        return display.read(machine.memory, video)

    before, seen = look(), 0
    while timeline.now < timeline.end:
        icount = timeline.now
        timeline.seek(icount + 1)
        after = look()
        mine = [row for row in whole if row["icount"] == icount]
        told = {row["kind"] for row in mine}
        if type(before) is not type(after):
            assert "mode" in told
        elif isinstance(after, TextScreen) and "mode" not in told and "start" not in told:
            assert (before.columns, before.rows) == (after.columns, after.rows)
            changed = [n for n, b in enumerate(after.cells) if b != before.cells[n]]
            last = {place(row, after): row["new"] for row in mine if row["row"] is not None}
            assert set(changed) <= last.keys(), icount
            assert all(after.cells[n] == new for n, new in last.items()), icount
            for row in mine:
                if row["kind"] == "character":
                    assert row["text"] == GLYPHS[row["new"]]
            seen += len(changed)
        before = after
    assert seen > 10
    kinds = [row["kind"] for row in whole]
    assert kinds.count("start") == (2 if adapter is Adapter.MDA else 1)
    modes = [row["text"] for row in whole if row["kind"] == "mode"]
    assert modes == ([] if adapter is Adapter.MDA else ["40x25 text", "320x200 dots", "80x25 text"])
    assert "x" in [row["text"] for row in whole]


def place(row: Row, screen: TextScreen) -> int:
    """Return which byte of the screen's cells a row is about."""
    cell = int(row["row"] * screen.columns + row["col"])
    return 2 * cell + int(row["kind"] == "attribute")


PICTURES = [
    (Adapter.CGA, 4),
    (Adapter.CGA, 6),
    (Adapter.EGA, 0x0D),
    (Adapter.EGA, 4),
    (Adapter.VGA, 6),
    (Adapter.VGA, 0x12),
    (Adapter.VGA, 0x13),
]


@pytest.mark.parametrize(("adapter", "mode"), PICTURES, ids=lambda p: getattr(p, "name", p))
def test_dots_are_where_the_picture_has_them(tmp_path: Path, adapter: Adapter, mode: int) -> None:
    """Prevents rows and columns that are not those of the dots that a byte makes."""
    code = f"b8{mode:02x}00cd10f4"
    machine = played(booted(tmp_path, code, adapter, 60), (60,)).machine
    video = machine.find(Video)
    assert video is not None
    assert has_adapter(video)
    lines = lines_of(machine, video)
    where = places(lines)
    picture = display.read(machine.memory, video)
    assert isinstance(picture, DotScreen)
    assert str(lines) == f"{picture.width}x{picture.height} dots"
    planes = lines.base == VIDEO_MEMORY.start and mode != 0x13
    for at in range(0, len(where), 3989 if planes else 1997):
        if planes:
            if at >= 0x10000:
                break
            machine.memory.planes[at] ^= 0xFFFFFFFF
        else:
            machine.memory.whole[VIDEO_MEMORY.start + at] ^= 0xFF
            if lines.mirrored:
                machine.memory.whole[VIDEO_MEMORY.start + at ^ MIRROR_BIT] ^= 0xFF
        now = display.read(machine.memory, video)
        assert isinstance(now, DotScreen)
        changed = [n for n, dot in enumerate(now.dots) if dot != picture.dots[n]]
        if where[at] < 0:
            assert not changed
        else:
            row, byte = divmod(int(where[at]), lines.width)
            first = row * picture.width + byte * lines.dots
            assert changed == list(range(first, first + lines.dots))
        picture = now


@pytest.mark.parametrize("seed", range(examples(6)))
def test_changes_depend_on_no_checkpoint_thread_or_engine(tmp_path: Path, seed: int) -> None:
    """Prevents a change at a seam that is lost, doubled, or judged by an older mode."""
    found = booted(tmp_path, TEXT, (Adapter.CGA, Adapter.VGA)[seed % 2], INSTRUCTIONS)
    naive = rows(found, Asking(threads=1, engine="reference", least=1 << 62))
    cuts = tuple(sorted({(seed + 1) * 37 * n % found.end for n in range(1, 5)}))
    assert rows(found, Asking(threads=2, least=1), cuts) == naive
    assert rows(found, Asking(threads=2, least=1, bound=0), cuts) == naive
    later = cuts[1] + seed
    expected = [row for row in naive if row["icount"] >= later]
    assert rows(found, Asking(threads=1, least=1), cuts[:1], span=later) == expected


def test_a_machine_without_an_adapter_has_a_screen(tmp_path: Path) -> None:
    """Prevents an empty table for DOS programs, whose screen the BIOS data area describes."""
    program = tmp_path / "draw.com"
    # INT 10h/0Eh 'A'; mode 1; [B800:0002] = 1E42h; the page begins at 80h; mode 3
    code = "b8410ecd10b80100cd10b800b88ec026c7060200421e31c08ed8c7064e048000b80300cd10cd20"
    program.write_bytes(bytes.fromhex(code))
    path = tmp_path / "run.b16"
    options = loader.Options(root=tmp_path, engine="native", epoch_ns=10**18)
    _, debugger, recorder = recording.record(path, loader.read(str(program)), [], options)
    debugger.timeline.run(10_000)
    recorder.close()
    found = open_recording(path)
    naive = rows(found, Asking(threads=1, engine="reference", least=1 << 62))
    told = [(row["kind"], row["row"], row["col"], row["text"]) for row in naive]
    assert ("character", 0, 0, "A") in told
    assert ("character", 0, 1, "B") in told
    assert [text for kind, _, _, text in told if kind == "mode"] == ["40x25 text", "80x25 text"]
    for cut in (2, 4, 7, 10):
        assert rows(found, Asking(threads=2, least=1), (cut,)) == naive
