"""Reports: what front ends show, over the wire and back into the same values."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stub_client import Client, text_of

from blink16 import elks
from blink16.board import ProgramFacts
from blink16.breakpoints import Point, PointKind
from blink16.debugger import Debugger, Resume
from blink16.gdbstub.orders import Close, Send, Start, Taken, Work
from blink16.gdbstub.session import Session
from blink16.packets import Decoder, Packet, Peer, frame
from blink16.questions import probed
from blink16.reports import REPORTS, ReportError, activity, parse
from blink16.reports.activity import ActivityQuery, ActivityReport
from blink16.reports.frames import FramesReport
from blink16.reports.history import HistoryReport
from blink16.reports.past import (
    HitsQuery,
    HitsReport,
    TouchQuery,
    TouchReport,
    TraceQuery,
    TraceReport,
)
from blink16.reports.profile import ProfileReport
from blink16.reports.registry import annex, read
from blink16.reports.screen import ScreenReport
from blink16.reports.state import PointRole, StateReport, StopKind
from blink16.reports.symbols import SymbolsQuery, SymbolsReport
from blink16.setup import loader

R = TypeVar("R")


class Banner:
    """The sample program behind a session, asked for reports."""

    def __init__(self, options: loader.Options | None = None) -> None:
        options = options or loader.Options()
        loaded = loader.load(loader.read("banner"), ["HI"], options)
        self.debugger = Debugger(loaded.machine)
        self.debugger.names.symbols = loaded.symbols
        self.session = Session(Taken(1, self.debugger, ProgramFacts.of(loaded.machine)))

    def ask(self, body: bytes) -> bytes:
        """Send a packet; return the body of its reply, behind what is said before it."""
        sent, orders = b"", self.session.receive(frame(body))
        while orders:
            match orders.pop(0):
                case Send(data):
                    sent += data
                case Start(how):
                    orders += self.session.stopped(self.debugger.drive(how))
                case Work(run):
                    orders += self.session.finished(run())
                case Close():
                    raise AssertionError("the session has closed")
        return [i.body for i in Decoder(Peer.SERVER).feed(sent) if isinstance(i, Packet)][-1]

    def report(self, shape: type[R], query: object = None) -> R:
        """Read a report in small parts."""
        data, more = b"", True
        while more:
            body = self.ask(
                b"qXfer:blink16:read:%b:%x,200" % (annex(shape, query).encode(), len(data))
            )
            assert body[:1] in b"lm", body
            data, more = data + body[1:], body[:1] == b"m"
        return read(shape, data)


@pytest.fixture
def banner() -> Banner:
    """Return the sample before its first instruction."""
    return Banner()


@pytest.mark.parametrize("edits", [False, True])
def test_state_tells_whether_lines_end_in_lf_alone(edits: bool) -> None:
    """Prevents a front end from showing stairs, or from returning where a program did not."""
    banner = Banner(loader.Options(console=elks.ConsoleKind(edits=edits)))
    assert banner.report(StateReport).bare_line_feeds is not edits


def test_state_tells_registers_time_and_why_it_stands(banner: Banner) -> None:
    """Prevents a front end that shows other registers than gdb does."""
    before = banner.report(StateReport)
    assert before.stop is None
    assert (before.icount, before.at) == (0, "_start")
    banner.ask(b"vCont;s")
    after = banner.report(StateReport)
    assert after.stop is not None
    assert after.stop.kind is StopKind.STEPPED
    assert (after.icount, after.at, after.end) == (1, "_start+2", 1)
    assert after.registers.pc == banner.debugger.machine.pc
    assert after.registers.bx == after.registers.sp


def test_so_many_instructions_are_one_packet(banner: Banner) -> None:
    """Prevents a view that steps a thousand times by a thousand round trips."""
    banner.ask(b"vblink16.step:64")
    assert banner.report(StateReport).icount == 100
    banner.ask(b"vblink16.step:-a")
    assert banner.report(StateReport).icount == 90


def test_frames_are_those_of_the_backtrace(banner: Banner) -> None:
    """Prevents frames without names, or in another order."""
    address = banner.debugger.names.symbols.lookup("draw_letters")
    assert address is not None
    banner.ask(b"Z0,%x,1" % address.address)
    banner.ask(b"vCont;c")
    names = [frame.name.partition("+")[0] for frame in banner.report(FramesReport).frames]
    assert names == ["draw_letters", "print_letters", "print_text", "main", "_start"]


def test_a_stop_at_a_breakpoint_is_told_as_one(banner: Banner) -> None:
    """Prevents a front end that has to guess why the machine stands."""
    address = banner.debugger.names.symbols.lookup("main")
    assert address is not None
    banner.ask(b"Z0,%x,1" % address.address)
    banner.ask(b"vCont;c")
    stop = banner.report(StateReport).stop
    assert stop is not None
    assert stop.kind is StopKind.BREAKPOINT


def test_symbols_come_in_pages(banner: Banner) -> None:
    """Prevents an answer without bounds for a kernel's thousands of names."""
    whole = banner.report(SymbolsReport)
    assert whole.total == len(whole.symbols) == len(banner.debugger.names.symbols)
    page = banner.report(SymbolsReport, SymbolsQuery(skip=1, most=2))
    assert page.symbols == whole.symbols[1:3]


