"""What ELKS' system calls cost on the native core: ``python -m benchmarks.elks_calls``.

Microseconds of our thread's processor time for a round of a loop in a hosted program, with INT 80h,
what answers it, IRET and the few instructions around it.  A word or two behind it: only the rows in
whose names they are; ``writable``: the program's changes reach the host's folder.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from blink16.cpu.engine import StopReason
from blink16.cpu.models import DEFAULT
from blink16.cpu.native.loading import best_of, core
from blink16.devices.hot import BOARD
from blink16.elks.abi import Call, Fcntl, Ioctl, Open
from blink16.elks.aout import Executable, build
from blink16.machine import Machine
from blink16.memory import linear
from blink16.setup.loader import Options, Program, ProgramKind, load

PROMISED = 6.0
"""Microseconds that a call takes at most."""
SLICE = 20_000
"""Instructions; so many are run until there were enough rounds."""
PORTIONS, ROUNDS = 7, 250
"""Rounds are timed in portions, of which the best counts; so many are in one, and some more."""
WARM_UP = 20_000
COUNTER = linear(0x50, 0)
"""Where rounds are counted: there it outlives the program."""
COUNT = bytes.fromhex("26ff060000")  # inc word es:[0]
KEEP = bytes.fromhex("2609060200")  # or es:[2],ax: negative once a call has failed
BEGIN = bytes.fromhex("b850008ec0")  # mov ax,50h; mov es,ax
CALL = bytes.fromhex("cd80")
FILE_SIZE, MANY = 1 << 20, 1000
SIZES = (1, 16, 512, 16384)
SMALL, LARGE = SIZES[2:]
NAME, DEEP, MISSING, MADE, FOLDER, FOLDERS, CHILD, PIPE, TIME, SETS, WORD, HANDLED = range(
    0x100, 0x400, 0x40
)
"""Where things lie in the program's data."""
BLOCK, BUFFER = 0x500, 0x600
"""The argument block of execve(): argc, argv and environment, all of them nothing."""
TEXTS = {
    NAME: b"file",
    DEEP: b"/one/two/three/four",
    MISSING: b"/one/nothing",
    MADE: b"made",
    FOLDER: b"/one",
    FOLDERS: b"many",
    CHILD: b"child",
    TIME: bytes(8),
    SETS: b"\x01\0\0\0\x02\0\0\0",
}
FILE, READ_END, WRITE_END, BACK_READS, BACK_WRITES = 3, 3, 4, 5, 6
"""Descriptors, as they are given in turn behind the three standard streams."""
FIRST_PROCESS, SIGUSR1, ANY = 2, 10, 0xFFFF


class Loop(NamedTuple):
    """Calls in a loop: their code, and what stands before the loop."""

    name: str
    code: bytes
    before: bytes = b""
    calls: int = 1
    """How many calls a round has."""
    fails: bool = False
    """Whether the last of them gives an error."""


def call(number: int, bx: int = 0, cx: int = 0, dx: int = 0, di: int = 0, si: int = 0) -> bytes:
    """Return the code of a system call."""
    code = bytearray()
    for opcode, value in ((0xBB, bx), (0xB9, cx), (0xBA, dx), (0xBF, di), (0xBE, si)):
        code += bytes((opcode,)) + value.to_bytes(2, "little")
    return bytes(code) + b"\xb8" + number.to_bytes(2, "little") + CALL


def _opened(name: int, flags: int = Open.READ_WRITE, mode: int = 0o666) -> bytes:
    return call(Call.OPEN, name, flags, mode)


def _in_child(code: bytes) -> bytes:
    """Return what a new process does while its parent goes on: AX is 0 for it."""
    size = len(code).to_bytes(2, "little")
    return b"\x09\xc0\x74\x03\xe9" + size + code  # or ax,ax; jz over the jump; jmp behind


def _handler(code: bytes) -> bytes:
    """Return code that lets SIGUSR1 be handled by the RETF 2 before it: DX:CX, the call behind."""
    catch = call(Call.SIGNAL, SIGUSR1)[:-5]
    return b"\xeb\x03\xca\x02\x00" + code + catch


CLOSE = call(Call.CLOSE, FILE)
EXIT = call(Call.EXIT)
WAIT = call(Call.WAIT4, ANY)
FORK, VFORK = call(Call.FORK), call(Call.VFORK)
RUN_CHILD = call(Call.EXECVE, CHILD, BLOCK, 6)
REWIND = call(Call.LSEEK, FILE, TIME)
TWO_PIPES = call(Call.PIPE, PIPE) + call(Call.PIPE, PIPE)


