"""An 8087 in the machine: both engines, time travel, recordings, interrupts, and who is told."""

from __future__ import annotations

from pathlib import Path

import guests
import pytest
from boot_sectors import sector
from engine_pair import Pair, translate_here
from hypothesis import given, settings
from hypothesis import strategies as st
from pc_guest import DATA, FOREVER, IRET, POP_AX, PUSH_AX, PcGuest, count, out
from property_examples import examples
from x87_programs import CODE, assembled, run, with_8087, x87_of

from blink16 import Machine
from blink16.cpu import engines
from blink16.cpu.engine import StopReason
from blink16.cpu.flow import in_memory, in_register
from blink16.cpu.probes import EVENT_LAYOUT, Probe, Probes, Tape
from blink16.cpu.reference import ReferenceEngine
from blink16.cpu.x87.formats import from_integer
from blink16.devices.cards import Cards
from blink16.history.timeline import Timeline
from blink16.memory import Attribute
from blink16.questions.dataflow import End, origin
from blink16.recording import open_recording, record, replay
from blink16.setup import loader
from blink16.setup.loader import Options, Program, ProgramKind
from blink16.setup.pc import PcSetup

FNINIT, FLD1, FLDZ = bytes.fromhex("dbe3"), bytes.fromhex("d9e8"), bytes.fromhex("d9ee")
ESCAPES = st.builds(
    lambda first, second, more: bytes((first, second)) + more,
    *(st.integers(0xD8, 0xDF), st.integers(0, 0xFF), st.binary(min_size=2, max_size=2)),
)
USUAL = [
    bytes.fromhex(code)
    for code in (
        *("d9e8", "d9eb", "d9ee", "dec1", "def9", "d9fa", "d9c9", "d9e0", "dbe3", "d9f0"),
        *("d907", "dd07", "df07", "db2f", "d917", "dd1f", "df1f", "db3f", "df37", "d8c1"),
        *("dd37", "dd27", "d937", "d927", "d92f", "dd3f", "d8d1", "d9e5", "d9f8", "43", "83c306"),
    )
]


@st.composite
def programs(draw: st.DrawFn) -> bytes:
    """Draw a loop with instructions of the 8087 in it, sensible ones and any."""
    parts = st.sampled_from(USUAL) | st.sampled_from(guests.FRAGMENTS[3:]) | ESCAPES
    body = b"".join(draw(st.lists(parts, min_size=4, max_size=24)))
    return body + b"\xeb" + bytes((-2 - len(body) & 0xFF,)) if len(body) < 120 else body + b"\xf4"


def fpu_pair(code: bytes, cpu: str = "8086") -> Pair:
    """Return two machines with an 8087 before a program."""
    pair = Pair.make(cpu, fpu=True)
    pair.load(CODE, code, ip=CODE, sp=0x8000, bx=0x3000, si=0x3100, di=0x3200)
    pair.begin()
    return pair


@pytest.mark.parametrize("cpu", ["8086", "80286"])
@settings(max_examples=examples(60))
@given(programs(), st.lists(st.integers(1, 60), min_size=1, max_size=6), st.booleans())
def test_both_engines_do_the_same(
    cpu: str, code: bytes, budgets: list[int], translating: bool
) -> None:
    """Prevents native code from overlooking an 8087, in regions too, or its time and stores."""
    pair = fpu_pair(code, cpu)
    for budget in budgets:
        if translating:
            translate_here(pair.native)
        pair.run(budget)
        assert pair.native.save() == pair.reference.save()
        for machine in pair:
            machine.registers.cells[24] = 0  # HALTED
            machine.registers.cx &= 0x3F
    pair.compare_memory()