def test_history_tells_its_bounds_and_bookmarks(banner: Banner) -> None:
    """Prevents a time bar that shows another past than there is."""
    banner.ask(b"vblink16.step:64")
    banner.ask(b"qRcmd," + b"bookmark here".hex().encode())
    banner.ask(b"qRcmd," + b"seek 40".hex().encode())
    history = banner.report(HistoryReport)
    assert (history.start, history.now, history.end) == (0, 40, 100)
    assert [(mark.name, mark.icount) for mark in history.bookmarks] == [("here", 100)]


def test_the_past_is_searched_without_moving(banner: Banner) -> None:
    """Prevents a question that leaves the machine elsewhere, or that answers otherwise than
    ``monitor last-write``.
    """
    lines = banner.debugger.names.symbols.lookup("lines")
    assert lines is not None
    banner.ask(b"vCont;c")
    icount = banner.debugger.machine.icount
    touch = banner.report(TouchReport, TouchQuery(PointRole.WRITE, lines.address, 2))
    assert touch.by is not None
    assert touch.by.name == "end_line+46"
    hits = banner.report(HitsReport, HitsQuery(touch.by.address, which=-1))
    assert hits.last == hits.chosen == touch.icount
    assert hits.count > 1
    trace = banner.report(TraceReport, TraceQuery(3))
    assert [entry.at.icount for entry in trace.entries] == [icount - 3, icount - 2, icount - 1]
    profile = banner.report(ProfileReport)
    assert profile.counted == profile.span == icount
    assert "draw_letters" in {line.name for line in profile.lines}
    assert banner.debugger.machine.icount == icount


def test_activity_over_time_is_every_write_and_every_call(banner: Banner) -> None:
    """Prevents layers of a time bar that show what was not, or miss what was."""
    banner.ask(b"vCont;c")
    symbols, timeline = banner.debugger.names.symbols, banner.debugger.timeline
    lines, letters = symbols.lookup("lines"), symbols.lookup("draw_letters")
    assert lines is not None
    assert letters is not None
    now, end = timeline.now, timeline.end
    points = {
        PointRole.WRITE: Point(PointKind.WRITE, lines.address, 2),
        PointRole.READ: Point(PointKind.READ, lines.address, 2),
        PointRole.EXECUTE: Point(PointKind.EXECUTE, letters.address),
    }
    for role, point in points.items():
        with timeline.excursion(), banner.debugger.points.replaced([point]):
            timeline.seek(0)
            instants = [hit.icount for hit in timeline.hits(end)]
        assert instants
        query = ActivityQuery(role, point.address, point.length, low=100, high=end - 50, buckets=7)
        found = banner.report(ActivityReport, query)
        assert (found.low, found.high, found.edges[0], found.edges[-1]) == (100, end - 50) * 2
        assert list(found.counts) == [
            sum(low <= instant < high for instant in instants)
            for low, high in pairwise(found.edges)
        ]
        rest = banner.report(ActivityReport, replace(query, first=4))
        assert (rest.edges, rest.counts) == (found.edges[4:], found.counts[4:])
    counts = {
        role: banner.report(ActivityReport, ActivityQuery(role, lines.address, 2)).counts
        for role in (PointRole.WRITE, PointRole.READ, PointRole.ACCESS)
    }
    both = zip(counts[PointRole.WRITE], counts[PointRole.READ], strict=True)
    assert list(counts[PointRole.ACCESS]) == [sum(pair) for pair in both]
    assert timeline.now == now


