"""The board: the ELF that gdb reads from us, and how it is read."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stub_client import Client

from blink16 import board
from blink16.assembly import STUB_SIZE
from blink16.board import cfi, dwarf, window
from blink16.gdbstub.hostio import BOARD, MAX_OPEN, STAT
from blink16.machine import Machine
from blink16.memory import MEMORY_SIZE, RAM_SIZE
from blink16.packets import PACKET_SIZE
from blink16.services import DONE
from blink16.symbolfiles import DebugInformation, elf
from blink16.symbols import Symbol, SymbolKind, SymbolTable

CODE, DATA = SymbolKind.CODE, SymbolKind.DATA
ENTRY = (0x1000, 0)


def sections(content: bytes) -> dict[str, tuple[int, int, bytes]]:
    """Return each section's address, flags and content by its name."""
    header = elf.HEADER.parse(content)
    rows = elf.SECTION_HEADER[header.e_shnum].parse(content[header.e_shoff :])
    names = content[rows[header.e_shstrndx].sh_offset :]
    return {
        names[row.sh_name :].split(b"\0", 1)[0].decode(): (
            row.sh_addr,
            row.sh_flags,
            content[row.sh_offset :][: row.sh_size] if row.sh_type != 8 else bytes(row.sh_size),
        )
        for row in rows
    }


def symbols(content: bytes) -> dict[str, tuple[int, int, str]]:
    """Return each symbol's address, size and section by its name."""
    parts = sections(content)
    names, strings = list(parts), parts[".strtab"][2]
    count = len(parts[".symtab"][2]) // elf.SYMBOL.sizeof()
    rows = elf.SYMBOL[count].parse(parts[".symtab"][2])
    return {
        strings[row.st_name :].split(b"\0", 1)[0].decode(): (
            row.st_value,
            row.st_size,
            "*ABS*" if row.st_shndx == elf.SHN_ABS else names[row.st_shndx],
        )
        for row in rows[1:]
    }


def build(*known: Symbol, machine: Machine | None = None) -> board.Board:
    """Return the board of a machine with these symbols."""
    table = SymbolTable(known)
    return board.build(machine or Machine.bare("reference"), board.ProgramFacts(table, ENTRY))


# -- the ELF ---------------------------------------------------------------------------------


def test_the_board_is_for_no_machine() -> None:
    """EM_386 would switch gdb to 32-bit disassembly."""
    header = elf.HEADER.parse(build().content)
    assert header.e_machine == elf.EM_NONE
    assert header.e_entry == 0x10000


def test_call_frame_information_covers_memory() -> None:
    """Code without an FDE is unwound by gdb's own guesses about 32-bit code."""
    content = sections(build().content)[".debug_frame"][2]
    cie = cfi.CIE.parse(content)
    fde = cfi.FDE.parse(content[len(cfi.CIE.build(cie)) :])
    assert (fde.initial_location, fde.address_range) == (0, RAM_SIZE)
    columns = {rule.column for rule in cie.instructions}
    assert columns >= {None, *range(10), *range(40, 44)}


def test_symbols_keep_their_kind_and_place() -> None:
    """Gdb takes a symbol for code or data by its section: watching a function is no use."""
    found = symbols(
        build(
            Symbol("main", 0x10000, CODE),
            Symbol("count", 0x12000, DATA),
            Symbol("buffer", 0x12010, DATA),
            Symbol("far", 0x30000, CODE),
        ).content
    )
    assert found["main"][:2] == (0x10000, 0x2000)
    assert found["count"][:2] == (0x12000, 0x10)
    assert found["buffer"][1] == 0x10000
    assert {found[name][2][:5] for name in ("main", "far")} == {".text"}
    assert {found[name][2] for name in ("count", "buffer")} == {found["count"][2]}
    assert found["count"][2].startswith(".data")


def test_service_stubs_are_named() -> None:
    """Prevents ?? in backtraces out of the BIOS."""
    machine = Machine.bare("reference")
    machine.hang_service(0x21, lambda guest: DONE)
    (address,) = machine.service_names
    assert symbols(build(machine=machine).content)["int21"][:2] == (address, STUB_SIZE)


def test_stubs_of_one_interrupt_have_names_of_their_own() -> None:
    """Prevents `break int80` from meaning the stub that an operating system has replaced."""
    machine = Machine.bare("reference")
    machine.hang_service(0x80, lambda guest: DONE)
    machine.hang_service(0x80, lambda guest: DONE)
    first, second = machine.service_names
    found = symbols(build(machine=machine).content)
    assert found["int80"][0] == second
    assert found[f"int80_{first & 0xFFFF:04x}"][0] == first


