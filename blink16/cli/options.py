"""All options of ``blink16``, ``blink16-server`` and ``blink16-ask``, in one table.

Help, manual, completions, documentation and ``blink16.toml`` are made from it.  It is data, and
longer than other files for the reason that there is one such table.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from blink16.assembly import FOREVER
from blink16.cli import values
from blink16.cli.parsing import CommandLine, MachineBegins, Option, OptionTable, Reach, Use
from blink16.consoles import Streams
from blink16.cpu import engines
from blink16.cpu.models import DEFAULT, MODELS
from blink16.devices.pc import DEFAULT_MHZ
from blink16.devices.video import Adapter
from blink16.packets import ARCHITECTURE, OTHER_ARCHITECTURES
from blink16.setup.dos import EMS_KIB, MAX_BEYOND_KIB, MEMORY_KIB, MIN_MEMORY_KIB, DosSetup

DEFAULT_PORT = 1234
DEFAULT_ADDRESS = "127.0.0.1"

ENGINE = Option(
    names=("--engine",),
    choices=engines.NAMES,
    default=engines.DEFAULT,
    help=f"what executes the instructions (default: {engines.DEFAULT})",
    reach=Reach.FOLDER,
)
SYMBOLS = Option(
    names=("--symbols",),
    read=values.symbols,
    metavar="FILE[,text=SEG][,data=SEG]",
    often=True,
    own=True,
    help="names for the program's addresses: an ELF, a map of nasm's or a linker's, an ELKS "
    "table or nm's output; segments in hex; may be given often",
    reach=Reach.FOLDER_FILE,
)
MACHINE = OptionTable(
    "the machine",
    (
        Option(
            names=("--root",),
            read=Path,
            default=Path(),
            metavar="DIR",
            help="folder that the guest sees as its whole file system (default: this folder)",
            # of use to any: IDEs always say it, so that it is no mistake where there is a disk
        ),
        Option(
            names=("--writable",),
            use=Use.SYSTEM,
            flag=True,
            help="let the guest change the files there; else its changes stay in memory",
        ),
        Option(
            names=("--net",),
            use=Use.ELKS,
            flag=True,
            help="let an ELKS program have TCP sockets on this computer's loopback interface",
        ),
        Option(
            names=("--net-ports",),
            use=Use.ELKS,
            read=values.port,
            default=0,
            metavar="N",
            help="the same; a port at which the program listens is N more on this computer",
        ),
        ENGINE,
        Option(
            names=("--cpu",),
            use=Use.MADE,
            choices=tuple(MODELS),
            default=DEFAULT.name,
            help=f"the processor (default: {DEFAULT.name})",
            reach=Reach.FOLDER,
        ),
        Option(
            names=("--fpu",),
            use=Use.MADE,
            flag=True,
            help="put an 8087 beside it, or an 80287 beside an 80286, for floating point",
            reach=Reach.FOLDER,
        ),
        Option(
            names=("--call-speed",),
            use=Use.DOS,
            choices=("real", "fast"),
            help="let each call of DOS take the guest as long as it takes FreeDOS' kernel, or "
            "next to nothing (fast, the default); real lets --realtime hold for programs that "
            "only ask DOS for keys",
            reach=Reach.FOLDER,
        ),
        Option(
            names=("--date",),
            use=Use.MADE,
            read=values.date,
            metavar="ISO",
            help="the guest's date and time at the start, like 1986-03-07T12:00 (default: now)",
            reach=Reach.FOLDER,
        ),
        Option(
            names=("--poweron",),
            use=Use.MADE,
            read=values.poweron,
            metavar="random[:SEED]",
            help="let memory and registers hold anything at the start, as on a real PC; SEED, a "
            "number, makes it the same again",
            reach=Reach.FOLDER,
        ),
        Option(
            names=("--strict",),
            use=Use.MADE,
            flag=True,
            help="stop where the program uses what the machine lacks, instead of only saying so",
            reach=Reach.FOLDER,
        ),
        Option(
            names=("--trace-calls",),
            use=Use.SYSTEM | Use.REPLAY,
            flag=True,
            help="write each call of DOS or ELKS as one line, as strace does, on standard error",
        ),
        Option(
            names=("--trace-to",),
            use=Use.SYSTEM | Use.REPLAY,
            read=Path,
            metavar="FILE",
            help="the same, into a file",
        ),
        Option(
            names=("--realtime",), flag=True, help="let the guest's clock go no faster than ours"
        ),
        Option(
            names=("--cpu-speed",),
            read=values.speed,
            metavar="HZ|max",
            help="the processor's clock, held in real time: 4772727, 4.77MHz, 8M (as --mhz and "
            "--realtime, which may say nothing else beside it); or as fast as this computer can "
            "(max, the default)",
        ),
    ),
)
PC = OptionTable(
    "a PC, which boots from PROGRAM if that is a disk image",
    (
        *(
            Option(
                names=(f"-{drive}",),
                use=Use.PC,
                read=values.image,
                own=True,
                often=True,
                metavar="FILE[,ro]",
                help=what,
                reach=Reach.FOLDER_FILE,
            )
            for drive, what in (
                (
                    "A",
                    "image of the first floppy, write-protected with ,ro; if there are more they "
                    "lie beside the drive, for `monitor disk`",
                ),
                ("B", "the same for the second floppy"),
                ("C", "image of a hard disk"),
                ("D", "the same for a second hard disk"),
            )
        ),
        Option(
            names=("--rom",),
            use=Use.PC,
            read=values.rom,
            own=True,
            often=True,
            metavar="FILE@ADDR",
            help="an option ROM at a linear address, like vga.rom@0xC0000; may be given often",
        ),
        Option(
            names=("--serial",),
            read=values.serial,
            own=True,
            often=True,
            metavar="com1=tcp:PORT|unix:PATH|none",
            help="where a serial port leads (default: its output to standard error, unless that "
            "is the terminal with the PC's screen); TCP ports are on 127.0.0.1, 0 is any free "
            "one; may be given often",
        ),
        Option(
            names=("--commit",),
            use=Use.PC,
            flag=True,
            help="when a machine ends, also by a debugger's kill or run, write what the guest "
            "changed on its disks into their images",
        ),
        Option(
            names=("--display",),
            use=Use.PC,
            own=True,
            choices=tuple(adapter.name.lower() for adapter in Adapter),
            default=Adapter.CGA.name.lower(),
            help="the display adapter (default: cga)",
            reach=Reach.FOLDER,
        ),
        Option(
            names=("--machine-type",),
            use=Use.PC,
            own=True,
            choices=("xt", "at"),
            help="xt (default) or at, with a second 8259A, an 8042, a clock that interrupts and "
            "hard disk ports",
            reach=Reach.FOLDER,
        ),
        Option(
            names=("--disk-speed",),
            use=Use.DOS | Use.BOOT,
            own=True,
            choices=("real", "fast"),
            help="let INT 13h take as long as a drive of the time would, or none of the guest's "
            "time (fast, the default)",
            reach=Reach.FOLDER,
        ),
        Option(
            names=("--card",),
            use=Use.PC,
            own=True,
            often=True,
            choices=("joystick", "mouse", "ps2mouse", "ems", "umb"),
            help="a joystick on the game port, a serial mouse on COM1, a PS/2 mouse (makes it "
            "an AT), a board of 2 MiB of "
            "expanded memory (ports 260h-263h, frame E000h), RAM from D0000h to DFFFFh; may be "
            "given often",
            reach=Reach.FOLDER,
        ),
        Option(
            names=("--bios",),
            use=Use.BOOT | Use.BIOS,
            own=True,
            read=Path,
            metavar="FILE",
            help="run this BIOS at the end of memory, self-test and all, instead of ours",
        ),
        Option(
            names=("--lpt",),
            use=Use.PC,
            own=True,
            read=Path,
            metavar="FILE",
            help="what is printed on LPT1 goes there",
        ),
        Option(
            names=("--sound",),
            use=Use.PC,
            own=True,
            read=values.sound,
            metavar="FILE.wav",
            help="record there what the speaker sounds like",
        ),
        Option(
            names=("--mhz",),
            use=Use.MADE,
            own=True,
            read=values.mhz,
            metavar="N",
            help="the processor's clock, which the PC's timers are compared with "
            f"(default: {DEFAULT_MHZ:.3g})",
            reach=Reach.FOLDER,
        ),
    ),
)
DOS = OptionTable(
    "DOS around a .COM or .EXE",
    (
        Option(
            names=("--env",),
            use=Use.DOS,
            read=values.variable,
            often=True,
            metavar="NAME=VALUE",
            help="a variable of the program's environment; may be given often",
            reach=Reach.FOLDER,
        ),
        Option(
            names=("--drive",),
            use=Use.DOS,
            read=values.drive,
            often=True,
            metavar="D:=DIR[:ro]",
            help="a folder as one more drive, written like the root (--writable) unless :ro; may "
            "be given often",
        ),
        Option(
            names=("--dos-version",),
            use=Use.DOS,
            read=values.version,
            default=DosSetup().version,
            metavar="MAJOR.MINOR",
            help="the version that DOS tells (default: 5.0)",
            reach=Reach.FOLDER,
        ),
        Option(
            names=("--memory",),
            use=Use.DOS,
            read=values.memory,
            default=MEMORY_KIB,
            metavar="KB",
            help=f"conventional memory, {MIN_MEMORY_KIB} to {MEMORY_KIB} KB (default: "
            f"{MEMORY_KIB}); less for programs that compare what is free as signed numbers",
            reach=Reach.FOLDER,
        ),
        *(
            Option(
                names=(name,),
                use=Use.DOS,
                read=values.beyond,
                default=default,
                metavar="KB",
                help=f"{what}, up to {MAX_BEYOND_KIB} KB; 0: none (default: {default})",
                reach=Reach.FOLDER,
            )
            for name, what, default in (
                ("--xms", "extended memory by XMS 3.0, by which programs see an 80286", 0),
                ("--ems", "expanded memory by EMS 4.0", EMS_KIB),
            )
        ),
    ),
)
DEBUGGERS = OptionTable(
    "debuggers",
    (
        Option(
            names=("--break",),
            metavar="PLACE",
            often=True,
            own=True,
            into="breakpoints",
            help="where blinkenlights is to have a breakpoint from the beginning: a symbol, "
            "segment:offset in hex or FILE:LINE, perhaps with ` if CONDITION`; may be given often",
            reach=Reach.FOLDER,
        ),
        Option(
            names=("--port",),
            read=values.port,
            metavar="N",
            help=f"TCP port to listen on; 0 takes a free one (default: {DEFAULT_PORT})",
        ),
        Option(
            names=("--listen",),
            metavar="ADDR|unix:PATH",
            help="address to listen on, or a socket file; whoever reaches it has the program in "
            f"his hands (default: {DEFAULT_ADDRESS})",
        ),
        Option(
            names=("--stdio",),
            flag=True,
            help="talk to one debugger on standard input and output, as `target remote | ...` "
            "does; with --listen unix:PATH others may come there to watch, until it leaves",
        ),
        Option(
            names=("--console",),
            read=values.place_or_debugger,
            own=True,
            metavar="stdio|[screen:]tcp:PORT|[screen:]unix:PATH|none|gdb|terminal",
            help="where the program's output goes and its input comes from: here (with --stdio, "
            "output to standard error), a socket, nowhere, or, output only, the debugger while "
            "it runs the program (terminal: the same, of a front end that is a terminal and types "
            "keys) (default: stdio).  A socket gets what the BIOS prints; with "
            "screen: a PC's whole picture, painted for a terminal of its size, as telnet brings "
            "one.  On a terminal, a PC that is the first machine has its screen and keyboard "
            "here, others' output goes to standard error or is told below the picture; Ctrl-] "
            "ends the server then",
        ),
    ),
)
SEVERAL = OptionTable(
    "several machines",
    (
        Option(
            names=("--machine",),
            read=values.words,
            action=MachineBegins,
            often=True,
            metavar="'PROGRAM ARGUMENTS'",
            help="host one more machine, beside or instead of PROGRAM's; may be given often.  "
            "--symbols, --console, --serial, -A, -B, -C, -D, --rom, --display and --mhz behind it "
            "are for it; before the first --machine they are PROGRAM's, and --display, --mhz and "
            "a --console that is no socket those of machines that say nothing else",
        ),
        Option(
            names=("--observers",),
            flag=True,
            help="let debuggers that get no machine watch one that another debugger holds",
        ),
    ),
)
OTHER_CLIENTS = OptionTable(
    "clients that know no i8086",
    (
        Option(
            names=("--target-arch",),
            choices=(ARCHITECTURE, *OTHER_ARCHITECTURES),
            default=ARCHITECTURE,
            help="the architecture that clients are told of in target.xml (default: "
            "%(default)s); some, like IDA, take an i386 only",
        ),
    ),
)
BUILDS = OptionTable(
    "builds",
    (
        Option(
            names=("--watch",),
            flag=True,
            help="read a program and its symbols again when they were built, if the machine "
            "stands at its start or has ended (`monitor restart` does so at any time)",
        ),
    ),
)
PAST = OptionTable(
    "the past",
    (
        Option(
            names=("--history-memory",),
            read=values.size,
            default="256M",
            metavar="SIZE",
            help="memory for a machine's history, in MiB or with K, M or G (default: 256M)",
        ),
        Option(
            names=("--record",),
            read=Path,
            metavar="FILE",
            help="write the session, or a replayed one as it goes on, to a new file",
        ),
        Option(
            names=("--replay",),
            read=Path,
            metavar="FILE",
            help="show a recorded session instead of PROGRAM, with all of its history ahead",
        ),
    ),
)
RUNNING = OptionTable(
    "",
    (
        Option(names=("--stats",), flag=True, help="end with a line on speed on standard error"),
        Option(
            names=("--console",),
            read=values.place,
            default=Streams(),
            metavar="stdio|[screen:]tcp:PORT|[screen:]unix:PATH|none",
            help="where the keyboard and the BIOS's screen output are (default: stdio); with "
            "screen: a PC's whole picture is painted for the terminal that connects, as telnet "
            "does",
        ),
    ),
)
ANSWER = OptionTable(
    "the answer",
    (
        Option(
            names=("--format",),
            choices=("text", "csv", "json", "parquet"),
            help="how a table is written",
        ),
        Option(
            names=("-o", "--output"),
            read=Path,
            metavar="FILE",
            help="write it there (not: standard output)",
        ),
        Option(
            names=("--from",),
            into="low",
            read=values.instant,
            metavar="N",
            help="from this instant",
        ),
        Option(
            names=("--to",),
            into="high",
            read=values.instant,
            metavar="N",
            help="up to this instant",
        ),
        Option(
            names=("--threads",),
            read=values.threads,
            default=0,
            metavar="N",
            help="default: one a processor",
        ),
        Option(
            names=("--dask",),
            default="",
            metavar="ADDRESS",
            help="ask on a Dask cluster: its scheduler, as tcp://HOST:PORT",
        ),
        Option(names=("--quiet",), flag=True, help="show no progress"),
        Option(
            names=("--run",),
            flag=True,
            help="run PROGRAM now, and ask that: --run [OPTIONS] PROGRAM [ARGUMENTS] -- QUESTION",
        ),
    ),
)
ASKED_RUN = OptionTable(
    "the run that is asked",
    (
        Option(
            names=("--instructions",),
            read=values.instant,
            default=FOREVER,
            metavar="N",
            help="let the program run so far at most",
        ),
    ),
)
ARGUMENTS = Option(
    names=("arguments",),
    nargs=argparse.REMAINDER,
    metavar="ARGUMENTS",
    help="the program's own arguments",
)
PROGRAM_HELP = "a file, or the name of a sample"
PROGRAM = (Option(names=("program",), metavar="PROGRAM", help=PROGRAM_HELP), ARGUMENTS)
MAYBE_PROGRAM = (
    Option(names=("program",), nargs="?", metavar="PROGRAM", help=PROGRAM_HELP),
    ARGUMENTS,
)
RECORDING_AND_QUESTION = (
    Option(names=("recording",), read=Path, metavar="RECORDING", help="a recorded session"),
    Option(
        names=("question",), nargs="+", metavar="QUESTION", help="SQL, a table's name or a question"
    ),
)


def _plain(*options: Option) -> OptionTable:
    return OptionTable("", options)


RUN = CommandLine(
    "blink16",
    "Run an 8086 program without a debugger.",
    (RUNNING, MACHINE, PC, DOS, _plain(*PROGRAM)),
    """\
