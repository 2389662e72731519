"""The commands as a shell sees them: output, exit status, one clear line for each mistake."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import warm_python
from gdb_client import PROJECT, TIMEOUT, Talker

from blink16 import __version__
from blink16.elks.aout import Executable, build

RUN = "from blink16.cli import run_main; raise SystemExit(run_main())"
SERVE = "from blink16.cli import server_main; raise SystemExit(server_main())"
ENVIRONMENT = {"PYTHONPATH": str(PROJECT)}

EXIT_42 = bytes.fromhex("b8 2a 4c cd 21")  # mov ax, 4C2Ah; int 21h
DIVIDE_BY_ZERO = bytes.fromhex("31 c9 f7 f1")  # xor cx, cx; div cx
HALT = bytes.fromhex("fa f4")  # cli; hlt
FOREVER = bytes.fromhex("eb fe")  # jmp $
READY_THEN_FOREVER = bytes.fromhex("b2 2a b4 02 cd 21 eb fe")  # print '*', jmp $
ECHO_ONE = bytes.fromhex(
    "b4 08 cd 21"  # mov ah, 8; int 21h: read a key
    "88 c2 b4 02 cd 21"  # mov dl, al; mov ah, 2; int 21h: print it
    "b8 00 4c cd 21"  # mov ax, 4C00h; int 21h
)
PRINT_TAIL = bytes.fromhex(
    "be 81 00"  # mov si, 81h: the command tail
    "ac 3c 0d 74 08"  # lodsb; cmp al, 13; je the end
    "88 c2 b4 02 cd 21 eb f3"  # mov dl, al; mov ah, 2; int 21h; jmp lodsb
    "b8 00 4c cd 21"
)


def command(code: str, *arguments: str) -> list[str]:
    """Return the command line of one of our two commands."""
    return [sys.executable, "-c", code, *arguments]


def run(
    *arguments: str, code: str = RUN, cwd: Path = PROJECT, stdin: bytes = b""
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    done = warm_python.run(
        command(code, *arguments), stdin=stdin, cwd=cwd, environment=ENVIRONMENT, timeout=TIMEOUT
    )
    return subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
    )


@pytest.fixture
def com(tmp_path: Path) -> Path:
    """Return a folder with little DOS programs."""
    programs = {
        "exit42": EXIT_42,
        "divide": DIVIDE_BY_ZERO,
        "halt": HALT,
        "forever": FOREVER,
        "ready": READY_THEN_FOREVER,
        "echo1": ECHO_ONE,
        "tail": PRINT_TAIL,
    }
    for name, code in programs.items():
        (tmp_path / f"{name}.com").write_bytes(code)
    return tmp_path


def assert_one_line(text: str, *words: str) -> None:
    """Check that a complaint is a single line that names what matters."""
    assert text.endswith("\n")
    assert text.count("\n") == 1, text
    for word in words:
        assert word in text


# -- blink16 ---------------------------------------------------------------------------------


def test_the_sample_prints_large_letters() -> None:
    """Prevents a sample that isn't shipped, or that nobody finds by its bare name."""
    done = run("banner", "HI")
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) >= 5
    assert done.stderr == ""


def test_banner_of_shared_images_prints_its_argument(shared: Path) -> None:
    """Prevents an ELKS program of the real toolchain from printing anything but its banner."""
    done = run(str(shared / "images/banner"), "ELKS")
    assert done.returncode == 0
    lines = [line.rstrip() for line in done.stdout.splitlines() if line.strip()]
    assert len(lines) == 7, done.stdout
    assert len(set(lines)) > 3


def test_the_exit_status_is_the_programs(com: Path) -> None:
    """Prevents losing AL of DOS' 4Ch, as the C program did."""
    assert run("exit42.com", cwd=com).returncode == 42


def test_the_suffix_may_be_left_out(com: Path) -> None:
    """Prevents `blink16 prog` from missing prog.com, as DOS users type it."""
    assert run("exit42", cwd=com).returncode == 42


def test_arguments_behind_the_program_are_the_programs(com: Path) -> None:
    """Prevents `--stats` behind PROGRAM from being taken for ours."""
    done = run("tail", "--stats", "-x", "--", "y", cwd=com)
    assert done.stdout == " --stats -x -- y"
    assert done.stderr == ""