def _one_byte(number: Call, descriptor: int) -> bytes:
    return call(number, descriptor, BUFFER, 1)


ECHO = _one_byte(Call.READ, READ_END) + _one_byte(Call.WRITE, BACK_WRITES)
ECHO_FOR_EVER = ECHO + b"\xeb" + bytes((-(len(ECHO) + 2) & 0xFF,))
PING = _one_byte(Call.WRITE, WRITE_END) + _one_byte(Call.READ, BACK_READS)
ONE_PIPE = call(Call.PIPE, PIPE)
# mov dx,cs; mov cx,3+BEGIN: the handler; mov ax,48; int 80h
CATCH = (
    b"\xbb\x0a\x00\x8c\xca\xb9" + (len(BEGIN) + 2).to_bytes(2, "little") + b"\xb8\x30\x00" + CALL
)
SKIPPED_HANDLER = b"\xeb\x03\xca\x02\x00"
FOLDER_OPEN = call(Call.OPEN, FOLDERS)


def _reads(name: str, device: bytes) -> Iterator[Loop]:
    for size in SIZES:
        yield Loop(f"read {size} of {name}", call(Call.READ, FILE, BUFFER, size), device)


def _writes(
    name: str, device: bytes, descriptor: int = FILE, sizes: Sequence[int] = SIZES
) -> Iterator[Loop]:
    for size in sizes:
        yield Loop(f"write {size} to {name}", call(Call.WRITE, descriptor, BUFFER, size), device)


def _device(name: bytes) -> bytes:
    """Return code that puts a device's name where that of the file was, and opens it."""
    code = bytearray()
    for at in range(0, len(name) + 1, 2):
        word = name[at : at + 2].ljust(2, b"\0")
        code += b"\xc7\x06" + (MADE + at).to_bytes(2, "little") + word  # mov word [MADE+at],word
    return bytes(code) + _opened(MADE)


