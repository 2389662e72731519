"""ELKS system calls: files, console, memory, time and signals."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from elks_guest import EPOCH, INT80_FOR_EVER, SCRATCH, ElksGuest, caller, start
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from property_examples import examples

from blink16.cpu.engine import StopReason
from blink16.elks.abi import Call
from blink16.elks.aout import Executable
from blink16.memory import Access, Attribute

ENOENT, EBADF, ECHILD, ENOMEM, EFAULT, ENOTDIR, EINVAL, EMFILE = 2, 9, 10, 12, 14, 20, 22, 24
ESPIPE, ENOSYS = 29, 38
BUFFER = 0x200
CREATE_READ_WRITE = 0o102


@pytest.fixture
def guest(tmp_path: Path) -> ElksGuest:
    """Return a guest that can make system calls, beside a file and a folder."""
    (tmp_path / "file").write_bytes(b"0123456789")
    (tmp_path / "dir").mkdir()
    return caller(tmp_path)


def open_(guest: ElksGuest, path: str, flags: int = 0) -> int:
    """Open a file."""
    return guest.call(Call.OPEN, guest.put(path), flags, 0o644)


def test_read_advances(guest: ElksGuest) -> None:
    """Two reads must give two parts of a file, and nothing at its end."""
    fd = open_(guest, "file")
    assert fd == 3
    assert guest.call(Call.READ, fd, BUFFER, 6) == 6
    assert guest.get(BUFFER, 6) == b"012345"
    assert guest.call(Call.READ, fd, BUFFER, 6) == 4
    assert guest.call(Call.READ, fd, BUFFER, 6) == 0


def test_write_and_seek(guest: ElksGuest) -> None:
    """A new file must keep what is written, at the offset of lseek."""
    fd = open_(guest, "new", CREATE_READ_WRITE)
    guest.put("hello", BUFFER)
    assert guest.call(Call.WRITE, fd, BUFFER, 5) == 5
    guest.put(struct.pack("<i", -4), SCRATCH)
    assert guest.call(Call.LSEEK, fd, SCRATCH, 2) == 0
    assert guest.get(SCRATCH, 4) == struct.pack("<i", 1)
    assert guest.call(Call.READ, fd, BUFFER, 100) == 4
    assert guest.get(BUFFER, 4) == b"ello"


def test_append_always_writes_at_the_end(guest: ElksGuest) -> None:
    """O_APPEND must not overwrite."""
    fd = open_(guest, "file", 0o2001)
    guest.call(Call.WRITE, fd, guest.put("x", BUFFER), 1)
    assert guest.files.size(guest.files.lookup("file")) == 11


def test_open_modes_are_kept(guest: ElksGuest) -> None:
    """A file opened for reading must refuse to be written, and the other way round."""
    assert guest.call(Call.WRITE, open_(guest, "file"), BUFFER, 1) == -EBADF
    assert guest.call(Call.READ, open_(guest, "file", 1), BUFFER, 1) == -EBADF


def test_descriptors_share_an_offset(guest: ElksGuest) -> None:
    """dup() must share the offset, and closing one must not close the other."""
    fd = open_(guest, "file")
    copy = guest.call(Call.DUP, fd)
    guest.call(Call.READ, fd, BUFFER, 4)
    assert guest.call(Call.CLOSE, fd) == 0
    assert guest.call(Call.READ, fd, BUFFER, 4) == -EBADF
    guest.call(Call.READ, copy, BUFFER, 1)
    assert guest.get(BUFFER, 1) == b"4"
    assert guest.call(Call.DUP2, copy, 1) == 1
    guest.call(Call.READ, 1, BUFFER, 1)
    assert guest.get(BUFFER, 1) == b"5"


def test_descriptors_run_out(guest: ElksGuest) -> None:
    """A guest must not open files without end."""
    results = [open_(guest, "file") for _ in range(18)]
    assert results == [*range(3, 20), -EMFILE]


def test_stat_in_the_new_form(guest: ElksGuest) -> None:
    """The packed structure has a 32-bit inode number; sizes behind it must not shift."""
    assert guest.call(Call.STAT, guest.put("file"), BUFFER) == 0
    device, inode, mode, nlink, _, _, _, size = struct.unpack("<HIHHHHHi", guest.get(BUFFER, 20))
    assert (mode, nlink, size) == (0o100644, 1, 10)
    assert inode == guest.files.lookup("file")
    assert device
    assert guest.call(Call.FSTAT, 0, BUFFER) == 0
    assert struct.unpack_from("<H", guest.get(BUFFER, 8), 6)[0] & 0o170000 == 0o020000


def test_stat_in_the_old_form(tmp_path: Path) -> None:
    """Programs of bcc have a 16-bit inode number there."""
    (tmp_path / "file").write_bytes(b"0123456789")
    guest = start(Executable(INT80_FOR_EVER, bytes(0x400), heap=0x4000, version=0), tmp_path)
    assert guest.call(Call.STAT, guest.put("file"), BUFFER) == 0
    assert struct.unpack_from("<i", guest.get(BUFFER, 30), 14)[0] == 10


def test_readdir_lists_each_name_once(guest: ElksGuest) -> None:
    """Files removed amid a listing must not make others vanish from it."""
    fd, names = open_(guest, "/"), []
    while guest.call(Call.READDIR, fd, BUFFER, 1) == 1:
        length = struct.unpack_from("<H", guest.get(BUFFER, 10), 8)[0]
        names.append(guest.get(BUFFER + 10, length))
        if names[-1] == b"dir":
            guest.call(Call.RMDIR, guest.put("dir"))
    assert names == [b".", b"..", b"dir", b"file"]
    assert guest.call(Call.READDIR, open_(guest, "file"), BUFFER, 1) == -ENOTDIR


def test_working_directory(guest: ElksGuest) -> None:
    """Relative names must follow chdir()."""
    assert guest.call(Call.CHDIR, guest.put("dir")) == 0
    assert open_(guest, "file") == -ENOENT
    assert open_(guest, "../file") == 3
    assert guest.call(Call.CHDIR, guest.put("../file")) == -ENOTDIR


def test_tree_changes(guest: ElksGuest) -> None:
    """mkdir, rename, unlink, rmdir, symlink and access must work together."""
    assert guest.call(Call.MKDIR, guest.put("d2"), 0o777) == 0
    assert guest.call(Call.RENAME, guest.put("file"), guest.put("d2/f", BUFFER)) == 0
    assert guest.call(Call.ACCESS, guest.put("file"), 0) == -ENOENT
    assert guest.call(Call.SYMLINK, guest.put("d2/f"), guest.put("link", BUFFER)) == 0
    assert guest.call(Call.READLINK, guest.put("link"), BUFFER, 10) == 4
    assert guest.call(Call.ACCESS, guest.put("link"), 4) == 0
    assert guest.call(Call.UNLINK, guest.put("d2/f")) == 0
    assert guest.call(Call.RMDIR, guest.put("d2")) == 0
    assert guest.call(Call.UTIME, guest.put("link"), 0) == -ENOENT


def test_console_output_has_two_channels(guest: ElksGuest) -> None:
    """Errors must not be mixed into what the program prints."""
    guest.put("ab", BUFFER)
    assert guest.call(Call.WRITE, 1, BUFFER, 1) == 1
    assert guest.call(Call.WRITE, 2, BUFFER + 1, 1) == 1
    assert guest.shown == {"console": b"a", "stderr": b"b"}


def test_reading_an_empty_console_waits(guest: ElksGuest) -> None:
    """A read must wait for input without losing its arguments, and get one line."""
    r = guest.machine.registers
    r.ax, r.bx, r.cx, r.dx = Call.READ, 0, BUFFER, 10
    assert guest.run().reason is StopReason.WAITING
    before = guest.machine.save()
    assert guest.run().reason is StopReason.WAITING
    assert guest.machine.save() == before
    guest.console.receive(b"one\ntwo\n")
    guest.machine.run(1)
    assert r.ax == 4
    assert guest.get(BUFFER, 4) == b"one\n"


def test_end_of_input_reads_as_nothing(guest: ElksGuest) -> None:
    """A program must see the end of its input."""
    guest.console.receive(b"")
    assert guest.call(Call.READ, 0, BUFFER, 10) == 0


def test_raw_terminal_reads_single_keys(guest: ElksGuest) -> None:
    """Without ICANON a key must arrive before its line is whole."""
    assert guest.call(Call.IOCTL, 0, 0x5401, BUFFER) == 0
    modes = bytearray(guest.get(BUFFER, 34))
    modes[12] &= ~0o2
    guest.put(bytes(modes), BUFFER)
    assert guest.call(Call.IOCTL, 0, 0x5402, BUFFER) == 0
    guest.console.receive(b"k")
    assert guest.call(Call.READ, 0, BUFFER, 10) == 1


def test_files_are_no_terminals(guest: ElksGuest) -> None:
    """isatty() must tell files from the console; a console can't seek."""
    fd = open_(guest, "file")
    assert guest.call(Call.IOCTL, fd, 0x5401, BUFFER) == -EINVAL
    assert guest.call(Call.LSEEK, 0, BUFFER, 0) == -ESPIPE
    assert guest.call(Call.READ, open_(guest, "/dev/null"), BUFFER, 5) == 0