@pytest.mark.parametrize("engine", guests.ENGINES)
@settings(max_examples=examples(30))
@given(programs(), st.lists(st.integers(0, 1000), min_size=1, max_size=8))
def test_seeking_anywhere_and_back_gives_the_identical_machine(
    engine: str, code: bytes, places: list[int]
) -> None:
    """Prevents registers of the 8087 that a checkpoint hasn't got."""
    guest = guests.make(code, engine, fpu=True)
    timeline = Timeline(guest.machine, pace=guests.TestPace())
    timeline.run(300, through_traps=True)
    end = guest.state()
    for place in places:
        timeline.seek(timeline.start + (timeline.end - timeline.start) * place // 1000)
        fresh = guests.replay(code, timeline.inputs(), timeline.now, fpu=True)
        assert guest.state() == fresh.state()
    timeline.seek(timeline.end)
    assert guest.state() == end


@pytest.mark.parametrize("engine", guests.ENGINES)
@pytest.mark.parametrize("prefixes", range(5))
def test_an_escape_at_a_segments_end_goes_on_at_its_beginning(engine: str, prefixes: int) -> None:
    """Prevents an IP of 10000h, which is none, behind what is executed for the second time."""
    code = b"\x26" * prefixes + bytes.fromhex("d8860010")  # fadd dword [es:bp+1000h]
    at = 0x10000 - len(code)
    machine = with_8087(b"", engine)
    machine.memory.write(at, code)
    machine.memory.write(0, b"\xe9" + (at - 3).to_bytes(2, "little"))
    machine.registers.ip = at
    for _ in range(3):
        machine.run(1)
        assert machine.registers.ip == 0
        machine.run(1)
        assert machine.registers.ip == at


def test_memory_that_was_told_before_is_executed_by_the_8087() -> None:
    """Native code asks once whether an ESC is meant; what stood there before isn't it."""
    pair = fpu_pair(FNINIT + FLD1 * 3 + b"\xf4")
    for address in range(CODE, CODE + 8):
        pair.mark(address, Attribute.TOLD)
    pair.run(10)
    for machine in pair:
        assert x87_of(machine).top == 5


@pytest.mark.parametrize("engine", guests.ENGINES)
def test_stores_and_loads_of_the_8087_are_watched(engine: str) -> None:
    """Prevents watchpoints that miss FST and FLD, also in the last byte of their operands."""
    code = FNINIT + FLD1 + bytes.fromhex("dd1e0020db2e0021f4")
    for attribute, address in ((Attribute.WATCH_WRITE, 0x2007), (Attribute.WATCH_READ, 0x2109)):
        machine = with_8087(code, engine)
        machine.memory.mark(address, attribute)
        stop = machine.run(100)
        assert (stop.reason, stop.address) == (StopReason.WATCHPOINT, address)


def test_code_that_the_8087_writes_is_executed(tmp_path: Path) -> None:
    """Prevents translated code from staying what it was when FIST stores over it."""
    # mov cx,300; l: inc ax; loop l; fild word [v]; fistp word [l]; mov cx,300; jmp l; v: dec ax
    code = bytes.fromhex("b92c0140e2fddf061501df1e0301b92c01ebf0f448f4".replace(" ", ""))
    pair = fpu_pair(code)
    pair.run(700)
    translate_here(pair.native, CODE + 3)
    pair.run(700)
    pair.compare_memory()


def stores_seen(machine: Machine, tape: Tape, engine: object) -> None:
    """Run on another engine."""
    machine.use_engine(engine)  # type: ignore[arg-type]
    machine.run(20)
    tape.flush()


@pytest.mark.parametrize("native", [False, True])
def test_questions_see_what_the_8087_stores(native: bool) -> None:
    """Prevents FST from missing among a run's writes."""
    machine = with_8087(FNINIT + FLD1 + bytes.fromhex("d91e0020f4"))
    events: list[tuple[int, ...]] = []
    tape = Tape(
        Probes(Probe.WRITES, (range(0x2000, 0x2010),)),
        lambda batch: events.extend(EVENT_LAYOUT.iter_unpack(batch)),
    )
    name = "native" if native else "reference"
    engine = engines.make_probed(
        name, machine.model, machine.registers, machine.memory, machine.bus, tape
    )
    stores_seen(machine, tape, engine)
    assert [(event[5], event[7]) for event in events] == [(0x2000, 0), (0x2002, 0x3F80)]


# -- a PC ------------------------------------------------------------------------------------------

NMIS = DATA
FAILING = FNINIT + FLD1 + FLDZ + bytes.fromhex("d92e0048dbe0def9")  # fldcw [4800h]; feni; fdivp
CLEARING = PUSH_AX + count(NMIS) + bytes.fromhex("dbe2") + POP_AX + IRET


def pc(code: bytes, engine: str = "reference", *, at: bool = False) -> PcGuest:
    """Return a PC with an 8087, whose exceptions are not masked by the word at 4800h."""
    guest = PcGuest(code, engine=engine, fpu=True, cards=Cards(at=at))
    guest.machine.memory.write_word(0x4800, 0x340)
    guest.machine.memory.write(0x3000, CLEARING)
    guest.machine.set_vector(2, 0, 0x3000)
    return guest


@pytest.mark.parametrize("engine", guests.ENGINES)
def test_an_exception_enters_int_2_behind_its_instruction(engine: str) -> None:
    """Prevents handlers of the 8087's errors on a PC from never being called, or called twice."""
    guest = pc(FAILING + FOREVER, engine)
    guest.machine.run(6)
    assert guest.machine.pc == 0x3000
    assert guest.word(guest.machine.registers.sp) == 0x500 + len(FAILING)
    guest.machine.run(60)
    assert guest.word(NMIS) == 1


def test_port_a0h_masks_the_8087_too() -> None:
    """Prevents an NMI that the board's switch holds back."""
    guest = pc(out(0xA0, 0) + FAILING + FOREVER)
    guest.machine.run(60)
    assert guest.word(NMIS) == 0
    assert guest.in_(0x62) & 0xC0 == 0


@pytest.mark.parametrize("engine", guests.ENGINES)
def test_an_at_leads_exceptions_to_irq_13(engine: str) -> None:
    """Prevents programs on an AT from waiting for INT 75h, which then does what INT 2 did."""
    guest = pc(b"\xfb" + FAILING + FOREVER, engine, at=True)
    handler = PUSH_AX + bytes.fromhex("30c0e6f0b020e6a0e620") + POP_AX + b"\xcd\x02" + IRET
    guest.machine.memory.write(0x3100, handler)
    guest.machine.set_vector(0x75, 0, 0x3100)
    guest.machine.run(80)
    assert guest.word(NMIS) == 1


def boot(code: bytes, engine: str = "reference", **options: object) -> Machine:
    """Return a PC with an 8087 before a boot sector."""
    program = Program("test.img", ProgramKind.BOOT, sector(code))
    made = Options(engine=engine, fpu=True, **options)  # type: ignore[arg-type]
    return loader.load(program, (), made).machine


AT = PcSetup(cards=Cards(at=True))


def test_the_bios_of_an_at_answers_int_75h() -> None:
    """Prevents an exception on an AT from ending in an interrupt that nobody ends."""
    failing = FNINIT + FLD1 + FLDZ + bytes.fromhex("2ed92e307cdef9")
    code = b"\xfb" + failing + b"\x40\xeb\xfd"
    machine = boot(code.ljust(0x30, b"\0") + b"\x40\x03", cpu="80286", setup=AT)
    machine.run(200)
    assert machine.registers.ax > 50
    assert machine.bus.read(0xA1) & 0x20 == 0
    x87 = x87_of(machine)
    assert x87.is_interrupting


def test_int_11h_and_the_switches_say_that_it_is_there() -> None:
    """Prevents programs that ask the BIOS from finding none."""
    asking = bytes.fromhex("cd11f4")
    for fpu in (False, True):
        program = Program("test.img", ProgramKind.BOOT, sector(asking))
        machine = loader.load(program, (), Options(engine="reference", fpu=fpu)).machine
        machine.bus.write(0x61, 0)
        switches = machine.bus.read(0x62)
        machine.run(50)
        assert bool(machine.registers.ax & 2) is fpu
        assert bool(switches & 2) is fpu


def test_an_at_has_it_in_its_cmos() -> None:
    """Prevents a BIOS of the user's own from overlooking the 80287."""
    machine = boot(b"\xf4", cpu="80286", setup=AT)
    machine.bus.write(0x70, 0x14)
    assert machine.bus.read(0x71) & 2


def test_a_reset_initializes_it() -> None:
    """Prevents registers that outlive a reset."""
    machine = run(FNINIT + FLD1)
    machine.registers.reset(0xFFFF, 0)
    assert x87_of(machine).tag_word == 0xFFFF


# -- who is told ---------------------------------------------------------------------------------


def told(machine: Machine) -> list[str]:
    """Return what the machine says it lacks."""
    assert machine.witness is not None
    return [str(lack) for lack in machine.witness.state.told]


@pytest.mark.parametrize("engine", guests.ENGINES)
def test_only_what_this_chip_lacks_is_told(engine: str) -> None:
    """Prevents a word for each ESC, and silence where a program wants an 80387: fsin; fstsw ax."""
    machine = boot(FNINIT + FLD1 + bytes.fromhex("d9fed9fedfe0ebf8"), engine)
    machine.run(100)
    lines = told(machine)
    assert len(lines) == 3
    assert "FSIN: an instruction of the 80387, which the 8087 hasn't got" in lines[0]
    assert "FSTSW: an instruction of the 80287, which the 8087 hasn't got" in lines[2]


def test_without_it_the_way_to_one_is_told() -> None:
    """Prevents a user from not knowing that there can be one."""
    program = Program("test.img", ProgramKind.BOOT, sector(FLD1 + FOREVER))
    machine = loader.load(program, (), Options(engine="reference")).machine
    machine.run(10)
    assert told(machine)[0].endswith("; --fpu has one (instruction 1)")


def test_a_recording_knows_that_it_was_there(tmp_path: Path) -> None:
    """Prevents a recording that computes otherwise when it is shown."""
    path = tmp_path / "a.b16r"
    program = Program("a.com", ProgramKind.DOS_COM, FNINIT + FLD1 * 4 + FOREVER)
    loaded, debugger, recorder = record(path, program, (), Options(engine="reference", fpu=True))
    debugger.timeline.run(50)
    state = loaded.machine.save()
    recorder.close()
    recording = open_recording(path)
    assert recording.launch.fpu
    again, second = replay(recording, "reference")
    second.timeline.seek(second.timeline.end)
    assert again.machine.save() == state


def test_origins_end_at_the_8087() -> None:
    """Prevents what it has computed from being called a constant: fstp dword; fnstsw ax."""
    machine = with_8087(FNINIT + FLD1 + bytes.fromhex("d91e0020dfe08903f4"), cpu="80286")
    timeline = Timeline(machine)
    timeline.run(4)
    for places in ([in_memory(0x2002)], [in_register(0), in_register(1)]):
        (step,) = origin(timeline, places, "reference").steps
        assert [end for end, _ in step.ends] == [End.COPROCESSOR]


def test_origins_in_ax_are_found_far_back() -> None:
    """Prevents FSTSW AX, long ago, from being passed by."""
    code = FNINIT + bytes.fromhex("dfe0b9ff7fe2fef4")  # fnstsw ax; mov cx, 7FFFh; loop $
    timeline = Timeline(with_8087(code, cpu="80286"))
    timeline.run(30_000)
    (step,) = origin(timeline, [in_register(0)]).steps
    assert step.icount == 1


def test_an_80286_can_be_told_to_emulate() -> None:
    """Prevents ESC from being executed where a system wants INT 7: LMSW with EM, then FNINIT."""
    machine = with_8087(bytes.fromhex("b80400 0f01f0 dbe3".replace(" ", "")), cpu="80286")
    machine.set_vector(7, 0, 0x3000)
    machine.run(3)
    assert machine.pc == 0x3000
    assert machine.memory.read_word(machine.registers.sp) == CODE + 6


@pytest.mark.parametrize("cpu", ["8086", "80286"])
@settings(max_examples=examples(40))
@given(programs())
def test_what_is_remembered_of_an_instruction_is_what_it_is(cpu: str, code: bytes) -> None:
    """Prevents another operand, address or time when an ESC comes again, or lies elsewhere."""
    machines = [with_8087(code, cpu=cpu) for _ in range(2)]
    for machine in machines:
        machine.registers.bx, machine.registers.si = 0x3000, 0x3100
    forgetful = machines[1].engine
    assert isinstance(forgetful, ReferenceEngine)
    forgetful.sees_words = True  # as an engine with probes, which looks at each anew
    for _ in range(10):
        stops = [machine.run(25) for machine in machines]
        assert stops[0] == stops[1]
        assert machines[0].save() == machines[1].save()
        for machine in machines:
            machine.registers.cx &= 0x3F
    assert machines[0].memory.ram == machines[1].memory.ram


@pytest.mark.parametrize("engine", guests.ENGINES)
def test_one_can_stop_between_instructions_of_the_8087(engine: str) -> None:
    """Prevents breakpoints, steps and Ctrl-C from waiting for the end of a long row of them."""
    code = FNINIT + (b"\x9b" + FLD1 + b"\x9b\xdd\xd8") * 20 + b"\xf4"
    machine = with_8087(code, engine)
    machine.run()
    machine.registers.ip, machine.registers.cells[24] = CODE, 0  # HALTED
    machine.memory.mark(CODE + 2 + 6 * 5, Attribute.BREAKPOINT)
    assert machine.run().reason is StopReason.BREAKPOINT
    assert machine.registers.ip == CODE + 2 + 6 * 5
    before = machine.icount
    machine.run(3, skip_breakpoint=True)
    assert machine.icount == before + 3
    machine.interrupt()
    assert machine.run().reason is StopReason.INTERRUPTED


@pytest.mark.parametrize("engine", guests.ENGINES)
def test_instructions_of_the_8087_that_change_are_executed_anew(engine: str) -> None:
    """Prevents code that writes itself from being what was remembered: fld1 becomes fldz."""
    # mov cx, 3; fld1; fstp st(0); mov byte [CODE + 4], 0EEh; loop
    at = (CODE + 4).to_bytes(2, "little")
    code = bytes.fromhex("b90300d9e8ddd8") + b"\xc6\x06" + at + b"\xee\xe2\xf5"
    machine = with_8087(code + b"\xf4", engine)
    machine.run()
    assert x87_of(machine).save()[14 + 70 : 14 + 80] == bytes(10)


EDGES = (0xFFF0, 0xFFF6, 0xFFF8, 0xFFFC, 0xFFFE, 0xFFFF, 0x0000)


@pytest.mark.parametrize("cpu", ["8086", "80286"])
@settings(max_examples=examples(40))
@given(st.lists(ESCAPES, min_size=3, max_size=10), st.sampled_from(EDGES), st.integers(0, 0xFFFF))
def test_operands_across_a_segments_end_are_the_same_on_both_engines(
    cpu: str, escapes: list[bytes], offset: int, segment: int
) -> None:
    """Prevents what lies at the end of a segment, or of memory, from being missed."""
    code = b"".join(bytes((escape[0], escape[1] & 0x38 | 0x07)) for escape in escapes)  # [bx]
    pair = fpu_pair(code * 2 + b"\xf4", cpu)
    for machine in pair:
        machine.registers.ds, machine.registers.bx = segment, offset
        machine.registers.cells[119] = cpu == "80286"  # A20
        machine.registers.ss = 0x4000
    pair.run(2 * len(escapes) + 1)
    assert pair.native.save() == pair.reference.save()
    pair.compare_memory()


def test_an_operand_wraps_in_its_segment() -> None:
    """Prevents a load from going on behind the segment, as an 8086 never does: fild qword."""
    machine = with_8087(FNINIT + bytes.fromhex("df2efcfff4"))
    machine.registers.ds = 0x3000
    machine.memory.write(0x3FFFC, b"\x01\x02\x03\x04")
    machine.memory.write(0x30000, b"\x05\x06\x07\x00")
    machine.memory.write(0x40000, b"\xff" * 4)
    machine.run(10)
    assert x87_of(machine).get(0) == from_integer(0x07060504030201)


DETECTING = """
    cpu 8086
    fninit
    mov word [800h], 5A5Ah
    fnstsw [800h]
    cmp byte [800h], 0
    jne none
    fnstcw [800h]
    mov ax, [800h]
    and ax, 103Fh
    cmp ax, 3Fh
    jne none
    and word [800h], 0FF7Fh     ; an 8087 sets it again, by FDISI
    fldcw [800h]
    fdisi
    fstcw [800h]
    test word [800h], 80h
    jnz i8087
    finit                       ; an 80387 tells infinities apart
    fld1
    fldz
    fdivp st1, st0
    fld st0
    fchs
    fcompp
    fstsw [800h]
    fwait
    mov ax, [800h]
    sahf
    je i80287
    mov ax, 387
    hlt
none:
    mov ax, 0
    hlt
i8087:
    mov ax, 87
    hlt
i80287:
    mov ax, 287
    hlt
"""
"""As start-up code of compilers does, after Intel's notes."""


@pytest.mark.parametrize(("cpu", "found"), [("8086", 87), ("80186", 87), ("80286", 287)])
def test_programs_find_out_which_one_it_is(cpu: str, found: int, tmp_path: Path) -> None:
    """Prevents compilers' libraries from taking one chip for another, or for none."""
    code = assembled(DETECTING, tmp_path)
    assert run(code, cpu=cpu).registers.ax == found
    alone = Machine.bare("reference", cpu)
    alone.memory.write(CODE, code)
    alone.registers.ip, alone.registers.sp = CODE, 0x8000
    alone.run(100)
    assert alone.registers.ax == 0