LOOPS = (
    Loop("getpid", call(Call.GETPID)),
    Loop("getuid", call(Call.GETUID)),
    Loop("umask", call(Call.UMASK, 0o22)),
    Loop("gettimeofday", call(Call.GETTIMEOFDAY, TIME, TIME)),
    Loop("alarm", call(Call.ALARM, 100)),
    Loop("brk", call(Call.BRK, 0x4800)),
    Loop("sbrk 0", call(Call.SBRK, 0, WORD)),
    Loop("sbrk +2 and -2", call(Call.SBRK, 2, WORD) + call(Call.SBRK, 0xFFFE, WORD), calls=2),
    Loop(
        "fmemalloc + fmemfree",
        call(Call.FMEMALLOC, 16, WORD)
        + b"\x8b\x1e"
        + WORD.to_bytes(2, "little")
        + b"\xb8\x53\x00"
        + CALL,
        calls=2,
    ),
    Loop("uname", call(Call.UNAME, BUFFER)),
    Loop("a number that no call has", call(0x60), fails=True),
    *_reads("a file", _opened(NAME)),
    Loop("lseek", call(Call.LSEEK, FILE, TIME, 0), _opened(NAME)),
    Loop("lseek + read 1", REWIND + call(Call.READ, FILE, BUFFER, 1), _opened(NAME), 2),
    Loop("lseek + read 512", REWIND + call(Call.READ, FILE, BUFFER, SMALL), _opened(NAME), 2),
    Loop("lseek + read 16384", REWIND + call(Call.READ, FILE, BUFFER, LARGE), _opened(NAME), 2),
    *_writes("a file", _opened(NAME), sizes=SIZES[:-1]),  # a file has its limit
    Loop("lseek + write 1", REWIND + call(Call.WRITE, FILE, BUFFER, 1), _opened(NAME), 2),
    Loop("lseek + write 512", REWIND + call(Call.WRITE, FILE, BUFFER, SMALL), _opened(NAME), 2),
    Loop("lseek + write 16384", REWIND + call(Call.WRITE, FILE, BUFFER, LARGE), _opened(NAME), 2),
    *_reads("/dev/zero", _device(b"/dev/zero")),
    *_reads("/dev/null", _device(b"/dev/null")),
    *_writes("/dev/null", _device(b"/dev/null")),
    *_writes("the console", b"", 1),
    Loop("read of a bad descriptor", call(Call.READ, 19, BUFFER, 1), fails=True),
    Loop("dup + close", call(Call.DUP, 0) + CLOSE, calls=2),
    Loop("dup2", call(Call.DUP2, 0, FILE)),
    Loop("fcntl F_GETFL", call(Call.FCNTL, 0, Fcntl.GET_FLAGS)),
    Loop("fcntl F_SETFD", call(Call.FCNTL, 0, Fcntl.SET_CLOSE_ON_EXEC, 0)),
    Loop("ioctl TCGETS", call(Call.IOCTL, 0, Ioctl.TCGETS, BUFFER)),
    Loop(
        "ioctl TCSETS",
        call(Call.IOCTL, 0, Ioctl.TCSETS, BUFFER),
        call(Call.IOCTL, 0, Ioctl.TCGETS, BUFFER),
    ),
    Loop("ioctl TIOCGWINSZ", call(Call.IOCTL, 0, Ioctl.TIOCGWINSZ, BUFFER)),
    Loop("ioctl FIONREAD", call(Call.IOCTL, 0, Ioctl.FIONREAD, BUFFER)),
    Loop("open + close", _opened(NAME) + CLOSE, calls=2),
    Loop("open + close, four folders deep", _opened(DEEP) + CLOSE, calls=2),
    Loop("open + close /dev/null", _opened(MADE) + CLOSE, _device(b"/dev/null") + CLOSE, 2),
    Loop("open of what is missing", _opened(MISSING, 0), fails=True),
    Loop("open O_CREAT|O_TRUNC + close", _opened(MADE, 0o1102) + CLOSE, calls=2),
    Loop(
        "open O_CREAT|O_TRUNC + write 16 + close",
        _opened(MADE, 0o1102) + call(Call.WRITE, FILE, BUFFER, 16) + CLOSE,
        calls=3,
    ),
    Loop("stat", call(Call.STAT, NAME, BUFFER)),
    Loop("stat, four folders deep", call(Call.STAT, DEEP, BUFFER)),
    Loop("stat of what is missing", call(Call.STAT, MISSING, BUFFER), fails=True),
    Loop("stat of a folder", call(Call.STAT, FOLDER, BUFFER)),
    Loop("stat of a folder of 1,000", call(Call.STAT, FOLDERS, BUFFER)),
    Loop("lstat", call(Call.LSTAT, NAME, BUFFER)),
    Loop("fstat", call(Call.FSTAT, FILE, BUFFER), _opened(NAME)),
    Loop("fstat of the terminal", call(Call.FSTAT, 0, BUFFER)),
    Loop("access", call(Call.ACCESS, NAME, 4)),
    Loop("readlink", call(Call.READLINK, MADE, BUFFER, 64), call(Call.SYMLINK, NAME, MADE)),
    Loop("stat through a link", call(Call.STAT, MADE, BUFFER), call(Call.SYMLINK, NAME, MADE)),
    Loop(
        "open + 5 readdir + close, 2 files",
        call(Call.OPEN, FOLDER) + 4 * call(Call.READDIR, FILE, BUFFER, 1) + CLOSE,
        calls=6,
    ),
    Loop(
        "lseek + 8 readdir of 1,000 files",
        REWIND + 8 * call(Call.READDIR, FILE, BUFFER, 1),
        FOLDER_OPEN,
        9,
    ),
    Loop("readdir of 1,000 files", call(Call.READDIR, FILE, BUFFER, 1), FOLDER_OPEN),
    Loop("open + close a folder of 1,000", FOLDER_OPEN + CLOSE, calls=2),
    Loop("chdir", call(Call.CHDIR, FOLDER), call(Call.CHDIR, MISSING)),
    Loop("chmod", call(Call.CHMOD, NAME, 0o644)),
    Loop("chown", call(Call.CHOWN, NAME, 1, 1)),
    Loop("utime", call(Call.UTIME, NAME, 0)),
    Loop("mkdir + rmdir", call(Call.MKDIR, MADE, 0o777) + call(Call.RMDIR, MADE), calls=2),
    Loop(
        "creat + close + unlink", _opened(MADE, 0o1101) + CLOSE + call(Call.UNLINK, MADE), calls=3
    ),
    Loop("link + unlink", call(Call.LINK, NAME, MADE) + call(Call.UNLINK, MADE), calls=2),
    Loop("symlink + unlink", call(Call.SYMLINK, NAME, MADE) + call(Call.UNLINK, MADE), calls=2),
    Loop(
        "rename there and back",
        call(Call.RENAME, NAME, MADE) + call(Call.RENAME, MADE, NAME),
        calls=2,
    ),
    Loop("select, ready", call(Call.SELECT, 4, SETS, 0, 0, TIME), ONE_PIPE),
    Loop(
        "write 1 + read 1, a pipe",
        _one_byte(Call.WRITE, WRITE_END) + _one_byte(Call.READ, READ_END),
        ONE_PIPE,
        2,
    ),
    Loop(
        "write 64 + read 64, a pipe",
        call(Call.WRITE, WRITE_END, BUFFER, 64) + call(Call.READ, READ_END, BUFFER, 64),
        ONE_PIPE,
        2,
    ),
    Loop("pipe + 2 close", ONE_PIPE + CLOSE + call(Call.CLOSE, WRITE_END), calls=3),
    Loop("a byte to a process and back", PING, TWO_PIPES + FORK + _in_child(ECHO_FOR_EVER), 4),
    Loop("signal", CATCH, SKIPPED_HANDLER),
    Loop(
        "signal + kill oneself + handler",
        CATCH + call(Call.KILL, FIRST_PROCESS, SIGUSR1),
        SKIPPED_HANDLER,
        2,
    ),
    Loop("getpid beside another process", call(Call.GETPID), FORK + _in_child(call(Call.PAUSE))),
    Loop(
        "read 1 of a file beside another process",
        call(Call.READ, FILE, BUFFER, 1),
        _opened(NAME) + FORK + _in_child(call(Call.PAUSE)),
    ),
    Loop("fork + exit + wait", FORK + _in_child(EXIT) + WAIT, calls=3),
    Loop("vfork + exit + wait", VFORK + _in_child(EXIT) + WAIT, calls=3),
    Loop("vfork + execve + exit + wait", VFORK + _in_child(RUN_CHILD) + WAIT, calls=4),
)


