"""Libraries: what gdb reads from us beside the board, and when it is told of them."""

from __future__ import annotations

import re
import shutil
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from driver_guest import DRIVER, DRIVER_SOURCE, IMAGE, MAIN, MAIN_SOURCE
from gdb_client import DEBIAN_GDB, Gdb, Server, gdbs
from hypothesis import given
from hypothesis import strategies as st
from stub_client import Client

from blink16.board import ProgramFacts, dwarf
from blink16.board.libraries import SYMBOLS
from blink16.gdbstub.orders import Taken
from blink16.gdbstub.session import Session
from blink16.memory import MEMORY_SIZE, RAM_SIZE
from blink16.symbolfiles import LoadSegments, elf, parse
from blink16.symbolfiles.elf import SectionType
from blink16.symbols import Symbol, SymbolKind, SymbolTable

LIST = b"qXfer:libraries:read::0,fff"
LATE = Symbol("late", 0x9000, SymbolKind.CODE)


class ProgramClient(Client):
    """A client of a program with two ELFs."""

    def __init__(self) -> None:
        super().__init__()
        files = [parse(content, LoadSegments(0, 0, 0)) for content in (MAIN, DRIVER)]
        symbols = SymbolTable(symbol for file in files for symbol in file.symbols)
        debug = tuple(file.debug for file in files if file.debug)
        program = ProgramFacts.of(self.debugger.machine, symbols, debug)
        self.session = Session(Taken(1, self.debugger, program))


def listed(client: Client) -> list[tuple[str, int]]:
    """Return the names and addresses of libraries."""
    said = client.ask_one(LIST).decode()
    rows = re.findall(r'<library name="([^"]+)"><segment address="0x([0-9a-f]+)"/></library>', said)
    return [(name, int(address, 16)) for name, address in rows]


def opened(client: Client, name: str) -> bytes:
    """Open a file; return the reply."""
    return client.ask_one(b"vFile:open:%s,0,0" % name.encode().hex().encode())


def content(client: Client, name: str) -> bytes:
    """Read a file."""
    reply = opened(client, name.removeprefix("target:"))
    assert reply[:1] == b"F"
    whole = b""
    while part := client.ask_one(b"vFile:pread:%s,7000,%x" % (reply[1:], len(whole))).partition(
        b";"
    )[2]:
        whole += part
    client.ask_one(b"vFile:close:%s" % reply[1:])
    return whole


def named(client: Client, name: str) -> dict[str, tuple[int, int]]:
    """Return the address and size of each symbol of code, from the file beside a library."""
    image = content(client, name + SYMBOLS)
    kind = elf.CLASS_64
    header = kind.header.parse(image)
    rows = kind.section_header[header.e_shnum].parse(image[header.e_shoff :])
    table, strings = (
        next(row for row in rows if row.sh_type == of)
        for of in (SectionType.SYMTAB, SectionType.STRTAB)
    )
    count = table.sh_size // kind.symbol.sizeof()
    texts = image[strings.sh_offset :]
    return {
        texts[row.st_name :].partition(b"\0")[0].decode(): (row.st_value, row.st_size)
        for row in kind.symbol[count].parse(image[table.sh_offset :])[1:]
    }


def test_names_are_in_a_library() -> None:
    """The file of the program stays, while names may change: gdb reads it once in its life."""
    client = Client()
    assert b"qXfer:libraries:read+" in client.ask_one(b"qSupported:swbreak+")
    (name, address), (units, _) = listed(client)
    assert (name, address) == ("target:/names", dwarf.START)
    assert named(client, name)
    sections, symbols = elf.parse(content(client, name))
    assert not symbols[1:]
    link = next(section for section in sections if section.name == ".gnu_debuglink")
    checksum = zlib.crc32(content(client, name + SYMBOLS))
    assert link.content == b"names.symbols\0\0\0" + checksum.to_bytes(4, "little")
    sections, symbols = elf.parse(content(client, units))
    assert {".debug_info", ".debug_frame"} <= {section.name for section in sections}
    assert not symbols[1:]
    assert client.ask_one(b"qXfer:libraries:read:x:0,fff")[:1] == b"E"
    assert b"library" not in client.ask_one(b"vCont;s")


