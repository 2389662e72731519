"""The view, driven by keys and mouse as its user does."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from dataclasses import replace
from unittest import mock

import pytest
from view_pilot import Viewer, viewed, viewing

from blink16.blinkenlights import commands
from blink16.blinkenlights.accesses import accesses
from blink16.blinkenlights.glyphs import ASCII, CP437
from blink16.blinkenlights.main import arguments
from blink16.blinkenlights.output import Output
from blink16.blinkenlights.palette import Palette
from blink16.blinkenlights.picture import AccessedMemory
from blink16.blinkenlights.widgets.code import jumps
from blink16.blinkenlights.widgets.memory import MemoryPanel
from blink16.blinkenlights.widgets.panel import Panel
from blink16.client import CodeLine, RegisterValues
from blink16.reports.frames import FramesReport
from blink16.samples import build
from blink16.words import extras


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 60)])
def test_the_next_instruction_is_shown_at_any_size(size: tuple[int, int]) -> None:
    """Prevents a first screen without the instruction that is executed next."""

    async def test() -> None:
        async with viewing(size=size) as viewer:
            await viewer.until(lambda: "▶1000:0000" in viewer.text("code").replace(" ", ""))
            assert "_start:" in viewer.text("code")

    asyncio.run(test())


@viewed()
async def test_a_size_that_is_told_while_the_view_ends_is_no_fault(viewer: Viewer) -> None:
    """Prevents "a fault of ours" behind a view that was left while its window changed."""
    await viewer.app.query_one("#code").remove()
    viewer.app.post_message(Panel.Resized())
    await viewer.pilot.pause()


@viewed()
async def test_keys_step_forward_and_backward(viewer: Viewer) -> None:
    """Prevents a step that isn't one, and a past that can't be reached by the same fingers."""
    await viewer.step_to(3)
    await viewer.press("up")
    await viewer.at(2)
    assert viewer.picture.in_past
    await viewer.press("home")
    await viewer.at(0)
    await viewer.press("end")
    await viewer.at(3)


@viewed()
async def test_next_goes_over_calls_and_finish_out_of_them(viewer: Viewer) -> None:
    """Prevents n from entering functions, and f from staying in one."""
    await viewer.step_to(5)
    assert viewer.picture.state.at == "main"
    await viewer.press("f")
    await viewer.named("_start+11")
    await viewer.press("N")
    await viewer.named("_start+8")
    await viewer.press("n")
    await viewer.named("_start+11")


@viewed()
async def test_breakpoints_stop_a_run_at_full_speed_in_both_directions(viewer: Viewer) -> None:
    """Prevents b, C and shift-F5 from doing nothing that one could see."""
    await viewer.step_to(5)
    await viewer.press("b")
    await viewer.until(lambda: bool(viewer.picture.points))
    await viewer.press("home")
    await viewer.at(0)
    await viewer.press("C")
    await viewer.named("main")
    assert "●" in viewer.text("code")
    await viewer.press("B")
    await viewer.until(lambda: not viewer.picture.points)


TALLY = str(build.SAMPLES / "tally.com")


@viewed("--break", "tally.c:31 if sp == 0", "--break", "report", "--break", "nowhere", TALLY, "ab")
async def test_breakpoints_that_are_wanted_from_the_beginning_are_set(viewer: Viewer) -> None:
    """Prevents those of blink16.toml from being forgotten, without a word, or after a restart."""
    await viewer.told("no breakpoint at nowhere: 'nowhere' is neither an address")
    await viewer.until(lambda: len(viewer.picture.points) == 2)
    assert "tally.c:31" in viewer.text("points")
    await viewer.press("C")
    await viewer.named("report")  # not the other, whose condition does not hold
    await viewer.press("R")
    await viewer.at(0)
    await viewer.until(lambda: len(viewer.picture.points) == 2)


@viewed()
async def test_animation_moves_and_stops_by_itself_in_both_directions(viewer: Viewer) -> None:
    """Prevents c from hanging at the end, and r from not going back to the beginning."""
    viewer.app.driver.steps_a_frame = 400
    await viewer.press("c")
    await viewer.until(lambda: "exiting" in (viewer.picture.told or ""))
    await viewer.press("r")
    await viewer.at(0)


@viewed()
async def test_the_command_line_takes_monitor_commands(viewer: Viewer) -> None:
    """Prevents a view in which the server's own commands can't be reached."""
    await viewer.press("s", "s", "colon")
    await viewer.press(*"seek", "space", "1", "enter")
    await viewer.at(1)


@viewed("no-such-program", size=(80, 24))
async def test_a_program_that_is_not_there_is_one_line(viewer: Viewer) -> None:
    """Prevents a traceback over the whole screen."""
    await viewer.told("no such program")


REGISTERS = RegisterValues(
    ax=1, bx=0x100, cx=0, dx=0, si=0x20, di=0x30, bp=0x200, sp=0x1FE, cs=0x1000, ds=0x2000,
    es=0x3000, ss=0x4000, ip=0, flags=0xF002,
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mov word [ds:bx+2h], ax", [AccessedMemory(0x20102, 2, True)]),
        ("mov al, byte [ss:bp-4h]", [AccessedMemory(0x401FC, 1, False)]),
        ("cmp byte [ds:si], 0h", [AccessedMemory(0x20020, 1, False)]),
        ("push ax", [AccessedMemory(0x401FC, 2, True)]),
        ("retn", [AccessedMemory(0x401FE, 2, False)]),
        ("rep movsw", [AccessedMemory(0x20020, 2, False), AccessedMemory(0x30030, 2, True)]),
        ("lea ax, [ds:bx+2h]", []),
        ("mov ax, bx", []),
    ],
)
def test_what_an_instruction_touches_is_known(text: str, expected: list[AccessedMemory]) -> None:
    """Prevents the wrong bytes from glowing."""
    line = CodeLine(0x10000, 0x1000, 0, b"\x90", text, "")
    assert list(accesses(line, REGISTERS)) == expected


def test_there_is_a_glyph_of_one_column_for_each_byte() -> None:
    """Prevents rows of memory that shift because of one byte in them."""
    assert len(CP437) == len(ASCII) == 256
    assert "\n" not in CP437
    assert all(character.isprintable() for character in CP437)


def test_no_color_means_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents colors for users who asked for none."""
    monkeypatch.setenv("NO_COLOR", "1")
    palette = Palette.named("dark")
    assert "#" not in f"{palette}"