def test_stats_are_the_last_line(com: Path) -> None:
    """Prevents scripts that read the figures from finding another form."""
    done = run("--stats", "exit42", cwd=com)
    assert re.fullmatch(
        r"instructions=\d+ seconds=\d+\.\d+ mips=\d+\.\d+ engine=\w+\n", done.stderr
    )


def test_a_trap_is_a_line_and_128_plus_its_signal(com: Path) -> None:
    """Prevents a divide error from passing for success, or from ending in a traceback."""
    done = run("divide", cwd=com)
    assert done.returncode == 128 + 8
    assert_one_line(done.stderr, "divide", "SIGFPE")


def test_a_signal_that_a_program_sends_itself_is_named_once(tmp_path: Path) -> None:
    """Prevents "signal 9, sent at 1000:000B (SIGKILL) (SIGKILL)"."""
    kill_2_9 = bytes.fromhex("b82500 bb0200 b90900 cd80")
    (tmp_path / "killed").write_bytes(build(Executable(kill_2_9)))
    done = run("./killed", cwd=tmp_path)
    assert done.returncode == 128 + 9
    assert_one_line(done.stderr, "signal 9")
    assert done.stderr.count("SIGKILL") == 1


def test_halting_for_good_is_a_line_and_success(com: Path) -> None:
    """Prevents a machine that nothing can wake from hanging for ever."""
    done = run("halt", cwd=com)
    assert done.returncode == 0
    assert_one_line(done.stderr, "halted with interrupts off")


def test_input_from_a_pipe_reaches_the_program(com: Path) -> None:
    """Prevents programs in pipelines from starving."""
    assert run("echo1", cwd=com, stdin=b"x").stdout == "x"


def test_no_more_input_is_taken_than_the_program_wants(com: Path) -> None:
    """Prevents eating the input of whoever comes after us in a script, when we need none."""
    script = f"{sys.executable} -c '{RUN}' exit42; cat"
    done = subprocess.run(
        ["sh", "-c", script],
        input=b"mine",
        capture_output=True,
        cwd=com,
        env=ENVIRONMENT,
        timeout=TIMEOUT,
        check=False,
    )
    assert done.stdout == b"mine"


def test_ctrl_c_ends_it_with_130(com: Path) -> None:
    """Prevents Ctrl-C from being ignored, or from printing a traceback."""
    with Talker(command(RUN, "ready"), cwd=com, environment=ENVIRONMENT) as talker:
        talker.expect(r"\*")  # so it runs, and its output came although it goes on
        talker.signal(signal.SIGINT)
        assert talker.wait() == 130
        assert talker.expect_end() == ""


def test_ctrl_c_ends_a_wait_for_input(com: Path) -> None:
    """Prevents a program that waits for a key from holding the terminal."""
    (com / "ask.com").write_bytes(bytes.fromhex("b23fb402cd21b408cd21"))  # print '?', read a key
    with Talker(command(RUN, "ask"), cwd=com, environment=ENVIRONMENT) as talker:
        talker.expect(r"\?")
        talker.signal(signal.SIGINT)
        assert talker.wait() == 130
        assert talker.expect_end() == ""


CTRL_C_AT_AN_IMPORT = """\
import sys
class Finder:
    def find_spec(self, name, path, target=None):
        if name == "blink16.cli.main":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Finder())
"""


@pytest.mark.parametrize("code", [RUN, SERVE], ids=["blink16", "blink16-server"])
def test_ctrl_c_while_it_begins_ends_it_with_130(code: str) -> None:
    """Prevents a traceback where somebody thinks better of it at once, or the computer is busy."""
    line = command(CTRL_C_AT_AN_IMPORT + code, "banner")
    done = subprocess.run(line, capture_output=True, env=ENVIRONMENT, timeout=TIMEOUT, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")


@pytest.mark.parametrize("code", [RUN, SERVE], ids=["blink16", "blink16-server"])
@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["no-such-program"], 127, ["no-such-program", "no such program"]),
        (["."], 1, ["folder"]),
        (["--engine", "steam", "banner"], 2, ["steam", "reference"]),
        (["--no-such-option", "banner"], 2, ["no-such-option", "--help"]),
        (["--date", "yesterday", "banner"], 2, ["yesterday", "1986"]),
        (["--root", "no/such/folder", "banner"], 1, ["no/such/folder"]),
        ([], 2, ["required: PROGRAM (try"]),
    ],
    ids=["not found", "folder", "engine", "option", "date", "root", "nothing"],
)
def test_mistakes_are_one_line(
    code: str, arguments: list[str], status: int, words: list[str]
) -> None:
    """Prevents tracebacks and riddles for what users really do wrong."""
    free = ("--port", "0") if code == SERVE else ()  # somebody may be at the usual port
    done = run(*free, *arguments, code=code)
    assert done.returncode == status
    assert done.stdout == ""
    assert_one_line(done.stderr, *words)