examples:
  blink16 banner HELLO           run the sample that comes with blink16
  blink16 --stats ./prog -v x    everything behind PROGRAM belongs to PROGRAM
  blink16 --root ~/dos edit.com  show the guest another folder than this one
  blink16 --serial com1=tcp:5000 fd1440.img   a PC on this terminal; Ctrl-] ends it
  blink16 samples [FOLDER]       copy the samples and their sources into a new folder, samples
  blink16 doctor                 what works on this computer, and what to do about the rest

A program is an ELKS executable, a DOS .COM or .EXE, a boot sector or a disk image.  Its exit
status is ours; 128+N means that signal N ended it, 127 that there is no such program.
""",
)
SERVER = CommandLine(
    "blink16-server",
    "Show an 8086 program to a debugger that speaks gdb's remote protocol.",
    (
        *(DEBUGGERS, SEVERAL, OTHER_CLIENTS, BUILDS, PAST),
        *(MACHINE, PC, DOS, _plain(SYMBOLS, *MAYBE_PROGRAM)),
    ),
    """\
examples:
  blink16-server banner HELLO    then, elsewhere:  gdb -ex 'target remote :1234'
  blink16-server --port 0 ./prog choose a free port and print it
  blink16-server --record s.b16 ./prog; blink16-server --replay s.b16
  blink16-server --machine 'banner HI' --machine ./prog --symbols prog.map
  blink16-server --console screen:tcp:5000 fd1440.img   and elsewhere:  telnet localhost 5000
  gdb -ex 'target remote | blink16-server --stdio --console gdb ./prog'

The machine stands before the program's first instruction until a debugger moves it.
""",
)
ASK = CommandLine(
    "blink16-ask",
    "Ask a whole run: a recording, or a program now.",
    (ANSWER, _plain(ENGINE, SYMBOLS, *RECORDING_AND_QUESTION)),
    """\
examples:
  blink16-ask run.b16 "select pc, count(*) from writes
                       where address between 0xb8000 and 0xb8fa0 group by pc order by 2 desc"
  blink16-ask run.b16 writes 0xB8000..0xB8FA0
  blink16-ask run.b16 calls --format csv -o calls.csv
  blink16-ask --run ./prog -v x -- coverage

QUESTION is SQL over the run's tables, the name of a table (writes and reads take ranges), or a
question of these:
""",
)
ASK_PROGRAM = ASK._replace(
    tables=(ANSWER, ASKED_RUN, MACHINE, PC, DOS, _plain(SYMBOLS, *PROGRAM)),
)
"""Behind ``--run``."""