@viewed()
async def test_a_watchpoint_leads_back_to_who_wrote(viewer: Viewer) -> None:
    """Prevents the hunt that all this is for from needing another tool."""
    await viewer.press("w", *"lines", "enter")
    await viewer.until(lambda: bool(viewer.picture.points))
    await viewer.press("C")
    await viewer.until(lambda: "watchpoint" in viewer.picture.told)
    first = viewer.picture.state.icount
    await viewer.press("C")
    await viewer.until(lambda: viewer.picture.state.icount > first)
    await viewer.press("shift+f5")
    await viewer.until(lambda: viewer.picture.state.at.startswith("end_line"))


@viewed()
async def test_memory_is_found_and_looked_at(viewer: Viewer) -> None:
    """Prevents / and g from showing another place than they say."""
    await viewer.press("slash", *"TERM", "enter")
    await viewer.told("READ looks at")
    await viewer.until(lambda: "TERM=" in viewer.text("memory-read"))
    await viewer.press("g")
    await viewer.enter("0040:0000")
    await viewer.until(lambda: viewer.text("memory-read").startswith("00400"))


@viewed()
async def test_keys_go_to_the_guest_while_its_screen_has_the_focus(viewer: Viewer) -> None:
    """Prevents a q for the guest from ending the view, and a step from being typed."""
    viewer.panel("console").focus()
    await viewer.press("q", "s")
    await viewer.pilot.pause(0.3)
    assert viewer.app.is_running
    assert viewer.picture.state.icount == 0
    await viewer.press("f12")
    await viewer.until(lambda: viewer.app.focused is viewer.panel("code"))


@viewed()
async def test_a_byte_is_stored_in_the_past_only_after_a_question(viewer: Viewer) -> None:
    """Prevents a slip of the finger from dropping the recorded future."""
    await viewer.step_to(4)
    await viewer.press("home")
    await viewer.at(0)
    await viewer.press("e")
    await viewer.enter("0050:0000=41 42")
    await viewer.enter("n")
    await viewer.press("end")
    await viewer.at(4)
    await viewer.press("home")
    await viewer.at(0)
    await viewer.press("e")
    await viewer.enter("0050:0000=41 42")
    await viewer.enter("y")
    await viewer.told("2 bytes stored at 00500")
    await viewer.until(lambda: viewer.picture.state.end == 0)