def test_heap_ends_below_the_stack(guest: ElksGuest) -> None:
    """The break may move between data and stack only; sbrk() gives the old one."""
    assert guest.call(Call.SBRK, 0x10, BUFFER) == 0
    assert guest.get(BUFFER, 2) == struct.pack("<H", 0x400)
    assert guest.call(Call.SBRK, 0, BUFFER) == 0
    assert guest.get(BUFFER, 2) == struct.pack("<H", 0x410)
    assert guest.call(Call.BRK, 0x3FF) == -ENOMEM
    assert guest.call(Call.BRK, 0x400) == 0
    limit = guest.machine.registers.sp - 0x800
    assert guest.call(Call.BRK, limit) == 0
    assert guest.call(Call.BRK, limit + 1) == -ENOMEM
    assert guest.call(Call.SBRK, 0x8000, BUFFER) == -ENOMEM


def test_far_memory_comes_and_goes(guest: ElksGuest) -> None:
    """Blocks of far memory must not overlap each other or the program."""
    assert guest.call(Call.FMEMALLOC, 0x1000, BUFFER) == 0
    first = int.from_bytes(guest.get(BUFFER, 2), "little")
    assert guest.call(Call.FMEMALLOC, 0x1000, BUFFER) == 0
    assert int.from_bytes(guest.get(BUFFER, 2), "little") == first + 0x1000
    assert first > guest.machine.registers.ds
    assert guest.call(Call.FMEMALLOC, 0x9000, BUFFER) == -ENOMEM
    assert guest.call(Call.FMEMFREE, first) == 0
    assert guest.call(Call.FMEMALLOC, 0x800, BUFFER) == 0
    assert int.from_bytes(guest.get(BUFFER, 2), "little") == first


