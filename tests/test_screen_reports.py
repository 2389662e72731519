"""A screen as front ends get it: its picture is the one that the machine itself makes."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from boot_sectors import run_to_halt
from hypothesis import example, given, settings
from hypothesis import strategies as st
from property_examples import examples
from test_dosbox_pictures import PICTURES
from test_vga import PROGRAMS, machine_with

from blink16.bios import display, picture
from blink16.devices.video import Adapter, Video
from blink16.machine import Machine
from blink16.reports.registry import of_shape, read
from blink16.reports.screen import CharacterShapes, ScreenReport, StripReport

HERE = Path(__file__).parent
GUESTS = [
    *(("dosbox", name, adapter) for name, (adapter, _) in PICTURES.items()),
    *(("vga", name, Adapter.VGA) for name in PROGRAMS),
]


def reported(machine: Machine) -> ScreenReport:
    """Return a machine's screen as it comes over the wire."""
    look: Any = SimpleNamespace(
        registers=machine.registers, memory=machine.memory, video=machine.find(Video)
    )
    found = of_shape(ScreenReport)
    return read(ScreenReport, msgspec.json.encode(found.make(look, found.query())))


@pytest.mark.parametrize(("folder", "name", "adapter"), GUESTS)
def test_its_picture_is_the_machines(folder: str, name: str, adapter: Adapter) -> None:
    """The report dropped heights, fonts, panned and split rows: all text was drawn as a CGA's."""
    code = (HERE / folder / f"{name}.bin").read_bytes()
    machine = machine_with(code, adapter=adapter)
    run_to_halt(machine, code)
    seen = display.read(machine.memory, machine.find(Video))
    assert reported(machine).png() == picture.png(seen)


def test_a_font_of_the_bios_is_named_and_not_sent() -> None:
    """A view reads the screen 60 times a second: 3 KiB more each time for nothing."""
    machine = machine_with(b"\xf4\xeb\xfd")
    machine.run(100)
    shapes = reported(machine).shapes
    assert (shapes.rom_font, shapes.font, shapes.height, shapes.width) == (16, b"", 16, 9)


SMALL = st.integers(-2, 40)


@settings(max_examples=examples(60))
@given(
    st.tuples(
        st.just(0),
        st.integers(0, 3),
        st.integers(0, 3),
        st.binary(max_size=20),
        st.binary(max_size=20),
        st.none() | st.tuples(SMALL, SMALL),
        st.tuples(SMALL, SMALL),
        st.booleans(),
        st.binary(max_size=50),
        st.booleans(),
        st.builds(
            CharacterShapes,
            SMALL,
            SMALL,
            st.booleans(),
            st.booleans(),
            SMALL,
            SMALL,
            st.binary(max_size=8),
            st.binary(max_size=8),
        ),
        st.lists(
            st.builds(StripReport, st.binary(max_size=8), SMALL, SMALL, SMALL, st.none() | SMALL)
        ).map(tuple),
    )
)
@example((0, 1, 1, b"", b"\0"))
def test_a_damaged_report_is_a_value_error(told: tuple[Any, ...]) -> None:
    """What a server says is not trusted: a picture, or a ValueError, and nothing else."""
    with suppress(ValueError):
        assert ScreenReport(*told).png().startswith(picture.SIGNATURE)