def test_each_elf_is_a_library() -> None:
    """Its lines and symbols are there and not among the names, or gdb would take either."""
    client = ProgramClient()
    (names, _), _, (main, start), (driver, address) = listed(client)
    assert (start, address) == (0x7C00, 0x7D00)
    sections, symbols = elf.parse(content(client, driver))
    debug = {section.name for section in sections}
    assert {".debug_line", ".debug_info"} <= debug
    assert ".debug_frame" not in debug
    assert [s.name for s in symbols[1:]] == ["driver", "helper"]
    program = elf.PROGRAM_HEADER.parse(content(client, driver)[elf.HEADER.sizeof() :])
    assert program.p_vaddr == 0x7D00
    sections, symbols = elf.parse(content(client, main))
    assert [s.name for s in symbols[1:]] == ["main"]
    sections, symbols = elf.parse(content(client, names))
    data = {s.name for s in symbols}
    assert "count" in data
    assert not {"driver", "helper", "main"} & (data | named(client, names).keys())
    assert not any(s.flags and s.address <= 0x7D00 < s.address + s.size for s in sections)


def test_gdb_is_told_once_of_names_that_come_later() -> None:
    """The stop must come alone, before the machine moves: it hides any other."""
    client = Client()
    client.ask(LIST)
    client.debugger.names.symbols = SymbolTable([LATE])
    for resume in (b"vCont;s", b"vCont;c", b"s", b"bs"):
        (reply,) = client.ask(resume)
        assert reply.startswith(b"T05")
        assert reply.endswith(b"library:;")
        assert client.debugger.machine.icount == 0
    (name, address), _ = listed(client)
    assert address == dwarf.START
    assert "late" in named(client, name)
    assert b"library" not in client.ask_one(b"vCont;s")
    assert client.debugger.machine.icount == 1


def test_a_name_has_one_content() -> None:
    """gdb keeps a library by its name: old names would stay."""
    client = Client()
    firsts = [name for name, _ in listed(client)]
    before = [content(client, name) for name in firsts]
    client.debugger.names.symbols = SymbolTable([LATE])
    seconds = [name for name, _ in listed(client)]
    for first, second, was in zip(firsts, seconds, before, strict=True):
        assert first != second
        assert opened(client, first.removeprefix("target:")) == b"F-1,2"
        assert content(client, second) != was
    assert opened(client, firsts[0].removeprefix("target:") + SYMBOLS) == b"F-1,2"


@pytest.mark.parametrize("told", [False, True])
def test_who_does_not_ask_is_not_told(*, told: bool) -> None:
    """LLDB, and gdbs without XML, would show a stop for no reason."""
    client = Client()
    if told:
        client.ask(b"QListThreadsInStopReply", LIST)
    client.debugger.names.symbols = SymbolTable([LATE])
    assert b"library" not in client.ask_one(b"vCont;s")


@given(st.text(max_size=20), st.integers(0, 1 << 20), st.integers(0, 1 << 20))
def test_no_other_name_opens(name: str, offset: int, length: int) -> None:
    """Prevents names that are nearly a library's, and offsets behind its end, from more."""
    client = _CLIENT
    known = [name.removeprefix("target:") for name, _ in listed(client)]
    for other in (name, known[1] + name + "/", "/.." + known[1], known[1][1:]):
        assert opened(client, other) == b"F-1,2"
    whole = client.ask_one(LIST)[1:]
    part = client.ask_one(b"qXfer:libraries:read::%x,%x" % (offset, length))
    assert part[1:] == whole[offset : offset + length]


_CLIENT = ProgramClient()


def test_symbols_at_odd_places_are_no_trouble() -> None:
    """Prevents an exception in the list, which would cost the client its session."""
    client = ProgramClient()
    client.debugger.names.symbols = SymbolTable(
        Symbol(f"n{address}", address, kind)
        for address in (-1, 0, 2, 4, 0x7CFF, 0x7D00, MEMORY_SIZE - 1, MEMORY_SIZE)
        for kind in SymbolKind
    )
    names = [name for name, _ in listed(client)]
    assert len(names) == 4
    assert all(0 < address < RAM_SIZE for address, _ in named(client, names[0]).values())
    for name in names:
        sections, symbols = elf.parse(content(client, name))
        for symbol in symbols[1:]:
            section = sections[symbol.section]
            assert section.address <= symbol.address < section.address + section.size


