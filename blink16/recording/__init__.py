"""Recordings: a machine's start, its inputs and some checkpoints in a file, as they come."""

from blink16.recording.launching import RecordedLaunch
from blink16.recording.reader import Recording, open_recording
from blink16.recording.records import RecordingError
from blink16.recording.session import record, record_again, replay
from blink16.recording.writer import Recorder

__all__ = [
    "RecordedLaunch",
    "Recorder",
    "Recording",
    "RecordingError",
    "open_recording",
    "record",
    "record_again",
    "replay",
]
