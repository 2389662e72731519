"""CodeView, Microsoft's debugging information; a file a family of formats.

The end of a file has the signature of the format, and how far before it the information begins,
with the same signature again.
"""

from __future__ import annotations

from construct import Bytes, ConstructError, Int32ul, Struct

from blink16.symbolfiles.codeview import cv3, cv4
from blink16.symbolfiles.source import SymbolFileError
from blink16.symbolfiles.toolchain import Toolchain

TRAILER = Struct("signature" / Bytes(4), "size" / Int32ul)
_READERS = {
    **dict.fromkeys((b"NB00", b"NB01", b"NB02", b"NB03", b"NB04"), cv3.read),
    **dict.fromkeys((b"NB05", b"NB06", b"NB07", b"NB08", b"NB09"), cv4.read),
}


def find(content: bytes) -> bytes | None:
    """Return the CodeView information at the end of a file, None if there is none."""
    if len(content) < 2 * TRAILER.sizeof():
        return None
    trailer = TRAILER.parse(content[-TRAILER.sizeof() :])
    if not _is_signature(trailer.signature) or trailer.size > len(content):
        return None
    found = content[len(content) - trailer.size :]
    return found if found.startswith(trailer.signature) else None


def _is_signature(signature: bytes) -> bool:
    return signature.startswith(b"NB") and signature[2:].isdigit()


def parse(information: bytes) -> Toolchain:
    """Read what `find` returns.  SymbolFileError if it lies, or is of another format."""
    signature = information[:4]
    if signature not in _READERS:
        name = signature.decode("latin-1")
        raise SymbolFileError(f"its CodeView information is {name}; NB00 to NB09 can be read")
    try:
        return _READERS[signature](information)
    except (ConstructError, IndexError, UnicodeDecodeError):
        raise SymbolFileError("the CodeView information is damaged") from None