@pytest.mark.parametrize("code", [RUN, SERVE], ids=["blink16", "blink16-server"])
def test_help_and_version_help(code: str) -> None:
    """Prevents a --help without examples, and a --version that isn't the package's."""
    told = run("--help", code=code)
    assert told.returncode == 0
    assert "examples:" in told.stdout
    assert "--writable" in told.stdout
    assert __version__ in run("--version", code=code).stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("arguments", [["banner", "HI"], ["--help"]], ids=["program", "help"])
def test_a_full_disk_is_one_line(arguments: list[str]) -> None:
    """Prevents losing output in silence, and Python's complaints at exit."""
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        done = subprocess.run(
            command(RUN, *arguments),
            stdout=full,
            stderr=subprocess.PIPE,
            cwd=PROJECT,
            env=ENVIRONMENT,
            timeout=TIMEOUT,
            check=False,
        )
    assert done.returncode == 1
    assert_one_line(done.stderr.decode(), "No space left")


def test_a_reader_that_leaves_early_is_no_error(com: Path) -> None:
    """Prevents `blink16 prog | head -1` from complaining."""
    (com / "much.com").write_bytes(bytes.fromhex("b22ab402cd21ebf8"))  # print '*' for ever
    done = subprocess.run(
        ["sh", "-c", f"{sys.executable} -c '{RUN}' much | head -c 3"],
        capture_output=True,
        cwd=com,
        env=ENVIRONMENT,
        timeout=TIMEOUT,
        check=False,
    )
    assert done.stdout == b"***"
    assert done.stderr == b""


# -- blink16-server --------------------------------------------------------------------------


def test_a_port_in_use_is_one_line() -> None:
    """Prevents a traceback when yesterday's server still runs."""
    with Talker(command(SERVE, "--port", "0", "banner"), environment=ENVIRONMENT) as first:
        port = first.expect(r"Listening on .*\n").rpartition(":")[2].strip()
        done = run("--port", port, "banner", code=SERVE)
    assert done.returncode == 1
    assert_one_line(done.stderr, port, "in use")


@pytest.mark.parametrize("port", ["65536", "-1", "http", "1.5", "²"])
def test_a_port_is_a_number(port: str) -> None:
    """Prevents an OverflowError from the socket layer."""
    done = run(f"--port={port}", "banner", code=SERVE)
    assert done.returncode == 2
    assert_one_line(done.stderr, "65535")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_server_ends_cleanly_on(number: signal.Signals) -> None:
    """Prevents a server that init systems must kill, or that ends in a traceback."""
    with Talker(command(SERVE, "--port", "0", "banner"), environment=ENVIRONMENT) as server:
        server.expect(r"^Listening on 127\.0\.0\.1:\d+\n")
        server.signal(number)
        assert server.wait() == 0
        assert server.expect_end() == ""


def test_listening_beyond_this_computer_warns() -> None:
    """Prevents opening the machine to the network without saying so."""
    options = ("--listen", "0.0.0.0", "--port", "0", "banner")
    with Talker(command(SERVE, *options), environment=ENVIRONMENT) as server:
        said = server.expect(r"Listening on 0\.0\.0\.0:\d+\n")
    assert "warning" in said


def test_contradicting_options_are_one_line(com: Path) -> None:
    """Prevents options that are ignored in silence."""
    for options, word in (
        (["--stdio", "--port", "1", "forever"], "--port"),
        (["--stdio", "--listen", "::1", "forever"], "--listen"),
        (["--listen", "unix:s", "--port", "1", "forever"], "no port"),
        (["--replay", "r", "forever"], "PROGRAM"),
    ):
        done = run(*options, code=SERVE, cwd=com)
        assert done.returncode == 2
        assert_one_line(done.stderr, word)


@pytest.mark.parametrize("size", ["", "-1", "1.5G", "256 M", "256T", "9999999999G", "M"])
def test_a_size_is_a_number_with_a_unit(size: str) -> None:
    """Prevents sizes that mean something else than the user thinks."""
    done = run(f"--history-memory={size}", "banner", code=SERVE)
    assert done.returncode == 2
    assert_one_line(done.stderr, "256M")


