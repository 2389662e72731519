"""Packets parsed into commands."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blink16.breakpoints import Point, PointKind
from blink16.debugger import Resume
from blink16.gdbstub import commands as c
from blink16.gdbstub.commands import Command, parse, points
from blink16.gdbstub.commands import processes as p
from blink16.gdbstub.commands.fields import ALL, ANY, MalformedError, ThreadId
from blink16.gdbstub.commands.points import GdbKind

STEP = Resume(count=1)
ONE = ThreadId(ANY, 1)


@pytest.mark.parametrize(
    ("body", "command"),
    [
        (b"?", c.QueryHalt()),
        (b"g", c.ReadRegisters()),
        (b"G0011", c.WriteRegisters(b"\x00\x11")),
        (b"p1f", c.ReadRegister(31)),
        (b"P8=00000100", c.WriteRegister(8, b"\x00\x00\x01\x00")),
        (b"m10000,40", c.ReadMemory(0x10000, 0x40, binary=False)),
        (b"x0,0", c.ReadMemory(0, 0, binary=True)),
        (b"M10,2:a1B2", c.WriteMemory(16, b"\xa1\xb2")),
        (b"X10,3::,;", c.WriteMemory(16, b":,;")),
        (b"X0,0:", c.WriteMemory(0, b"")),
        (b"c", c.Run(Resume())),
        (b"c10000", c.Run(Resume(), 0x10000)),
        (b"s", c.Run(STEP)),
        (b"sffff", c.Run(STEP, 0xFFFF)),
        (b"C05", c.Run(Resume())),
        (b"S05;10", c.Run(STEP, 0x10)),
        (b"bc", c.Run(Resume(backward=True))),
        (b"bs", c.Run(Resume(backward=True, count=1))),
        (b"vCont?", c.QueryActions()),
        (b"vCont;c", c.RunEach(((Resume(), None),))),
        (b"vCont;s:1;c", c.RunEach(((STEP, ONE), (Resume(), None)))),
        (b"vCont;C08:p2.-1", c.RunEach(((Resume(), ThreadId(2, ALL)),))),
        (b"vCont;S05:-1", c.RunEach(((STEP, ThreadId(ALL, ALL)),))),
        (b"vCont;r100,120:1", c.RunEach(((Resume(step_range=(0x100, 0x120)), ONE),))),
        (b"vCont;r100,100:1", c.RunEach(((STEP, ONE),))),
        (b"vCtrlC", c.InterruptCommand()),
        (b"Z0,1000d,1", points.InsertPoint(GdbKind.SOFTWARE, Point(PointKind.EXECUTE, 0x1000D))),
        (b"Z1,1000d,3", points.InsertPoint(GdbKind.HARDWARE, Point(PointKind.EXECUTE, 0x1000D))),
        (b"Z2,500,2", points.InsertPoint(GdbKind.WRITE, Point(PointKind.WRITE, 0x500, 2))),
        (b"z3,500,4", points.RemovePoint(GdbKind.READ, Point(PointKind.READ, 0x500, 4))),
        (b"z4,500,1", points.RemovePoint(GdbKind.ACCESS, Point(PointKind.ACCESS, 0x500, 1))),
        (b"Hg0", p.SelectThread(p.Purpose.GENERAL, ThreadId(ANY, ANY))),
        (b"Hc-1", p.SelectThread(p.Purpose.RESUME, ThreadId(ALL, ALL))),
        (b"Hgp1f.1", p.SelectThread(p.Purpose.GENERAL, ThreadId(31, 1))),
        (b"Hcp2", p.SelectThread(p.Purpose.RESUME, ThreadId(2, ALL))),
        (b"T1", p.QueryAlive(ONE)),
        (b"Tp1.1", p.QueryAlive(ThreadId(1, 1))),
        (b"qC", p.QueryCurrentThread()),
        (b"qfThreadInfo", p.QueryThreads(first=True)),
        (b"qsThreadInfo", p.QueryThreads(first=False)),
        (b"qThreadExtraInfo,1", p.QueryThreadInfo(ONE)),
        (b"qAttached", p.QueryAttached(None)),
        (b"qAttached:a410", p.QueryAttached(0xA410)),
        (b"!", p.ExtendedMode()),
        (b"R00", p.RestartProgram()),
        (b"vAttach;1f", p.Attach(31, 31)),
        (b"vAttach;7b61f2", p.Attach(2, 8_086_002)),
        (b"vRun;", p.Launch("", ())),
        (b"vRun;62616e6e6572;4869;", p.Launch("banner", ("Hi", ""))),
        (b"qSymbol::", c.OfferSymbols()),
        (b"qSymbol::626c", c.OfferSymbols("bl")),
        (b"qSymbol:0:626c", c.OfferSymbols("bl", is_known=True)),
        (b"qXfer:features:read:target.xml:0,ffb",
         c.ReadObject("features", "target.xml", 0, 0xFFB)),
        (b"qXfer:threads:read::10,20", c.ReadObject("threads", "", 16, 32)),
        (b"qXfer:features:write:x:0:00", c.Unknown()),
        (b"qRcmd,68656c70", c.Monitor("help")),
        (b"qRcmd,", c.Monitor("")),
        (b"qSupported:multiprocess+;swbreak+",
         c.QuerySupported(frozenset({"multiprocess+", "swbreak+"}))),
        (b"qSupported", c.QuerySupported(frozenset())),
        (b"QStartNoAckMode", c.StartNoAckMode()),
        (b"D", p.Detach()),
        (b"D;0000000000000001", p.Detach(1)),
        (b"k", p.Kill(None, answered=False)),
        (b"vKill;a410", p.Kill(0xA410, answered=True)),
    ],
)  # fmt: skip
def test_packets_are_understood(body: bytes, command: Command) -> None:
    """Every packet that gdb and LLDB send must mean what the manual says."""
    assert parse(body) == command


@pytest.mark.parametrize(
    "body",
    [b"", b"vMustReplyEmpty", b"qTStatus", b"qOffsets", b"qTfV", b"v", b"q", b"b",
     b"QThreadEvents:1", b"\x00", b"\xff\xfe", b"qL1200"],
)  # fmt: skip
def test_unknown_packets_are_no_error(body: bytes) -> None:
    """Clients probe what a stub knows; an error instead of an empty answer misleads them."""
    assert parse(body) == c.Unknown()


@pytest.mark.parametrize(
    "body",
    [
        b"m", b"m10", b"m,", b"m10,", b"m-1,4", b"m0x10,4", b"m 10,4", b"m10,4,5", b"mzz,1",
        b"m11112222333344445,1", b"M0,2:00", b"M0,1:0", b"M0,1:zz", b"M0,1", b"X0,2:a", b"X0",
        b"p", b"pxyz", b"P8", b"P8=0", b"P=00", b"G0", b"Gxx", b"gg", b"??", b"c!", b"C", b"C05;",
        b"S5;z", b"vCont", b"vCont;", b"vCont;x", b"vCont;c1", b"vCont;r1", b"vCont;s:p",
        b"vCont;s:q", b"vCont;C", b"Z", b"Z0", b"Z0,10", b"Z5,10,1", b"Z0,10,1;X2,00",
        b"Z2,10,-1", b"Hx1", b"Hg", b"H", b"T", b"T-2", b"qThreadExtraInfo", b"qXfer:features",
        b"qXfer:features:read:target.xml", b"qXfer:features:read:t:0", b"qRcmd", b"qRcmd,6",
        b"qRcmd,zz", b"qSupported\xff", b"qSupported:\xff", b"bcx", b"bs1", b"D;", b"D1", b"kill",
        b"vKill", b"vKill;", b"vAttach", b"vAttach;x", b"vRun", b"vRun;6", b"vRun;00", b"vRun;ff",
        b"vRun" + b";41" * 200, b"R", b"!!", b"Hgp", b"Hgp1.", b"Hgp1.1.1", b"T-1.1",
        b"qfThreadInfo1", b"QStartNoAckMode:1", b"vCtrlC;", b"qAttached;1",
    ],
)  # fmt: skip
def test_malformed_fields_are_refused(body: bytes) -> None:
    """Fields that are not what the manual says must not be guessed at."""
    with pytest.raises(MalformedError, match=r"\A[^\n]{1,60}\Z"):
        parse(body)


@given(st.binary(max_size=40))
def test_any_bytes_are_a_command_or_malformed(body: bytes) -> None:
    """No body may raise anything but MalformedError."""
    with suppress(MalformedError):
        parse(body)


_STARTS = st.sampled_from([b"m", b"M", b"X", b"Z2,", b"vCont;", b"qXfer:", b"P", b"H", b"qRcmd,"])


@given(_STARTS, st.text("0123456789abcdef,:;=-crCSs.", max_size=20))
def test_nearly_right_packets_are_a_command_or_malformed(start: bytes, rest: str) -> None:
    """Nor may a body that begins well."""
    with suppress(MalformedError):
        parse(start + rest.encode("ascii"))


def test_features_follow_from_the_packets_known() -> None:
    """What gdb does only if it is announced must be announced."""
    assert set(c.features()) >= {
        "binary-upload+",
        "ReverseContinue+",
        "ReverseStep+",
        "vContSupported+",
        "QStartNoAckMode+",
    }
