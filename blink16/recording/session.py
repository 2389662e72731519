"""From a program to its recording, and from a recording to a debugger."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from blink16.debugger import Debugger
from blink16.history.checkpoints import DEFAULT_LIMIT
from blink16.history.terms import STUMBLES
from blink16.hostfs.hostfolder import HostAnswers
from blink16.machine import Machine
from blink16.recording.launching import RecordedLaunch
from blink16.recording.reader import Recording
from blink16.recording.records import RecordingError
from blink16.recording.writer import Recorder
from blink16.setup import loader
from blink16.setup.loader import Loaded, LoadError, Options, Program
from blink16.setup.pc import PcSetup


def record(
    path: Path,
    program: Program,
    arguments: Sequence[str],
    options: Options,
    *,
    history_limit: int = DEFAULT_LIMIT,
) -> tuple[Loaded, Debugger, Recorder]:
    """Load a program and record its history from the first instruction on.

    Close the recorder at the end.  Its complaints go to the debugger's ``on_notice``.
    LoadError if the program can't be loaded, RecordingError if the file can't be written.
    """
    options = loader.shared(program, options)
    loaded = loader.load(program, arguments, options)
    machine = loaded.machine
    debugger = Debugger(machine, history_limit=history_limit)
    debugger.names.symbols = loaded.symbols
    debugger.send_scouts(partial(loader.alike, program, arguments, options))
    launch = RecordedLaunch(
        name=program.name,
        kind=program.kind.name,
        image=program.image,
        arguments=tuple(arguments),
        epoch_ns=options.epoch_ns,
        clock_hz=machine.clock_hz,
        cpu=machine.model.name,
        fpu=machine.registers.x87 is not None,
        network=options.network,
        real_calls=options.real_calls,
        dos=options.dos,
        console=options.console,
        setup=_setup_of(program, options),
    )
    assert options.answers is not None
    return loaded, debugger, _recorder(path, launch, debugger, options.answers)


def _setup_of(program: Program, options: Options) -> PcSetup:
    """Return what there is of a PC: around an ELKS program its speed alone."""
    if program.kind is not loader.ProgramKind.ELKS:
        return options.setup
    return PcSetup(options.setup.mhz)


def replay(
    recording: Recording, engine: str, *, history_limit: int = DEFAULT_LIMIT
) -> tuple[Loaded, Debugger]:
    """Return a recorded machine at its first instant, with all of its history ahead.

    It needs none of the program's files, and touches no file.  RecordingError if the recording
    holds no program that can be loaded.
    """
    # a copy: what the guest asks for beyond the recording is not part of it
    return _replay(recording, engine, dict(recording.answers), history_limit)


def record_again(
    path: Path,
    recording: Recording,
    engine: str,
    *,
    history_limit: int = DEFAULT_LIMIT,
) -> tuple[Loaded, Debugger, Recorder]:
    """Replay a recording, and record it anew with all that comes after or instead of its end.

    Raises RecordingError, also if the new file can't be written.
    """
    answers = dict(recording.answers)
    loaded, debugger = _replay(recording, engine, answers, history_limit)
    recorder = _recorder(path, recording.launch, debugger, answers)
    recorder.adopt(recording.inputs, recording.checkpoints)
    return loaded, debugger, recorder


def _recorder(
    path: Path, launch: RecordedLaunch, debugger: Debugger, answers: HostAnswers
) -> Recorder:
    recorder = Recorder(path, launch, debugger.timeline, answers)
    recorder.on_notice = lambda text: debugger.on_notice(text)
    recorder.bookmarks = debugger.bookmarks.all
    debugger.bookmarks.on_change = recorder.flush
    return recorder


def _replay(
    recording: Recording, engine: str, answers: HostAnswers, limit: int
) -> tuple[Loaded, Debugger]:
    launch = recording.launch
    try:
        program = Program(launch.name, loader.ProgramKind[launch.kind], launch.image)
        options = Options(
            root=None,
            engine=engine,
            cpu=launch.cpu,
            fpu=launch.fpu,
            epoch_ns=launch.epoch_ns,
            setup=launch.setup,
            dos=launch.dos,
            console=launch.console,
            network=launch.network,
            real_calls=launch.real_calls,
            answers=answers,
        )
        loaded = loader.load(program, launch.arguments, options)
    except LoadError as error:
        raise RecordingError(f"the recorded program can't be loaded: {error}") from None
    except STUMBLES as error:
        raise RecordingError(f"its launch makes no sense: {error!r:.100}") from error
    loaded.machine.clock_hz = launch.clock_hz
    timeline = recording.play(loaded.machine, limit=limit)
    debugger = Debugger(loaded.machine, timeline=timeline)
    debugger.names.symbols = loaded.symbols

    def make() -> Machine:
        machine = loader.alike(program, launch.arguments, options)
        machine.clock_hz = launch.clock_hz
        return machine

    debugger.send_scouts(make)
    for icount, name in recording.bookmarks:
        debugger.bookmarks.set(icount, name)
    return loaded, debugger
