"""Finding programs, telling their kinds apart, and refusing what is none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blink16.bios.geometry import MAX_IMAGE_SIZE
from blink16.setup import loader
from blink16.setup.loader import LoadError, Options, ProgramKind

COM = bytes.fromhex("b8 2a 4c cd 21")
BOOT_SECTOR = b"\xfa\xf4".ljust(510, b"\0") + b"\x55\xaa"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty current folder, with nothing on $PATH."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    (tmp_path / "bin").mkdir()
    return tmp_path


# -- finding ---------------------------------------------------------------------------------


def test_the_sample_is_found_by_its_bare_name(folder: Path) -> None:
    """Prevents a fresh installation from having nothing to show."""
    assert loader.read("banner").kind is ProgramKind.ELKS


def test_a_file_here_comes_before_the_sample(folder: Path) -> None:
    """Prevents the sample from hiding the user's own program of that name."""
    (folder / "banner.com").write_bytes(COM)
    assert loader.read("banner").image == COM
    (folder / "banner").write_bytes(BOOT_SECTOR)
    assert loader.read("banner").image == BOOT_SECTOR


def test_a_folder_here_does_not_hide_the_sample(folder: Path) -> None:
    """Prevents a folder `banner` from being run."""
    (folder / "banner").mkdir()
    assert loader.read("banner").kind is ProgramKind.ELKS


def test_a_sample_is_found_by_its_bare_name_only(folder: Path) -> None:
    """Prevents ./banner from meaning a file that isn't there."""
    with pytest.raises(LoadError, match="no such program") as caught:
        loader.read("./banner")
    assert caught.value.status == 127


def test_sources_of_samples_are_no_programs(folder: Path) -> None:
    """Prevents the package's other files from being found as samples."""
    with pytest.raises(LoadError, match="no such program"):
        loader.read("banner.asm")


def test_programs_on_the_search_path_are_found(folder: Path) -> None:
    """Prevents losing what the C program's users are used to."""
    (folder / "bin/tool.com").write_bytes(COM)
    assert loader.read("tool").image == COM


def test_programs_of_the_host_on_the_search_path_do_not_count(folder: Path) -> None:
    """Prevents `blink16 ls` from choosing an ELF over an 8086 program further on."""
    (folder / "bin/ls").write_bytes(b"\x7fELF" + bytes(100))
    (folder / "bin/ls.com").write_bytes(COM)
    assert loader.read("ls").image == COM


# -- identifying -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("image", "name", "kind"),
    [
        (b"\x01\x03\x30\x04" + bytes(28), "prog.com", ProgramKind.ELKS),
        (b"MZ" + bytes(30), "prog.com", ProgramKind.DOS_EXE),
        (b"ZM" + bytes(30), "prog", ProgramKind.DOS_EXE),
        (BOOT_SECTOR, "prog", ProgramKind.BOOT),
        (bytes(360 << 10), "disk", ProgramKind.BOOT),
        (bytes(1000), "disk.IMG", ProgramKind.BOOT),
        (COM, "PROG.COM", ProgramKind.DOS_COM),
        (COM, "prog.exe", ProgramKind.DOS_COM),
        (COM, "prog", None),
        (b"\x7fELF", "prog", None),
    ],
)
def test_content_goes_before_the_name(image: bytes, name: str, kind: ProgramKind | None) -> None:
    """Prevents a misleading suffix from deciding what the content says plainly."""
    assert loader.identify(image, name) is kind


@given(st.binary(max_size=600), st.text(max_size=10))
def test_anything_is_identified_or_not(image: bytes, name: str) -> None:
    """Prevents any content or name from raising."""
    loader.identify(image, name.replace("\0", "") or "x")


# -- reading ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty.com", b"", "empty"),
        ("host", b"\x7fELF" + bytes(60), "not for an 8086"),
        ("script", b"#!/bin/sh\n", "not for an 8086"),
        ("notes.txt", b"hello", "this is text, not a program"),
        ("session.b16", loader.RECORDING_MAGIC + bytes(4), "this is a recording"),
        ("notes.dat", b"hell\x00", "no 8086 program"),
        ("huge.com", bytes(loader.MAX_PROGRAM_SIZE + 1), "more than an 8086"),
    ],
)
def test_what_is_no_program_is_refused(folder: Path, name: str, content: bytes, words: str) -> None:
    """Prevents running garbage, and reasons that say nothing."""
    (folder / name).write_bytes(content)
    with pytest.raises(LoadError, match=words) as caught:
        loader.read(name)
    assert caught.value.status == 1
    assert name in str(caught.value)