def test_activity_natively_comes_in_pieces(banner: Banner, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents a report that keeps its machine for as long as the run took."""
    banner.ask(b"vCont;c")
    at = banner.debugger.names.symbols.lookup("draw_letters")
    assert at is not None
    query = ActivityQuery(PointRole.EXECUTE, at.address, buckets=10)
    whole = banner.report(ActivityReport, query)
    monkeypatch.setattr(activity, "FEW", 0)
    monkeypatch.setattr(activity, "MOST", banner.debugger.timeline.end // 3)
    monkeypatch.setattr(probed, "readiness", lambda machine: probed.Readiness.COMING)
    nothing = banner.report(ActivityReport, query)
    assert (nothing.buckets, nothing.counts, nothing.edges) == (10, (), (0,))
    monkeypatch.setattr(probed, "readiness", lambda machine: probed.Readiness.READY)
    counts: tuple[int, ...] = ()
    while len(counts) < 10:
        part = banner.report(ActivityReport, replace(query, first=len(counts)))
        assert len(part.counts) in (3, 1)
        counts += part.counts
    assert counts == whole.counts
    empty = banner.report(ActivityReport, replace(query, low=1 << 40))
    assert (empty.buckets, empty.counts) == (0, ())


def test_a_machine_without_a_picture_has_one_of_text(banner: Banner) -> None:
    """Prevents an error where a program has no PC around it."""
    screen = banner.report(ScreenReport)
    assert (screen.width, screen.height) in ((80, 25), (1, 25))
    assert screen.png().startswith(b"\x89PNG")


def test_every_change_moves_the_generation(banner: Banner) -> None:
    """Prevents a front end that keeps what it has read although it is not true any more."""
    from blink16.reports import Generation

    generation, debugger = Generation(), banner.debugger
    seen = [generation.of(debugger)]
    debugger.resume(Resume(count=1))
    seen.append(generation.of(debugger))
    debugger.write_memory(0x500, b"x")
    seen.append(generation.of(debugger))
    debugger.write_memory(0x500, b"y")
    seen.append(generation.of(debugger))
    debugger.write_register("ax", 3)
    seen.append(generation.of(debugger))
    debugger.bookmarks.set(1)
    seen.append(generation.of(debugger))
    debugger.seek(0)
    seen.append(generation.of(debugger))
    assert seen == sorted(set(seen))
    assert generation.of(debugger) == seen[-1]


@pytest.mark.parametrize("name", sorted(REPORTS))
def test_every_report_says_what_it_shows(name: str) -> None:
    """Prevents a report that documentation can't describe."""
    assert REPORTS[name].help.endswith((".", ","))


@pytest.mark.parametrize(
    "asked",
    [
        b"nothing",
        b"state?x=1",
        b"frames?most=many",
        b"frames?most",
        b"hits",
        b"touch?role=write",
        b"activity?role=catch&address=1",
    ],
)
def test_nonsense_is_refused_with_a_reason(banner: Banner, asked: bytes) -> None:
    """Prevents an answer that looks like a report, or the end of the session."""
    banner.ask(b"qSupported:error-message+")
    body = banner.ask(b"qXfer:blink16:read:%b:0,1000" % asked)
    assert body.startswith(b"E.")
    assert banner.report(StateReport).icount == 0


@given(st.text(max_size=60))
def test_any_name_is_a_report_or_refused(text: str) -> None:
    """Prevents an exception that nobody foresaw."""
    with suppress(ReportError):
        assert parse(text).report.name in text


@pytest.mark.parametrize("report", REPORTS.values(), ids=lambda report: report.name)
@given(st.binary(max_size=200))
def test_a_bad_answer_is_no_report(report: object, data: bytes) -> None:
    """Prevents a client that trusts what a server says."""
    shape = report.shape  # type: ignore[attr-defined]
    with pytest.raises(ReportError):
        read(shape, data)


def test_monitor_errors_are_told_as_such_to_who_asks() -> None:
    """Prevents a client that takes a refusal for an answer, and a gdb that shows it otherwise
    than before.
    """
    client = Client()
    asked = b"qRcmd," + b"nonsense".hex().encode()
    *said, reply = client.ask(asked)
    assert reply == b"OK"
    assert "nonsense" in text_of(said)
    client.ask(b"qSupported:blink16+;error-message+")
    (reply,) = client.ask(asked)
    assert reply.startswith(b"E.")
    assert b"nonsense" in reply
