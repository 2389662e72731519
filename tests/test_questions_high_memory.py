"""Runs of an 80286 asked for what lies above the first mebibyte."""

from __future__ import annotations

import pyarrow as pa
import pytest

from blink16 import StopReason, recording
from blink16.devices.cards import Cards
from blink16.inquiry import run_of
from blink16.questions.answers import perform
from blink16.questions.asking import Asking
from blink16.questions.needs import QuestionError
from blink16.questions.run import Run
from blink16.recording import open_recording
from blink16.setup import loader
from blink16.setup.pc import PcSetup

CODE = bytes.fromhex(
    "fa31c08ed88ed0bc007cb80124cd15b8ffff8ec0be3b7cbf1000b90c00fcf3a4b90300519a1000ffff59e2f7"
    "b80102bb0004b9020031d2cd13faf4268b1e00024326891e0002cb"
)
"""INT 15h/2401h; twelve bytes from 7C3Bh to FFFF:0010; three calls of them; INT 13h/02 to
FFFF:0400; hlt; and at 7C3Bh: mov bx,es:[200h]; inc bx; mov es:[200h],bx; retf
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return the recorded run of a boot sector with code and data above 1 MiB."""
    folder = tmp_path_factory.mktemp("high")
    image = folder / "high.img"
    image.write_bytes(CODE.ljust(510, b"\0") + b"\x55\xaa" + b"disk" * 128)
    options = loader.Options(
        engine="native", epoch_ns=10**18, cpu="80286", setup=PcSetup(cards=Cards(at=True))
    )
    _, debugger, recorder = recording.record(
        folder / "run.b16", loader.read(str(image)), [], options
    )
    while debugger.timeline.run(5_000).reason is StopReason.BUDGET:
        pass
    recorder.close()
    return run_of(open_recording(folder / "run.b16"), (), Asking(threads=1))


def rows(run: Run, *words: str) -> list[dict[str, object]]:
    """Ask for a table, and return its rows."""
    product = perform(run, list(words))
    assert product.tables is not None
    found: list[dict[str, object]] = pa.concat_tables(product.tables).to_pylist()
    return found


def test_code_is_counted_where_it_is(run: Run) -> None:
    """Instructions at FFFF:0010 were counted at 0, as if they had wrapped."""
    counted = rows(run, "select pc, count from executed where pc > 1048575 order by pc")
    assert counted == [
        {"pc": 0x100000, "count": 3},
        {"pc": 0x100005, "count": 3},
        {"pc": 0x100006, "count": 3},
        {"pc": 0x10000B, "count": 3},
    ]
    assert not rows(run, "select pc from executed where pc < 1024")


def test_accesses_and_ways_have_both_ends_there(run: Run) -> None:
    """Stores and calls named the place that the address has in 20 bits."""
    stores = rows(run, "select pc, address, new from writes where address = 1049072")
    assert [(row["pc"], row["new"]) for row in stores] == [(0x100006, n) for n in (1, 2, 3)]
    assert rows(run, "select distinct target from calls where target_cs = 65535") == [
        {"target": 0x100000}
    ]
    assert {row["pc"] for row in rows(run, "select pc from returns where cs = 65535")} == {0x10000B}


def test_what_a_service_stores_there_is_found_there(run: Run) -> None:
    """A sector that INT 13h had put above 1 MiB was told to have gone over the vectors."""
    stores = rows(run, "select distinct who, address from writes where address > 1049500")
    assert len(stores) == 512
    assert min(int(str(row["address"])) for row in stores) == 0xFFFF0 + 0x400
    assert not rows(run, "select address from writes where address < 1024 and who <> 'guest'")


def test_the_origin_of_a_byte_there(run: Run) -> None:
    """It was refused as outside of memory."""
    steps = rows(run, "origin", "FFFF:0200")
    assert [(row["pc"], row["what"]) for row in steps[:3]] == [
        (0x100006, "mov word [es:200h], bx"),
        (0x100005, "inc bx"),
        (0x100000, "mov bx, word [es:200h]"),
    ]
    (sector,) = rows(run, "origin", "0x1003F0")
    assert sector["end"] == "file"
    with pytest.raises(QuestionError, match="ends at 0x110000"):
        perform(run, ["origin", "0x110000"])
