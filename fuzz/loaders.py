"""Damages program files and disk images."""

from __future__ import annotations

from random import Random

from blink16.setup.loader import LoadError
from fuzz.harness import Case, Fuzzer
from fuzz.machines import KINDS, image_of, load

RUN = 50
"""Instructions that a program runs which could be loaded."""
_EDGES = (0, 1, 2, 0x7F, 0x80, 0xFF, 0xFFFF, 0x8000, 0x7FFF, 0x100, 0xFFF0)


def mutated(random: Random, image: bytes) -> bytes:
    """Return an image with some damage: words at the edges, cuts, copies, noise."""
    data = bytearray(image)
    for _ in range(random.randint(1, 6)):
        at = random.randrange(min(len(data), 80)) if random.random() < 0.8 and data else 0
        at = at if random.random() < 0.9 or not data else random.randrange(len(data))
        match random.randrange(6):
            case 0:
                data[at : at + 2] = random.choice(_EDGES).to_bytes(2, "little")
            case 1:
                data[at : at + 1] = bytes((random.randrange(256),))
            case 2:
                del data[random.randrange(len(data) + 1) :]
            case 3:
                data[at:at] = data[: random.randrange(64)]
            case 4:
                data += random.randbytes(random.randrange(600))
            case _:
                data[at : at + 4] = random.randbytes(4)
    return bytes(data)


def generate(random: Random) -> Case:
    """Damage one small program of a kind, or say that it is of another kind."""
    kind = random.choice(KINDS)
    image = mutated(random, image_of(kind))
    said = kind if random.random() < 0.9 else random.choice(KINDS)
    return [said, image.hex()]


def run(case: Case) -> int:
    """Load it; what can be loaded runs a little."""
    kind, image = case
    try:
        loaded = load(kind, "reference", image=bytes.fromhex(image))
    except LoadError:
        return 1
    loaded.machine.run(RUN, through_traps=True)
    return 1


FUZZER = Fuzzer(
    "loaders",
    "Any file is a machine that runs, or a LoadError, within a second.",
    "files",
    generate,
    run,
)
