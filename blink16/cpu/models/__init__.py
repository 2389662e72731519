"""The processors that there are, by name: each a map, the semantics that differ, and few facts."""

from __future__ import annotations

from blink16.cpu.model import Model
from blink16.cpu.models.i8086 import I8086, I8088
from blink16.cpu.models.i80186 import I80186
from blink16.cpu.models.i80286 import I80286

MODELS: dict[str, Model] = {model.name: model for model in (I8086, I8088, I80186, I80286)}
DEFAULT = I8086


def find(name: str) -> Model:
    """Return the model of a processor; ValueError if there is none of that name."""
    if name not in MODELS:
        raise ValueError(f"there is no processor {name!r}; there are: {', '.join(MODELS)}")
    return MODELS[name]