@pytest.mark.parametrize(
    ("name", "image", "words"),
    [
        ("hello.bin", COM, "a DOS program's name must end in .com"),
        ("blank.img", bytes(163_840), "its first sector is empty"),
        ("game.bin", BOOT_SECTOR, ""),
        ("dos1.img", COM.ljust(163_840, b"\xe5"), ""),
        ("hello.com", COM, ""),
    ],
)
def test_what_will_hardly_boot_is_said(folder: Path, name: str, image: bytes, words: str) -> None:
    """Prevents a DOS program called .bin from getting lost without a word of why."""
    (folder / name).write_bytes(image)
    notices = loader.load(loader.read(name), [], Options(engine="reference")).notices
    assert len(notices) == bool(words)
    assert all(name in told and words in told for told in notices)


def test_a_file_too_large_is_refused_unread(folder: Path) -> None:
    """Prevents reading a file of any size into memory."""
    with (folder / "big.img").open("wb") as file:
        file.truncate(MAX_IMAGE_SIZE + 1)  # sparse: takes no room
    with pytest.raises(LoadError, match="more than any disk"):
        loader.read("big.img")


def test_a_pipe_or_device_is_refused_at_once(folder: Path) -> None:
    """Prevents waiting for ever for a named pipe's writer."""
    os.mkfifo(folder / "pipe.com")
    for name in ("pipe.com", "/dev/zero"):
        with pytest.raises(LoadError, match="device"):
            loader.read(name)


def test_a_link_in_a_circle_is_called_one_that_leads_nowhere(folder: Path) -> None:
    """Prevents a link from being suggested for itself as if it had been mistyped."""
    Path("loop").symlink_to("loop")
    for name in ("loop", "./loop"):
        with pytest.raises(LoadError, match=f"^{name}: this link leads to no file$"):
            loader.find(name)


def test_a_name_too_long_is_refused(folder: Path) -> None:
    """Prevents the operating system's error from coming through as a traceback."""
    with pytest.raises(LoadError, match="x: "):
        loader.read("x" * 5000)


# -- loading ---------------------------------------------------------------------------------


def test_the_sample_stands_before_its_first_instruction(folder: Path) -> None:
    """Prevents a loader that runs something before the debugger is there."""
    loaded = loader.load(loader.read("banner"), ["A"], Options())
    assert loaded.machine.icount == 0
    assert loaded.symbols.lookup("main") is not None


def test_each_load_gives_a_machine_of_its_own(folder: Path) -> None:
    """Prevents the second client of a server from finding the first one's traces."""
    program = loader.read("banner")
    first, second = (loader.load(program, [], Options()) for _ in range(2))
    assert first.machine.memory[:] == second.machine.memory[:]
    first.machine.run(100)
    assert second.machine.icount == 0


@pytest.mark.parametrize("length", [4, 16, 31, 32, 500])
def test_a_truncated_executable_is_one_clear_line(folder: Path, length: int) -> None:
    """Prevents a half download from crashing the loader or running half a program."""
    (folder / "half").write_bytes(loader.read("banner").image[:length])
    with pytest.raises(LoadError, match="half: ") as caught:
        loader.load(loader.read("./half"), [], Options())
    assert "\n" not in str(caught.value)


def test_an_engine_that_is_not_there_is_a_usage_error(folder: Path) -> None:
    """Prevents a ValueError from reaching the user."""
    with pytest.raises(LoadError, match="steam") as caught:
        loader.load(loader.read("banner"), [], Options(engine="steam"))
    assert caught.value.status == 2


def test_a_boot_image_takes_no_arguments(folder: Path) -> None:
    """Prevents arguments from being dropped in silence."""
    (folder / "boot.img").write_bytes(BOOT_SECTOR)
    program = loader.read("boot.img")
    machine = loader.load(program, [], Options()).machine
    machine.run(1)  # the jump in ROM
    assert machine.pc == 0x7C00
    with pytest.raises(LoadError, match="no arguments"):
        loader.load(program, ["x"], Options())


def test_a_root_that_is_not_there_is_named(folder: Path) -> None:
    """Prevents the guest from starting in a file system that can't be."""
    with pytest.raises(LoadError, match="nowhere"):
        loader.load(loader.read("banner"), [], Options(root=Path("nowhere")))