def test_a_history_too_small_is_one_line() -> None:
    """Prevents a server that starts and can't go back."""
    done = run("--port", "0", "--history-memory", "100K", "banner", code=SERVE)
    assert done.returncode == 2
    assert_one_line(done.stderr, "MiB at least")


def test_recordings_that_can_not_be_are_one_line(com: Path) -> None:
    """Prevents overwriting a recording, and riddles about files that are none."""
    (com / "there").write_bytes(b"precious")
    for options, words in (
        (["--record", "there", "forever"], ["there", "exists"]),
        (["--record", "no/where", "forever"], ["no/where", "No such"]),
        (["--replay", "there"], ["there", "no recording"]),
        (["--replay", "nothing"], ["nothing", "No such"]),
    ):
        done = run("--port", "0", *options, code=SERVE, cwd=com)
        assert done.returncode == 1
        assert_one_line(done.stderr, *words)
    assert (com / "there").read_bytes() == b"precious"


def test_a_damaged_recording_is_shown_with_a_warning(com: Path) -> None:
    """Prevents losing a whole session to a damaged end, and not saying that it is damaged."""
    with Talker(
        command(SERVE, "--port", "0", "--record", "rec", "forever"),
        cwd=com,
        environment=ENVIRONMENT,
    ) as server:
        server.expect("Listening")
        server.signal(signal.SIGTERM)
        assert server.wait() == 0
    with (com / "rec").open("ab") as file:
        file.write(b"damage")
    with Talker(
        command(SERVE, "--port", "0", "--replay", "rec"), cwd=com, environment=ENVIRONMENT
    ) as server:
        assert_one_line(server.expect(r"warning.*\n"), "rec", "damaged")
        server.expect("Listening")


def test_a_symbol_file_of_no_use_is_one_line(com: Path) -> None:
    """Prevents a server without the names that its user asked for."""
    (com / "noise").write_bytes(bytes(range(256)))
    for option, word in (
        ("noise", "no symbol file"),
        ("nothing.map", "can't read it"),
        ("noise,text=xyz", "SEGMENT"),
    ):
        done = run("--port", "0", "--symbols", option, "forever", code=SERVE, cwd=com)
        assert done.returncode == 2
        assert_one_line(done.stderr, word)


def test_a_socket_file_left_behind_is_taken_over(com: Path) -> None:
    """Prevents a server that was killed from keeping the next one from starting."""
    serve = command(SERVE, "--listen", "unix:socket", "forever")
    with Talker(serve, cwd=com, environment=ENVIRONMENT) as first:
        first.expect("Listening on unix:socket\n")
        assert_one_line(run(*serve[3:], code=SERVE, cwd=com).stderr, "socket", "in use")
        first.process.kill()
        first.wait()
    assert (com / "socket").is_socket()
    with Talker(serve, cwd=com, environment=ENVIRONMENT) as second:
        second.expect("Listening on unix:socket\n")


def test_a_file_is_never_taken_for_a_socket(com: Path) -> None:
    """Prevents removing a user's file whose name was mistyped."""
    done = run("--listen", "unix:forever.com", "forever", code=SERVE, cwd=com)
    assert done.returncode == 1
    assert_one_line(done.stderr, "no socket")
    assert (com / "forever.com").read_bytes() == FOREVER
    long = run("--listen", f"unix:{'x' * 300}", "forever", code=SERVE, cwd=com)
    assert_one_line(long.stderr, "too long")


def test_standard_streams_end_with_their_client(com: Path) -> None:
    """Prevents a server that stays behind when its gdb has gone."""
    done = run("--stdio", "forever", code=SERVE, cwd=com, stdin=b"$?#3f$D#44")
    assert done.returncode == 0
    assert done.stdout.startswith("+$T05")
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("machine", "words"),
    [
        ("no-such-program x", ["no-such-program", "no such program"]),
        ("'forever", ["quotation"]),
        (" ", ["needs a program"]),
    ],
)
def test_a_machine_that_can_not_be_is_one_line(com: Path, machine: str, words: list[str]) -> None:
    """Prevents a server that starts with fewer machines than its user asked for."""
    done = run("--port", "0", "--machine", machine, "forever", code=SERVE, cwd=com)
    assert done.returncode in (2, 127)
    assert_one_line(done.stderr, *words)