def test_time_is_the_guests(guest: ElksGuest) -> None:
    """The clock must follow the machine, so that a replay sees the same time."""
    assert guest.call(Call.GETTIMEOFDAY, BUFFER, 0) == 0
    assert struct.unpack("<I", guest.get(BUFFER, 4))[0] == EPOCH


def test_identity(guest: ElksGuest) -> None:
    """getpid() and uname() must answer, and there are no children."""
    assert guest.call(Call.GETPID, BUFFER) == 2
    assert guest.get(BUFFER, 2) == b"\1\0"
    assert guest.call(Call.GETUID, BUFFER) == 0
    assert guest.call(Call.UNAME, BUFFER) == 0
    assert guest.get(BUFFER, 5) == b"ELKS\0"
    assert guest.call(Call.WAIT4) == -ECHILD
    assert guest.call(Call.UMASK, 0o77) == 0o22
    assert guest.call(Call.UMASK, 0) == 0o77


def test_unknown_calls_are_told_once(guest: ElksGuest) -> None:
    """Unknown and missing calls must return ENOSYS and not fill the screen with messages."""
    for number in (43, 43, 999, 43):
        assert guest.call(number) == -ENOSYS
    assert guest.told == [
        "ELKS system call 43 (times) is not supported: ENOSYS",
        "ELKS system call 999 is not supported: ENOSYS",
    ]


def test_exit_status_is_a_byte(guest: ElksGuest) -> None:
    """The machine must stop at the exit with the status that a shell would see."""
    r = guest.machine.registers
    r.ax, r.bx = Call.EXIT, 0x1FF
    stop = guest.run()
    assert (stop.reason, stop.status) == (StopReason.EXITED, 0xFF)


def test_bad_addresses_are_faults(guest: ElksGuest) -> None:
    """A buffer that runs over the end of the segment must not wrap around."""
    assert guest.call(Call.READ, open_(guest, "file"), 0xFFFF, 2) == -EFAULT
    assert guest.call(Call.WRITE, 1, 0xFFFF, 2) == -EFAULT
    guest.machine.memory.write(guest.address(0xFF00), b"x" * 0x100)
    assert guest.call(Call.CHDIR, 0xFFF0) == -EFAULT


def test_signal_without_handler_ends_the_program(guest: ElksGuest) -> None:
    """A program that sends itself a signal must stop with it, for a look at why."""
    for number in (0, 17, -1 & 0xFFFF):
        assert guest.call(Call.KILL, 2, number) == -EINVAL
    assert guest.call(Call.SIGNAL, 10, 1, 0) == 0
    assert guest.call(Call.KILL, 2, 10) == 0
    r = guest.machine.registers
    r.ax, r.bx, r.cx = Call.KILL, 2, 6
    stop = guest.run()
    assert (stop.reason, stop.status) == (StopReason.TRAPPED, 6)
    assert stop.text == "signal 6, sent at 1000:0002 (SIGABRT)"


