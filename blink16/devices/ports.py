"""Which device has which ports, as they say themselves: the table of docs/pc.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping


def spans(names: Mapping[int, str]) -> Iterator[tuple[int, int, str]]:
    """Return first port, last port and name of each run of neighbours with the same name."""
    first = last = -2
    for port in sorted(names):
        if first >= 0 and port == last + 1 and names[port] == names[first]:
            last = port
            continue
        if first >= 0:
            yield first, last, names[first]
        first = last = port
    if first >= 0:
        yield first, last, names[first]


def table(names: Mapping[int, str]) -> str:
    """Return the ports and what is at them as a table in Markdown."""
    rows = (
        f"| {first:03X}h{'' if first == last else f'–{last:03X}h'} | {name} |"
        for first, last, name in spans(names)
    )
    return "\n".join(("| ports | device |", "|---|---|", *rows))
