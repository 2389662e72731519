"""LLVM, through llvmlite: from the text of a module to machine code, and into the process.

All of this is for one thread, `worker`: llvmlite holds a lock during every call.
"""

from __future__ import annotations

import ctypes
import itertools
import mmap
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar

Result = TypeVar("Result")
_EXECUTOR = ThreadPoolExecutor(max_workers=1, thread_name_prefix="blink16-native")


class NativeError(RuntimeError):
    """There is no native code here; the message says why, in a line."""


def submit(job: Callable[[], Result]) -> Future[Result]:
    """Do something in the compiler's thread, which the process waits for when it ends."""
    return _EXECUTOR.submit(job)


class Linker(Enum):
    """What puts object files into the process.

    RuntimeDyld is LLVM's elder one.  On AArch64 it knows only branches and pages within 4 GiB of
    each other, and aborts the process where the system put two sections farther apart.  JITLink
    makes stubs there.  For COFF it is young; RuntimeDyld has served x86-64 well.
    """

    RUNTIME_DYLD = "RuntimeDyld"
    JIT_LINK = "JITLink"

    @classmethod
    def of(cls, triple: str) -> Linker:
        """Return the one for a platform, by LLVM's name of it."""
        is_arm = triple.startswith(("aarch64", "arm64"))
        return cls.JIT_LINK if is_arm and "windows" not in triple else cls.RUNTIME_DYLD


@dataclass(frozen=True, slots=True)
class HostProcessor:
    """What machine code depends on."""

    llvm: str
    triple: str
    cpu: str
    features: str
    linker: Linker


class Compiler:
    """Compiles modules for the host's processor and links them into the process."""

    def __init__(self) -> None:
        try:
            import llvmlite
            import llvmlite.binding as llvm
        except (ImportError, OSError) as error:
            raise NativeError(f"llvmlite can't be loaded: {error}") from error
        self._llvm: Any = llvm
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
        self._names = (f"blink16-{number}" for number in itertools.count())
        version = ".".join(map(str, llvm.llvm_version_info))
        self.host = HostProcessor(
            f"{llvmlite.__version__} {version}",
            triple := llvm.get_process_triple(),
            llvm.get_host_cpu_name(),
            llvm.get_host_cpu_features().flatten(),
            Linker.of(triple),
        )
        self._machines: dict[int, Any] = {}
        self._linker = llvm.create_lljit_compiler(
            self._machine(2), use_jit_link=self.host.linker is Linker.JIT_LINK
        )

    def _machine(self, level: int) -> Any:
        if level not in self._machines:
            self._machines[level] = self._llvm.Target.from_triple(
                self.host.triple
            ).create_target_machine(
                cpu=self.host.cpu,
                features=self.host.features,
                opt=level,
                jit=False,
                reloc="pic",
                codemodel="small",
            )
        return self._machines[level]

    def compile(self, text: str, level: int) -> bytes:
        """Return an object file; NativeError if LLVM does not take the module."""
        llvm, machine = self._llvm, self._machine(level)
        try:
            module = llvm.parse_assembly(text)
            module.verify()
        except RuntimeError as error:
            raise NativeError(f"LLVM refused a module: {str(error).splitlines()[0]}") from error
        options = llvm.create_pipeline_tuning_options(speed_level=level)
        options.loop_vectorization = options.slp_vectorization = False
        options.loop_unrolling = False
        builder = llvm.create_pass_builder(machine, options)
        builder.getModulePassManager().run(module, builder)
        return bytes(machine.emit_object(module))

    def link(self, image: bytes, exports: Iterable[str], imports: Mapping[str, int]) -> Library:
        """Put an object file into the process; NativeError if it does not fit."""
        builder = self._llvm.JITLibraryBuilder().add_object_img(image)
        for name, address in imports.items():
            builder.import_symbol(name, address)
        names = tuple(exports)
        for name in names:
            builder.export_symbol(name)
        try:
            tracker = builder.link(self._linker, next(self._names))
            return Library({name: tracker[name] for name in names}, tracker)
        except RuntimeError as error:
            raise NativeError(f"machine code can't be linked: {error}") from error


@dataclass(frozen=True, slots=True)
class Library:
    """Machine code in the process; it goes when the library does."""

    addresses: dict[str, int]
    tracker: Any


Pointer = Any
"""What a `WayIn` takes for an address: made once, and not converted at each call."""
WayIn = Callable[[Pointer, Pointer, int], int]
"""Takes pointers to state and mapping, and a number; gives an `NativeExit`."""


def pointer_to(buffer: bytearray | mmap.mmap) -> Pointer:
    """Return a pointer to a buffer's content, for as long as there is the buffer."""
    address = ctypes.addressof(ctypes.c_char.from_buffer(buffer))
    return ctypes.byref(ctypes.c_char.from_address(address))


def way_in(address: int) -> WayIn:
    """Return a callable for a function of the interpreter; the GIL is released meanwhile.

    Its arguments are not declared, as checking them takes longer than the call.
    """
    function: WayIn = ctypes.CFUNCTYPE(ctypes.c_int32)(address)
    return function
