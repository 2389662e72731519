"""What Ghidra's agent asks of gdb's Python, in a real gdb in front of a machine."""

from __future__ import annotations

from pathlib import Path

import pytest
from gdb_client import Gdb, Server

pytestmark = pytest.mark.gdb

REGISTERS = ("eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi", "eip", "eflags", "cs", "ss")
"""As the gdb agent maps them to x86:LE:16:Real Mode; ds, es and the rest follow."""
AGENT = """\
import gdb
frame = gdb.selected_frame()
arch = frame.architecture()
inferior = gdb.selected_inferior()
thread = inferior.threads()[0]
names = [register.name for register in arch.registers()]
values = {name: frame.read_register(name) for name in names if name}
pc = int(frame.pc())
(code,) = arch.disassemble(pc)
endian = gdb.execute("show endian", to_string=True)
print("arch", arch.name(), "little" in endian, names[:12])
print("groups", "general" in [group.name for group in arch.register_groups()])
print("inferior", inferior.num, inferior.pid > 0, thread.num, thread.ptid[0] == inferior.pid)
print("memory", bytes(inferior.read_memory(pc, code["length"])).hex(), code["addr"] == pc)
point = gdb.Breakpoint("*%d" % (pc + code["length"]))
gdb.execute("continue", to_string=True)
print("stopped", int(gdb.selected_frame().pc()) - pc, point.hit_count, point.pending)
inferior.write_memory(0x500, b"\\x12")
print("written", bytes(inferior.read_memory(0x500, 1)).hex())
gdb.execute("reverse-stepi", to_string=True)
print("back", int(gdb.selected_frame().pc()) - pc)
"""


def test_the_agents_questions_are_answered(gdb: Gdb, tmp_path: Path) -> None:
    """Prevents Ghidra from finding no language for the machine, or no registers and memory."""
    (tmp_path / "agent.py").write_text(AGENT)
    program = bytes.fromhex("b83412 8ed8 90 ebfd")
    (tmp_path / "prog.com").write_bytes(program)
    with Server("prog.com", cwd=tmp_path) as server:
        gdb.run(server.target)
        said = gdb.run(f"source {tmp_path / 'agent.py'}")
    assert f"arch i8086 True {list(REGISTERS)}" in said
    assert "groups True" in said
    assert "inferior 1 True 1 True" in said
    assert "memory b83412 True" in said
    assert "stopped 3 1 False" in said
    assert "written 12" in said
    assert "back 0" in said