@given(
    st.lists(
        st.builds(
            Symbol,
            st.text(max_size=300),
            st.integers(-1, MEMORY_SIZE + 1),
            st.sampled_from(SymbolKind),
        ),
        max_size=30,
    )
)
def test_sections_part_memory_whatever_the_symbols(known: list[Symbol]) -> None:
    """Overlapping sections, or symbols outside theirs, make gdb drop symbols."""
    content = build(*known).content
    areas = [part for name, part in sections(content).items() if name[:5] in (".text", ".data")]
    end = dwarf.START
    for address, _, memory in areas:
        assert address == end
        end += len(memory)
    assert end == RAM_SIZE
    starts = {name: part[0] for name, part in sections(content).items()}
    lengths = {name: len(part[2]) for name, part in sections(content).items()}
    for address, _, section in symbols(content).values():
        assert 0 <= address - starts[section] < lengths[section]


def functions(content: bytes) -> list[tuple[str, int, int]]:
    """Return name, address and size of the functions in the board's own compilation units."""
    parts = sections(content)
    info = io.BytesIO(parts[".debug_info"][2][len(USERS) :])
    return [function for unit in iter(lambda: _unit(info, parts), None) for function in unit]


def _unit(
    info: io.BytesIO, parts: dict[str, tuple[int, int, bytes]]
) -> list[tuple[str, int, int]] | None:
    if not info.getbuffer()[info.tell() :]:
        return None
    unit = dwarf.UNIT.parse_stream(info)
    children, found = unit.children, []
    while children[0] != dwarf.Abbreviation.END_OF_CHILDREN:
        row = dwarf.FUNCTION.parse(children)
        found.append((row.name, row.low_pc, row.size))
        children = children[len(dwarf.FUNCTION.build(row)) :]
        if row.code == dwarf.Abbreviation.FUNCTION_WITH_BLOCK:
            block = dwarf.BLOCK.parse(children)
            assert block.low_pc >= RAM_SIZE
            assert parts[".debug_loc"][2][block.locations :] == bytes(8)
            children = children[len(dwarf.BLOCK.build(block)) + 1 :]
    assert children == dwarf.END_OF_CHILDREN
    assert all(address in range(unit.low_pc, unit.low_pc + unit.size) for _, address, _ in found)
    return found


USERS = b"what the user has"


def test_each_function_is_one_to_gdb() -> None:
    """Without an entry, `break f` looks for the end of a 32-bit prologue."""
    debug = DebugInformation(
        ((".debug_info", USERS), (".debug_loc", b"lists")),
        (range(0x2000, 0x3000), range(0x2800, 0x4000)),
    )
    known = (
        Symbol("wide", 0x1000, CODE, 0x400),
        Symbol("inner", 0x1100, CODE),
        Symbol("until_theirs", 0x1F00, CODE),
        Symbol("theirs", 0x2100, CODE),
        Symbol("theirs_too", 0x3FFF, CODE),
        Symbol("alias", 0x4000, CODE, 2),
        Symbol("same", 0x4000, CODE, 3),
        Symbol("variable", 0x9000, DATA),
    )
    program = board.ProgramFacts(SymbolTable(known), ENTRY, (debug,))
    content = board.build(Machine.bare("reference"), program).content
    assert functions(content) == [
        ("wide", 0x1000, 0x100),
        ("inner", 0x1100, 0xE00),
        ("until_theirs", 0x1F00, 0x100),
        ("alias", 0x4000, 2),
        ("same", 0x4000, 3),
    ]


@pytest.mark.parametrize(("name", "ends"), [("_main", True), ("start_kernel", True), ("f", False)])
def test_backtraces_end_at_main_by_any_name(name: str, *, ends: bool) -> None:
    """Prevents "Backtrace stopped" behind functions whose callers say nothing to users."""
    made = build(Symbol("crt0", 0x10000, CODE), Symbol(name, 0x10040, CODE, 8))
    assert made.ends == (range(0x10000, 0x10040), *[range(0x10040, 0x10048)] * ends)


def test_debugging_information_leaves_the_users_out() -> None:
    """Two units about one address make gdb take either."""
    found = dwarf.gaps([range(5, 5), range(0x20, 0x30), range(2), range(0x10, 0x21)])
    assert list(found) == [range(dwarf.START, 0x10), range(0x30, RAM_SIZE)]


# -- reading it ------------------------------------------------------------------------------


@pytest.fixture
def client() -> Client:
    """Return a client that has attached."""
    return Client()


def open_board(client: Client) -> bytes:
    """Open the board; return the handle's digits."""
    reply = client.ask_one(b"vFile:open:%s,0,0" % BOARD.encode().hex().encode())
    assert reply[:1] == b"F"
    return reply[1:]


