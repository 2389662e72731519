"""Kills servers that record, and commits that are under way: ``python -m fuzz.kills``.

A recording that was killed opens, up to its last whole batch; an image is the old or the new one.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random

from blink16.history.checkpoints import MIN_LIMIT
from blink16.recording import open_recording, replay
from fuzz.harness import BrokenError
from fuzz.latency import Client
from fuzz.machines import LOOP

SIZE = 8 << 20
_SERVE = "from blink16.cli.main import server_main; raise SystemExit(server_main())"
_COMMIT = """
import sys
from pathlib import Path
from blink16 import hostfiles
print("go", flush=True)
while True:
    for byte in b"ab":
        hostfiles.replace_content(Path(sys.argv[1]), [bytes((byte,)) * (1 << 20)] * 8)
"""


def kill_recorder(folder: Path, random: Random) -> int:
    """Kill a server while it records; return how many instructions its recording has."""
    program, path = folder / "loop.com", folder / "rec"
    program.write_bytes(LOOP)
    words = ["--port", "0", "--console", "none", "--record", str(path), str(program)]
    server = subprocess.Popen(
        [sys.executable, "-c", _SERVE, *words], stderr=subprocess.PIPE, text=True
    )
    assert server.stderr is not None
    with server:
        line = server.stderr.readline()
        client = Client(int(line.rpartition(":")[2]))
        client.send(b"vCont;c")
        time.sleep(random.random() * 0.7)
        if random.random() < 0.5:
            client.socket.sendall(b"\x03")
            client.reply()
            client.send(b"M5000,2:4142", b"vCont;c")
            time.sleep(random.random() * 0.3)
        server.kill()
        client.socket.close()
    recording = open_recording(path)
    _, debugger = replay(recording, "auto", history_limit=MIN_LIMIT)
    timeline = debugger.timeline
    timeline.seek(timeline.start + (timeline.end - timeline.start) // 2)
    timeline.seek(timeline.end)
    path.unlink()
    return timeline.end


def kill_commit(folder: Path, random: Random) -> None:
    """Kill a process that replaces an image; BrokenError if it is neither the old nor the new."""
    image = folder / "image"
    image.write_bytes(b"b" * SIZE)
    child = subprocess.Popen(
        [sys.executable, "-c", _COMMIT, str(image)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    with child:
        child.stdout.readline()
        time.sleep(random.random() * 0.2)
        child.kill()
    content = image.read_bytes()
    if len(content) != SIZE or content.count(content[:1]) != SIZE:
        raise BrokenError("the image is a mixture")
    if len(list(folder.iterdir())) > 3:
        raise BrokenError(f"litter: {list(folder.iterdir())}")


def main() -> int:
    """Kill, and look at what is left."""
    parser = argparse.ArgumentParser(prog="python -m fuzz.kills", description=__doc__)
    parser.add_argument("--count", type=int, default=100, help="how often, of each")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--json", action="store_true", help="say the result in JSON")
    parsed = parser.parse_args()
    random, instructions = Random(parsed.seed), 0
    with tempfile.TemporaryDirectory() as name:
        for _ in range(parsed.count):
            kill_commit(Path(name), random)
            instructions += kill_recorder(Path(name), random)
    if parsed.json:
        print(json.dumps({"units": parsed.count, "unit": "kills of each", "faults": []}))
        return 0
    print(
        f"{parsed.count} recordings and {parsed.count} commits killed; {instructions} recorded"
        " instructions could be travelled through, and each image was whole"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