def test_a_client_that_comes_back_gets_all_names() -> None:
    """Prevents names that are missing since another client was told of them."""
    client = Client()
    client.debugger.names.symbols = SymbolTable([LATE])
    again = Client(client.debugger)
    assert len(listed(client)) == 2
    (name, _), _ = listed(again)
    assert "late" in named(again, name)


# -- in gdb ----------------------------------------------------------------------------------


@pytest.fixture(params=gdbs(), ids=lambda path: "debian" if path == DEBIAN_GDB else "extra")
def gdb(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Gdb]:
    """Return a gdb beside the files."""
    (tmp_path / "main.img").write_bytes(IMAGE)
    (tmp_path / "main.elf").write_bytes(MAIN)
    (tmp_path / "driver.elf").write_bytes(DRIVER)
    (tmp_path / "main.asm").write_text(MAIN_SOURCE)
    (tmp_path / "driver.asm").write_text(DRIVER_SOURCE)
    with Gdb(request.param) as gdb:
        gdb.run(f"directory {tmp_path}")
        gdb.run("set confirm off")
        gdb.run("set breakpoint pending on")
        yield gdb


@pytest.mark.gdb
def test_two_elfs_have_their_lines(gdb: Gdb, tmp_path: Path) -> None:
    """Prevents one ELF's lines at the cost of another's, 32-bit code, and frames lost between."""
    options = ("--symbols", "main.elf", "--symbols", "driver.elf", "main.img")
    with Server(*options, cwd=tmp_path) as server:
        said = gdb.run(server.target)
        assert "not compatible" not in said
        assert "Could not" not in said
        assert re.search(r"0x0*7d00 .*Yes .*target:/blink16-lines-", gdb.run("info sharedlibrary"))
        assert "driver.asm, line 5." in gdb.run("break driver")
        assert "driver.asm, line 14." in gdb.run("break driver.asm:14")
        assert "driver () at" in gdb.run("continue")
        assert "main () at" in gdb.run("bt")
        assert "section .text" in gdb.run("list")
        assert "helper () at" in gdb.run("continue")
        said = gdb.run("bt")
        assert re.search(r"#1 .* driver \(\) at .*driver.asm:9\n#2 .* main \(\) at .*:8\n", said)
        assert "mov    0x4(%bp),%ax" in gdb.run("x/3i $pc")
        assert "pop cx" in gdb.run("finish")
        assert "pop bp" in gdb.run("next")
        assert "pop cx" in gdb.run("reverse-next")
        assert "main.asm, line 4." in gdb.run("break main")
        assert "i8086" in gdb.run("show architecture")


@pytest.mark.gdb
@pytest.mark.parametrize("resume", ["stepi", "continue"])
def test_names_that_come_later_are_read_by_themselves(
    gdb: Gdb, tmp_path: Path, resume: str
) -> None:
    """A breakpoint at a name that gdb doesn't know yet must be there before the machine runs."""
    with Server("--symbols", "main.elf", "main.img", cwd=tmp_path) as server:
        gdb.run(server.target)
        assert "when it next runs" in gdb.run("monitor symbols driver.elf")
        assert "pending" in gdb.run("break helper")
        said = gdb.run(resume)
        if resume == "stepi":
            assert gdb.value("$icount") == 1
            assert "push bp" in said
            said = gdb.run("continue")
        assert "helper ()" in said
        assert gdb.value("$pc") == 0x7D0D
        said = gdb.run("bt")
        assert re.search(r"#1 .* driver \(\).*\n#2 .* main \(\) at", said)
        assert gdb.value("(int) &count") == 0x7D30
        assert "i8086" in gdb.run("show architecture")
        assert "helper () at" in gdb.run("bt 1")
        assert 'Line 9 of "driver.asm" starts' in gdb.run("info line *0x7d07")