@viewed()
async def test_points_take_conditions(viewer: Viewer) -> None:
    """Prevents conditions that only scripts could set."""
    await viewer.press("shift+f9")
    await viewer.enter("plot if al == 72 and word[ss, sp + 4] == 2")
    await viewer.until(lambda: bool(viewer.picture.points))
    await viewer.press("C")
    await viewer.named("plot")
    assert viewer.picture.registers.ax & 0xFF == 72
    await viewer.press("w")
    await viewer.enter("lines 2 if cx == 1 and dx == 2")
    await viewer.until(lambda: len(viewer.picture.points) == 2)
    assert "watch lines" in viewer.text("points")
    await viewer.press("w")
    await viewer.enter("lines 2 when")
    await viewer.told("CONDITION")


@viewed()
async def test_code_is_written_in_either_syntax(viewer: Viewer) -> None:
    """Prevents AT&T's users from having to read Intel's."""
    await viewer.press("i")
    await viewer.until(lambda: "%" in viewer.text("code"))
    await viewer.press("i")
    await viewer.until(lambda: "%" not in viewer.text("code"))


@viewed()
async def test_memory_is_zoomed_up_to_the_whole_megabyte_and_back(viewer: Viewer) -> None:
    """Prevents a megabyte that can only be seen through a keyhole."""
    panel = viewer.panel("memory-read")
    panel.focus()
    for _ in range(16):
        await viewer.press("plus")
    await viewer.until(lambda: len(viewer.picture.memory["READ"].data) == 1 << 20)
    assert "KiB a cell" in str(panel.border_subtitle)
    await viewer.until(lambda: set("·░▒▓█") & set(viewer.text("memory-read")))
    await viewer.press("backspace")
    await viewer.until(lambda: len(viewer.picture.memory["READ"].data) < 1 << 13)


@viewed()
async def test_other_code_is_looked_at_until_the_machine_moves(viewer: Viewer) -> None:
    """Prevents a user from seeing only the code that is executed, and from losing sight of that."""
    await viewer.press("G")
    await viewer.enter("print_text")
    await viewer.until(lambda: "print_text:" in viewer.text("code"))
    assert "▶" not in viewer.text("code")
    first = viewer.text("code")
    await viewer.press("pagedown")
    await viewer.until(lambda: viewer.text("code") != first)
    await viewer.press("pageup", "backspace")
    await viewer.until(lambda: "▶" in viewer.text("code"))
    await viewer.press("G")
    await viewer.enter("print_text")
    await viewer.until(lambda: "print_text:" in viewer.text("code"))
    await viewer.press("b")
    await viewer.until(lambda: len(viewer.picture.points) == 1)
    assert viewer.picture.points[0].address == viewer.picture.looks_at
    await viewer.press("s")
    await viewer.at(1)
    assert "▶" in viewer.text("code")
    await viewer.press("C")
    await viewer.named("print_text")
    report = viewer.picture.reports[FramesReport]
    assert isinstance(report, FramesReport)
    await viewer.pilot.click("#frames", offset=(5, 2))  # in its frame is a row
    await viewer.until(lambda: viewer.picture.code_at == report.frames[1].address)
    assert "looks elsewhere" in str(viewer.panel("code").border_title)


@viewed(size=(80, 24))
async def test_where_control_came_from_is_told_also_from_afar(viewer: Viewer) -> None:
    """Prevents the question how one came here where that instruction is not on the screen."""
    await viewer.press("G")
    await viewer.enter("print_text")
    await viewer.until(lambda: viewer.picture.code_at is not None)
    await viewer.press("b", "C")
    await viewer.named("print_text")
    await viewer.press("up")
    await viewer.until(lambda: viewer.picture.state.at.startswith("main+"))
    await viewer.press("s")
    await viewer.named("print_text")
    assert "from main+" in str(viewer.panel("code").border_title)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("ds:si", 0x20020),
        ("DS:0010", 0x20010),
        ("si+4", 0x20024),
        ("bp-2", 0x401FE),
        ("ss:sp", 0x401FE),
        ("ip", 0x10000),
        ("es", 0x30000),
    ],
)
def test_places_are_named_by_registers(text: str, address: int) -> None:
    """Prevents `g si` from being no place, and a stack's register from meaning data."""
    target = mock.Mock()
    target.read_registers.return_value = REGISTERS
    target.decoder.return_value.symbols.lookup.return_value = None
    assert commands.where(target, text) == address


