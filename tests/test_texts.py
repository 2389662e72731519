"""Text that leaves us."""

from __future__ import annotations

from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from blink16.words import texts


@given(st.text() | st.binary().map(lambda data: data.decode("utf-8", "surrogateescape")))
def test_any_text_is_valid_in_a_document_and_on_a_terminal(text: str) -> None:
    """Prevents a list that no client can read, since one program has a strange argument."""
    document = f'<a b="{texts.xml(text)}">{texts.xml(text)}</a>'
    ElementTree.fromstring(document.encode("utf-8"))
    assert "\x1b" not in texts.printable(text)
    texts.printable(text).encode("utf-8")


def test_what_can_be_shown_stays() -> None:
    """Prevents damage to file names in any script."""
    assert texts.printable("grün\n\tΩ 🐛") == "grün\n\tΩ 🐛"
    assert texts.printable("a\x01\x1b[m\udcff") == "a\\x01\\x1b[m\\udcff"


def test_one_thing_is_not_said_to_be_several() -> None:
    """Prevents "1 times"."""
    assert [texts.counted(n, "time", ",") for n in (0, 1, 2000)] == [
        "0 times",
        "1 time",
        "2,000 times",
    ]