def test_signal_handler_runs_and_returns(tmp_path: Path) -> None:
    """A handler must be called far with the signal as its argument, and return behind kill()."""
    code = bytes.fromhex(
        "b83000 bb0a00 b91f00 8cca cd80"  # signal(10, cs:handler)
        "b82500 bb0200 b90a00 cd80"  # kill(2, 10)
        "97 b80100 cd80"  # exit(bx)
    )
    code += b"\x90" * (0x1F - len(code)) + bytes.fromhex("55 89e5 8b5e06 5d ca0200")
    stop = start(Executable(code), tmp_path).run()
    assert (stop.reason, stop.status) == (StopReason.EXITED, 10)


def test_watchpoint_sees_what_the_system_writes(guest: ElksGuest) -> None:
    """A buffer that read() fills must trigger a watchpoint, like the program's own stores."""
    fd = open_(guest, "file")
    watched = guest.address(BUFFER + 2)
    guest.machine.memory.mark(watched, Attribute.WATCH_WRITE)
    r = guest.machine.registers
    r.ax, r.bx, r.cx, r.dx = Call.READ, fd, BUFFER, 4
    stop = guest.run()
    assert (stop.reason, stop.address, stop.access) == (
        StopReason.WATCHPOINT,
        watched,
        Access.WRITE,
    )


def test_state_goes_back_in_time(guest: ElksGuest) -> None:
    """Open files, offsets, break and directory must all return with the machine's state."""
    fd = open_(guest, "file")
    guest.call(Call.READ, fd, BUFFER, 3)
    before = guest.machine.save()
    guest.call(Call.READ, fd, BUFFER, 3)
    guest.call(Call.CLOSE, fd)
    guest.call(Call.CHDIR, guest.put("dir"))
    guest.call(Call.BRK, 0x500)
    guest.call(Call.UNLINK, guest.put("/file"))
    guest.machine.restore(before)
    assert guest.machine.save() == before
    assert guest.call(Call.READ, fd, BUFFER, 1) == 1
    assert guest.get(BUFFER, 1) == b"3"


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(300))
@given(
    st.sampled_from(Call) | st.integers(0, 0xFFFF),
    st.lists(st.integers(0, 0xFFFF) | st.integers(0, 5), min_size=3, max_size=3),
)
def test_no_arguments_break_the_system(guest: ElksGuest, number: int, arguments: list[int]) -> None:
    """Whatever a program asks for, it must get an answer or a stop, never a crash of ours."""
    before = guest.machine.save()
    r = guest.machine.registers
    r.ax, (r.bx, r.cx, r.dx) = number, arguments
    guest.machine.run(3)
    guest.machine.save()
    guest.machine.restore(before)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(150))
@given(st.binary(max_size=400), st.integers(0, 0xFFFF), st.integers(0, 0xFFFF), st.booleans())
def test_exec_of_anything_fails_before_anything_is_lost(
    guest: ElksGuest,
    content: bytes,
    block: int,
    length: int,
    magic: bool,
) -> None:
    """Whatever a file and an argument block hold, a refused execve() must have changed nothing."""
    files = guest.files
    before = guest.machine.save(), guest.machine.memory[0:0x100000]
    node = files.create("any", mode=0o777)
    files.truncate(node)
    files.write(node, 0, (b"\x01\x03\x20\x04\x20\0\1\0" if magic else b"") + content)
    registers = guest.machine.registers.save()
    memory = guest.machine.memory[0:0x100000]
    result = guest.call(Call.EXECVE, guest.put("any"), block, length)
    if result < 0:
        cs = int.from_bytes(registers[18:20], "little")
        assert guest.machine.registers.cs == cs
        guest.machine.memory.write(guest.address(SCRATCH), memory[guest.address(SCRATCH) :][:4])
    guest.machine.restore(before[0])
    guest.machine.memory.write(0, before[1][:0xF0000])


def test_a_fork_bomb_ends_in_eagain_and_can_be_interrupted(tmp_path: Path) -> None:
    """Processes that fork for ever must be refused, and the machine must stop when asked."""
    code = bytes.fromhex("b80200 cd80 ebf9".replace(" ", ""))  # fork() for ever
    guest = start(Executable(code, heap=0x100, stack=0x100), tmp_path)
    while guest.machine.icount < 300_000:
        guest.machine.run(300_000 - guest.machine.icount)
    assert len(guest.machine.process_table.processes()) == 62  # type: ignore[union-attr]
    guest.machine.interrupt()
    assert guest.machine.run(1_000_000).reason is StopReason.INTERRUPTED


def test_what_ends_the_machine_leaves_it_as_it_was(tmp_path: Path) -> None:
    """Prevents an instant that is another one at its program's end than when one comes back."""
    guest = start(Executable(INT80_FOR_EVER), tmp_path)
    registers = guest.machine.registers
    registers.ax, registers.bx, registers.cx = Call.KILL, 2, 15  # SIGTERM
    guest.machine.run(1)  # INT 80h
    before = guest.machine.save()
    assert guest.machine.run(10).reason is StopReason.TRAPPED
    assert guest.machine.save() == before