CF, ZF = 1, 0x40
TAKEN = (
    ("jcxz", 0, 0, True),
    ("jcxz", 1, 0, False),
    ("loop", 2, 0, True),
    ("loop", 1, 0, False),
    ("loope", 2, ZF, True),
    ("loopne", 2, ZF, False),
    ("loopnz", 0, 0, True),
    ("jz", 0, ZF, True),
    ("ja", 0, CF, False),
    ("jmp", 0, 0, None),
    ("call", 0, 0, None),
)


@pytest.mark.parametrize(("mnemonic", "cx", "flags", "taken"), TAKEN)
def test_a_branch_is_known_to_be_taken(
    mnemonic: str, cx: int, flags: int, taken: bool | None
) -> None:
    """Prevents loops, and who jumps by CX, from being told otherwise than they go."""
    assert jumps(mnemonic, replace(REGISTERS, cx=cx, flags=flags)) is taken


@viewed()
async def test_a_breakpoint_takes_nothing_away_of_what_the_last_step_did(viewer: Viewer) -> None:
    """Prevents changed registers, glowing bytes and the way here from being forgotten by a key
    that moves nothing.
    """
    await viewer.step_to(3)
    panel = viewer.app.query_one("#memory-stack", MemoryPanel)
    picture, glows = viewer.picture, dict(panel._ages)
    assert picture.before != picture.registers
    assert glows
    await viewer.press("b")
    await viewer.until(lambda: viewer.picture.points)
    now = viewer.picture
    assert (now.before, now.touched, now.came_from) == (
        picture.before,
        picture.touched,
        picture.came_from,
    )
    assert panel._ages == glows


@viewed()
async def test_what_differs_at_another_instant_was_not_just_written(viewer: Viewer) -> None:
    """Prevents a way to the beginning, or to the end, from making all that differs there glow, as
    if it had just been written; after a step back, what that has undone does glow.
    """
    panel = viewer.app.query_one("#memory-stack", MemoryPanel)
    await viewer.step_to(3)
    assert panel._ages
    await viewer.press("S")
    await viewer.at(2)
    assert (0, True) in panel._ages.values()
    await viewer.press("C")
    await viewer.told("exiting")
    for key, sought in (("home", 0), ("end", viewer.picture.history.end)):
        await viewer.press(key)
        await viewer.at(sought)
        touched = {
            address
            for access in viewer.picture.touched
            for address in range(access.address, access.address + access.length)
        }
        assert set(panel._ages) == touched


@viewed(size=(80, 24))
async def test_frames_and_points_are_seen_in_the_smallest_terminal(viewer: Viewer) -> None:
    """Prevents the question who called whom from needing a larger screen."""
    assert not viewer.panel("frames").region.area
    await viewer.press("b", "h")
    await viewer.until(lambda: "_start" in viewer.text("frames"))
    await viewer.until(lambda: "break" in viewer.text("points"))
    await viewer.press("h")
    await viewer.until(lambda: not viewer.panel("frames").region.area)


def test_output_is_shown_as_it_was_at_any_instant() -> None:
    """Prevents a past in which the future is printed already."""
    output = Output()
    for icount, data in ((10, b"one "), (20, b"two "), (30, b"three")):
        output.add(data, icount)
    assert [output.until(icount) for icount in (9, 10, 25, 99)] == [
        b"", b"one ", b"one two ", b"one two three",
    ]  # fmt: skip
    output.add(b"2", 15)  # the past was changed
    assert output.until(99) == b"one 2"


def test_our_options_come_first_and_the_servers_are_passed_on() -> None:
    """Prevents an option of the program's from being taken for ours."""
    parsed = arguments(["--theme=light", "--symbols", "x.map", "prog", "--theme", "x"])
    assert parsed.theme == "light"
    assert parsed.program == ["--symbols", "x.map", "prog", "--theme", "x"]


@pytest.mark.parametrize(
    ("words", "lacking", "extra"),
    [([], "textual", "view"), (["--web", "0"], "textual_serve", "web")],
)
def test_without_its_packages_the_view_says_what_to_install(
    words: list[str], lacking: str, extra: str
) -> None:
    """Prevents a traceback where only the core was installed."""
    code = f"import sys; sys.modules[{lacking!r}] = None\n"
    code += "from blink16.blinkenlights.main import main; sys.exit(main())"
    command = [sys.executable, "-c", code, *words, "banner"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    said = f"blinkenlights needs more packages: {extras.command(extra)}\n"
    assert (done.returncode, done.stderr) == (1, said)
