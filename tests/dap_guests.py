"""Programs that clients of the debug adapter run."""

from __future__ import annotations

import base64
import shutil
import zlib
from pathlib import Path

PARENT = bytes.fromhex(
    "bcc001 bb4000 b44a cd21"  # a small stack; free what is behind it
    "8c0e3601 8c0e3a01 8c0e3e01"  # CS into the parameter block
    "ba2601 bb3201 b8004b cd21"  # EXEC
    "b8004c cd21"
    "54574943452e45584500 000d"  # TWICE.EXE; an empty command tail
    "0000 3001 0000 5c00 0000 6c00 0000"
).ljust(0xC0, b"\0")
"""Runs TWICE.EXE by INT 21h/4B00h."""
BCC_PROGRAM = (
    "eNp1UkFrE0EUftlsSw4FSwxSrNQePJdGQU9CoWWvpogWFR3HZCuhm5mwmaQGKhRKD+t4UPAsSA7+gF4KgVJIBUE8"
    "iCIFL8VQaIh3QxDHN7sTaTZ04Nt5733vezPz3iaSs/YsABwhMogUROvSJsArC6DzGlrzc9nrc9kbcCc4Xrn7LgNJ"
    "x25kQDp20hl/RB62wvjWwZ/sfuD09KffvaBqfVXrnXxSWwc2RqXTX8A4bjfHYOOndHoY19qgLVfG5S1bEqt7Dp3I"
    "GkOLWJ83t/efp34fNiZgV6kW7Cagc6wA7gXt4OPCl6PEYa4xBbeXmykIZtIgL2//EJb6KtFeXOz+6qyqB7kTC7p/"
    "g7Zat+TMJEQJS0udHQXDqwl7/23GCS/jnkSkEfdzpEJXXaG5aUQ9pqVVwUlFUN278whfDPNI+aJaDm1dj5RokeF+"
    "ZeDTQkFzEwNfcEG9aB4axPV9xiNe16/UKyRPPW/D5M/H7jPg1w2fPYMvGf7qGfxjw18b5TVNXqB9EcHXhnlCiPus"
    "KOCl0Yf98avsvckPxdiDlOkni9UnLqsVfc6mzPtRGrasafRRdYAPpj7OK++5lH0zPPouE359Z5BPIn7S9M+M4vR9"
    "S2vUf/rW1KvF7vOEFsIjW6fvj4E94wsYqZfXM39j6onYgR7nZf1Hpc373RF99MDvRv8PzlLRNw=="
)
"""What bcc makes of this, compressed::

    int total;
    int add(a,b) int a,b; { total = total + a; return a+b; }
    int main() { int i, s; s=0; for(i=0;i<5;i++) s = add(s,i); return s; }
"""
BCC = zlib.decompress(base64.b64decode(BCC_PROGRAM))


def toolchain_programs(shared: Path, folder: Path) -> Path:
    """Put the programs of DOS toolchains and their sources into a folder, and return that."""
    for part in ("codeview", "tds", "source"):
        for path in (shared / "debuginfo" / part).iterdir():
            shutil.copyfile(path, folder / path.name)
    return folder
