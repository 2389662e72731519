"""Imports and uses all of blink16 without what only POSIX has: a script of `test_portability`."""

from __future__ import annotations

import importlib
import os
import pkgutil
import re
import select
import signal
import socket
import sys
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import trio

import blink16

MODULES = ("fcntl", "termios", "tty", "pty", "pwd", "grp", "resource", "syslog", "readline")
ONLY_POSIX = re.findall(
    r"\w+",
    """
chown chroot ctermid fchmod fchown fork forkpty getegid geteuid getgid getgroups getloadavg getpgid
getpgrp getpriority getresgid getresuid getsid getuid getxattr initgroups killpg lchown lockf major
makedev memfd_create minor mkfifo mknod nice openpty pathconf pipe2 posix_fadvise posix_fallocate
posix_spawn posix_spawnp pread preadv pwrite pwritev readv register_at_fork removexattr sched_yield
sched_getaffinity sched_setaffinity sendfile setegid seteuid setgid setgroups setpgid setpriority
setregid setsid setuid setxattr splice statvfs sync sysconf tcgetpgrp tcsetpgrp ttyname uname wait
wait3 wait4 waitid writev fdatasync fpathconf fstatvfs listxattr set_blocking get_blocking
O_CLOEXEC O_DIRECTORY O_DSYNC O_NOATIME O_NOCTTY O_NOFOLLOW O_NONBLOCK O_NDELAY O_PATH O_SYNC
""",
)
DIR_FD = ("src_dir_fd", "dst_dir_fd", "dir_fd")
SIGNALS = ("SIGABRT", "SIGFPE", "SIGILL", "SIGINT", "SIGSEGV", "SIGTERM", "SIG_DFL", "SIG_IGN")
WRITER = bytes.fromhex(
    "b43c 31c9 ba2001 cd21 93 b440 b90500 ba2001 cd21 b43e cd21 b8004c cd21".replace(" ", "")
).ljust(0x20, b"\x90")
"""mov ah,3Ch; xor cx,cx; mov dx,120h; int 21h; xchg ax,bx; mov ah,40h; mov cx,5; mov dx,120h;
int 21h; mov ah,3Eh; int 21h; mov ax,4C00h; int 21h: create a file and write its name into it."""


def by_paths(call: Any) -> Any:
    """Return a function that knows no folders but by their paths."""

    def checked(*arguments: Any, **more: Any) -> Any:
        for name in DIR_FD:
            if more.pop(name, None) is not None:
                raise NotImplementedError(f"{call.__name__}: {name}")
        assert arguments[0] is None or not isinstance(arguments[0], int) or call in NUMBERS, call
        return call(*arguments, **more)

    return checked


NUMBERS = (os.stat, os.truncate)
"""What takes descriptors for paths, there as well."""

OTHER_ON_WINDOWS = "blinkenlights.terminal_driver"
"""A view takes it in the place of Textual's driver for POSIX."""


def poorer(module: ModuleType, lost: set[str]) -> ModuleType:
    """Return a module that lacks some names."""
    made = ModuleType(module.__name__)
    made.__dict__.update({k: v for k, v in vars(module).items() if k not in lost})
    return made


def strip() -> None:
    """Let whoever imports from now on find what Windows has."""
    fake = poorer(os, {*ONLY_POSIX, *(name for name in dir(os) if name.startswith("W"))})
    for name in ("open", "stat", "link", "readlink", "symlink", "mkdir", "rmdir", "unlink"):
        setattr(fake, name, by_paths(getattr(os, name)))
    for name in ("replace", "rename", "chmod", "utime", "listdir"):
        setattr(fake, name, by_paths(getattr(os, name)))
    fake.name = "nt"  # type: ignore[attr-defined]
    fake.supports_dir_fd = set()  # type: ignore[attr-defined]
    fake.supports_fd = {fake.stat, fake.truncate}  # type: ignore[attr-defined]
    fake.supports_follow_symlinks = {fake.stat}  # type: ignore[attr-defined]
    kept = {name for name in dir(signal) if not name.startswith("SIG")} | {*SIGNALS}
    fakes = {
        "os": fake,
        "signal": poorer(signal, {*dir(signal)} - kept - {"Signals"}),
        "socket": poorer(socket, {n for n in dir(socket) if n.startswith("AF_UNIX")}),
        "select": poorer(select, {*dir(select)} - {"select", "error"}),
        **dict.fromkeys(MODULES),
    }
    delattr(trio.lowlevel, "FdStream")
    for name in [name for name in sys.modules if name.partition(".")[0] == "blink16"]:
        del sys.modules[name]
    sys.modules.update(fakes)  # type: ignore[arg-type]


def import_all(package: ModuleType) -> list[str]:
    """Import all modules of a package but commands, and what Windows has another of."""
    found = []
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if not module.name.endswith(("__main__", OTHER_ON_WINDOWS)):
            importlib.import_module(module.name)
            found.append(module.name)
    return found


def write_a_file(folder: Path) -> None:
    """Let a guest create a file in its folder."""
    from blink16.setup import loader

    program = loader.Program("out.com", loader.ProgramKind.DOS_COM, WRITER + b"OUT.TXT\0")
    options = loader.Options(root=folder, writable=True, engine="reference")
    loaded = loader.load(program, [], options)
    loaded.machine.run(1000)


async def serve() -> None:
    """Have a server answer a client on a port."""
    from blink16 import client
    from blink16.server import Machines, ProgramSource, StreamConsole, TcpPort, serving
    from blink16.setup import loader

    options = loader.Options(root=None, engine="reference")
    source = ProgramSource(loader.read("banner"), (), options)
    said: list[str] = []
    make = partial(Machines, [source], StreamConsole(said.append), said.append)
    async with trio.open_nursery() as nursery:
        port = TcpPort("127.0.0.1", 0)
        await_end = partial(serving._run, observers=False, rebuilds=True, tell=said.append)
        nursery.start_soon(await_end, make, port, said.append)
        while not said:
            await trio.sleep(0.01)
        async with client.connect_async(said[-1].rpartition(" ")[2]) as target:
            assert (await target.step(3)).icount == 3
        nursery.cancel_scope.cancel()


def refuse() -> None:
    """Refuse what there is not, in a line."""
    from blink16.server import ListenError, SocketFile, listening

    for act in (listening.standard_streams, partial(make_socket, SocketFile(Path("x")))):
        with pytest.raises(ListenError, match="this system"):
            act()


def make_socket(place: Any) -> None:
    """Listen on a socket file."""
    from blink16.server import listening

    with listening._socket_file(place):
        pass


def main() -> None:
    """Do it all."""
    folder = Path(sys.argv[1])
    before = import_all(blink16)
    strip()
    again = importlib.import_module("blink16")
    assert import_all(again) == before
    write_a_file(folder)
    image = folder / "image"
    image.write_bytes(b"old")
    importlib.import_module("blink16.hostfiles").replace_content(image, [b"new"])
    assert image.read_bytes() == b"new"
    refuse()
    trio.run(serve)
    print("all is well")


if __name__ == "__main__":
    main()