@pytest.mark.gdb
def test_breakpoints_in_libraries_outlive_restarts(gdb: Gdb, tmp_path: Path) -> None:
    """Libraries come and go with a run: gdb must find its breakpoints again, and not die."""
    with Server("--symbols", "main.elf", "main.img", cwd=tmp_path) as server:
        gdb.run(server.extended)
        gdb.run("monitor symbols driver.elf")
        gdb.run("break driver")
        assert "driver () at" in gdb.run("continue")
        for _ in range(2):
            assert "driver () at" in gdb.run("run")
        gdb.run("kill")
        assert "driver () at" in gdb.run("run")
        gdb.run("disconnect")
        gdb.run(server.extended)
        assert "driver () at" in gdb.run("bt 1")


# -- gdbs that were built without x86-64 -------------------------------------------------------


PROBE = "target:/blink16.elf"
"""What gdb opens to look for the build ID of the process's file."""


def look(client: Client, name: str, *offsets: int) -> None:
    """Open a file, read it from some offsets on, and close it."""
    handle = opened(client, name)[1:]
    for offset in offsets:
        assert client.ask_one(b"vFile:pread:%s,10000,%x" % (handle, offset))[:1] == b"F"
    assert client.ask_one(b"vFile:close:" + handle) == b"F0"


def class_of_symbols(client: Client) -> int:
    """Return the EI_CLASS of the file with code's names: 1 for 32 bits, 2 for 64."""
    return content(client, listed(client)[0][0] + SYMBOLS)[len(elf.MAGIC)]


def test_who_only_looks_at_a_file_for_an_x86_64_gets_another() -> None:
    """Prevents ?? for all code in i686-elf-gdb 13.1, whose reads these are."""
    client = Client()
    look(client, PROBE, 0)
    assert class_of_symbols(client) == 1
    assert "target:/names" in dict(listed(client))  # the first list


def test_who_reads_on_gets_the_one_for_an_x86_64() -> None:
    """Prevents a second place of break f in the usual gdbs, whose reads these are."""
    client = Client()
    beginning = content_at(client, PROBE, 0)
    header = elf.CLASS_64.header.parse(beginning)
    assert len(beginning) < header.e_shoff
    look(client, PROBE, 0, header.e_shoff, header.e_shoff - 0x20)
    assert class_of_symbols(client) == 2
    look(client, PROBE)  # a gdb that has it already
    assert class_of_symbols(client) == 2
    assert b"library" not in client.ask_one(b"vCont;s")


def content_at(client: Client, name: str, offset: int) -> bytes:
    """Return what one read of a file brings, from some offset on."""
    handle = opened(client, name)[1:]
    return client.ask_one(b"vFile:pread:%s,10000,%x" % (handle, offset)).partition(b";")[2]


def test_who_finds_that_out_late_is_told_of_another() -> None:
    """Prevents a gdb with its user's own file, which asks for no build ID, from having no names."""
    client = Client()
    listed(client)
    look(client, "/names.symbols", 0, 0x200, 0x8000)  # for its checksum
    look(client, "/names.symbols", 0)
    assert b"library:;" in client.ask_one(b"vCont;s")
    assert class_of_symbols(client) == 1
    assert b"library" not in client.ask_one(b"vCont;s")


@pytest.mark.gdb
@pytest.mark.skipif(shutil.which("i686-elf-gdb") is None, reason="no i686-elf-gdb is installed")
def test_a_gdb_without_x86_64_has_names() -> None:
    """Prevents ?? for all code in a real one, as tutorials for writing kernels let one build it."""
    with Gdb(Path(shutil.which("i686-elf-gdb") or "")) as gdb, Server("banner", "HI") as server:
        assert "file format" not in gdb.run(server.target)
        assert "_start in section" in gdb.run("info symbol $pc")
        gdb.run("break main")
        assert "main ()" in gdb.run("continue")
        assert gdb.value("$pc") == gdb.value("(int) &main")
        assert "main () from target:/names" in gdb.run("until")