@contextmanager
def _host_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "file").write_bytes(bytes(FILE_SIZE))
        deep = folder / "one" / "two" / "three"
        deep.mkdir(parents=True)
        (deep / "four").write_bytes(b"4")
        many = folder / "many"
        many.mkdir()
        for number in range(MANY):
            (many / f"{number:04}").touch()
        (folder / "child").write_bytes(build(Executable(EXIT, data=bytes(16), heap=64, stack=64)))
        yield folder


def _program(loop: Loop) -> Program:
    body = COUNT + loop.code + KEEP
    back = b"\xe9" + (-(len(body) + 3) & 0xFFFF).to_bytes(2, "little")
    data = bytearray(BUFFER + LARGE)
    for at, text in TEXTS.items():
        data[at : at + len(text)] = text
    text = BEGIN + loop.before + body + back
    image = build(Executable(text, data=bytes(data), heap=0x2000, stack=0x800))
    return Program("prog", ProgramKind.ELKS, image)


def microseconds(loop: Loop, *, writable: bool = False) -> float:
    """Return what a round of the loop costs.  RuntimeError if the program ends."""
    with _host_folder() as folder:
        machine = load(_program(loop), [], Options(root=folder, writable=writable)).machine
        _run(machine, WARM_UP)
        cost = min(_portion(machine) for _ in range(PORTIONS))
        if (machine.memory.read_word(COUNTER + 2) >= 0x8000) is not loop.fails:
            raise RuntimeError(f"{loop.name}: failed when it should not, or did not")
        return cost


def _portion(machine: Machine) -> float:
    counter = machine.memory.whole[COUNTER : COUNTER + 2].cast("H")
    before = counter[0]
    began = time.thread_time()
    while (done := counter[0] - before & 0xFFFF) < ROUNDS:
        _run(machine, SLICE)
    return (time.thread_time() - began) / done * 1e6


def _run(machine: Machine, instructions: int) -> None:
    stop = machine.run(instructions)
    if stop.reason in (StopReason.EXITED, StopReason.TRAPPED, StopReason.WAITING):
        raise RuntimeError(f"the program has stopped: {stop}")


def report(loops: Sequence[Loop], *, writable: bool = False) -> None:
    """Print a line for each loop."""
    kept = 0
    for loop in loops:
        round_ = microseconds(loop, writable=writable)
        kept += round_ <= PROMISED * loop.calls
        shares = f" = {loop.calls} x {round_ / loop.calls:.2f}" if loop.calls > 1 else ""
        print(f"{loop.name:42} {round_:8.2f} us{shares}", flush=True)
    print(f"{kept} of {len(loops)} take up to {PROMISED} us a call")


def main() -> None:
    """Print a line for each loop that was asked for."""
    best_of(core(DEFAULT, BOARD).result())  # else the first line is the slow engine's
    words = sys.argv[1:]
    writable = "writable" in words
    asked = " ".join(word for word in words if word != "writable")
    report([loop for loop in LOOPS if asked in loop.name], writable=writable)


if __name__ == "__main__":
    main()