def test_the_board_is_read_as_gdb_does(client: Client) -> None:
    """Exec-file, setfs, open, fstat, pread and close must agree about one file."""
    name = b"ltarget:" + BOARD.encode()  # from us, whatever sysroot gdb's user has set
    assert client.ask_one(b"qXfer:exec-file:read:1:0,fff") == name
    assert client.ask_one(b"qXfer:exec-file:read::0,fff") == name
    assert client.ask_one(b"vFile:setfs:0") == b"F0"
    handle = open_board(client)
    stat = client.ask_one(b"vFile:fstat:%s" % handle)
    assert stat.startswith(b"F40;")
    size = STAT.parse(stat[4:]).st_size
    content = bytearray()
    while len(content) < size:
        reply = client.ask_one(b"vFile:pread:%s,100,%x" % (handle, len(content)))
        length, _, data = reply[1:].partition(b";")
        assert len(data) == int(length, 16) <= 0x100
        content += data
    assert client.ask_one(b"vFile:pread:%s,100,%x" % (handle, size)) == b"F0;"
    assert client.ask_one(b"vFile:close:%s" % handle) == b"F0"
    assert elf.HEADER.parse(content).e_machine == elf.EM_NONE
    assert [section for _, _, section in symbols(bytes(content)).values()] == ["*ABS*"]


@pytest.mark.parametrize("name", ["/etc/passwd", "blink16.elf", "/../etc/passwd", "", BOARD + "/."])
def test_no_file_of_the_host_opens(client: Client, name: str) -> None:
    """Only the board is ever readable."""
    assert client.ask_one(b"vFile:open:%s,0,0" % name.encode().hex().encode()) == b"F-1,2"


def test_the_board_is_not_written(client: Client) -> None:
    """Prevents a client from thinking that it could store something with us."""
    name = BOARD.encode().hex().encode()
    assert client.ask_one(b"vFile:open:%s,1,1ff" % name) == b"F-1,d"
    handle = open_board(client)
    assert client.ask_one(b"vFile:pwrite:%s,0,x" % handle) == b""
    assert client.ask_one(b"vFile:unlink:%s" % name) == b""


def test_handles_are_checked_and_bounded(client: Client) -> None:
    """Prevents reads through handles that are closed, and a client that opens without end."""
    handles = [open_board(client) for _ in range(MAX_OPEN)]
    assert len(set(handles)) == MAX_OPEN
    name = BOARD.encode().hex().encode()
    assert client.ask_one(b"vFile:open:%s,0,0" % name) == b"F-1,18"
    assert client.ask_one(b"vFile:close:%s" % handles[3]) == b"F0"
    assert client.ask_one(b"vFile:pread:%s,1,0" % handles[3]) == b"F-1,9"
    assert open_board(client) == handles[3]


@given(st.sampled_from([b"open", b"pread", b"fstat", b"close", b"setfs", b"x"]), st.binary())
def test_malformed_operations_are_refused(operation: bytes, arguments: bytes) -> None:
    """Prevents an exception, or a reply beyond the packet size."""
    client = Client()
    handle = open_board(client)
    for body in (arguments, handle + b"," + arguments):
        packet = b"vFile:" + operation + b":" + body.translate(None, b"#$}*")
        assert len(client.ask_one(packet)) <= PACKET_SIZE


# -- the unwind window -----------------------------------------------------------------------


def field(client: Client, field: window.Field) -> bytes:
    """Read a field of the innermost frame's row."""
    registers = client.debugger.machine.registers
    esp = registers.ss * 16 + registers.sp
    return client.ask_one(b"m%x,4" % window.field_address(esp, field))


def test_the_window_shows_the_caller_as_it_is_now(client: Client) -> None:
    """A row that outlives the instant it was made for unwinds to the wrong place."""
    machine = client.debugger.machine
    # call 10h ... at 10h: nop; ret
    client.ask(b"M10000,3:e80d00", b"M10010,2:90c3")
    client.ask(b"vCont;s")
    assert field(client, window.Field.EIP) == b"03000100"
    stack = machine.registers.ss * 16 + machine.registers.sp
    assert field(client, window.Field.CFA) == (stack + 2).to_bytes(4, "little").hex().encode()
    client.ask(b"M10013,3:e8faff", b"M%x,2:1600" % stack)
    assert field(client, window.Field.EIP) == b"16000100"
    client.ask(b"vCont;s", b"vCont;s")
    assert machine.registers.ip == 0x16
    assert field(client, window.Field.EIP)[:1] == b"E"


def test_the_window_can_be_read_in_lines_of_a_cache(client: Client) -> None:
    """LLDB reads 512 bytes at once: other rows in them are no reason to refuse it."""
    r = client.debugger.machine.registers
    client.ask(b"M10000,3:e80d00", b"vCont;s")
    row = window.BASE + (r.ss * 16 + r.sp) * window.ROW_SIZE
    line = row & ~0x1FF
    data = bytes.fromhex(client.ask_one(b"m%x,200" % line).decode())
    assert len(data) == 0x200
    at = row - line
    assert data[at : at + 4].hex().encode() == field(client, window.Field.CFA)
    assert not any(data[:at])
    assert client.ask_one(b"m%x,200" % (line - 0x200))[:1] == b"E"


def test_reads_of_the_window_are_bounded(client: Client) -> None:
    """Prevents one packet from asking for a million backtraces."""
    reply = client.ask_one(b"m%x,%x" % (window.BASE, window.SIZE))
    assert reply[:1] == b"E"
    assert client.ask_one(b"m%x,4" % (window.BASE + window.SIZE))[:1] == b"E"
