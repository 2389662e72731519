"""A real gdb's dprintf, in agent style."""

from __future__ import annotations

import re

import pytest
from gdb_client import Gdb, Server

pytestmark = pytest.mark.gdb


def test_dprintf_in_agent_style(gdb: Gdb) -> None:
    """Prevents a style that gdb says the target can't do, and one that prints only forward."""
    with Server("banner", "HI") as server:
        gdb.run(server.target)
        gdb.run("set dprintf-style agent")
        assert "warning" not in gdb.run('dprintf draw_letters,"at %llu\\n",$icount')
        gdb.run("break end_line")
        forward = re.findall(r"^at \d+", gdb.run("continue"), re.MULTILINE)
        assert len(forward) == 3
        said = gdb.run("continue")
        assert "Breakpoint 2" in said
        forward += re.findall(r"^at \d+", said, re.MULTILINE)
        gdb.run("disable 2")
        backward = re.findall(r"^at \d+", gdb.run("reverse-continue"), re.MULTILINE)
        assert backward == forward[::-1]
        gdb.run("enable 2")
        assert re.findall(r"^at \d+", gdb.run("continue"), re.MULTILINE) == forward[:3]


def test_dprintfs_with_conditions_at_one_address(gdb: Gdb) -> None:
    """Prevents one's condition from counting for another's text."""
    with Server("banner", "HI") as server:
        gdb.run(server.target)
        gdb.run("set dprintf-style agent")
        gdb.run('dprintf draw_letters,"low %s\\n",(char *) $esp')
        gdb.run('dprintf draw_letters,"high %d\\n",$eax')
        gdb.run("condition 1 $eax < 0x100")
        gdb.run("condition 2 $eax >= 0x100")
        gdb.run("tbreak end_line")
        said = gdb.run("continue")
        assert len(re.findall(r"^low ", said, re.MULTILINE)) == 1
        assert len(re.findall(r"^high \d+", said, re.MULTILINE)) == 2
