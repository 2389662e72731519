"""Tools: each is a function of a desk and its own arguments; its docstring is what is told of it.

`tool` puts it into the registry.  The arguments' types and docstring become the schema that an
assistant sees, by the SDK.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar, get_type_hints

if TYPE_CHECKING:
    from blink16.mcp.desk import Desk

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Tool:
    """How a tool is called, and what it may do."""

    name: str
    act: Callable[..., Any]
    changes: bool
    """Whether it changes a machine other than by letting it run."""


TOOLS: dict[str, Tool] = {}


def tool(
    *, changes: bool = False
) -> Callable[[Callable[Concatenate[Desk, P], R]], Callable[Concatenate[Desk, P], R]]:
    """Register a function as the tool of its name."""

    def register(
        act: Callable[Concatenate[Desk, P], R],
    ) -> Callable[Concatenate[Desk, P], R]:
        name = act.__name__.rstrip("_")
        if name in TOOLS:
            raise ValueError(f"there is a tool {name} already")
        TOOLS[name] = Tool(name, act, changes)
        return act

    return register


def bound(desk: Desk, one: Tool, failure: Callable[[str], Exception]) -> Callable[..., Any]:
    """Return a tool's function for a desk, as the SDK wants it: its errors are ``failure``."""
    from blink16.mcp.desk import FAILURES

    @wraps(one.act)
    def act(*args: Any, **kwargs: Any) -> Any:
        try:
            return one.act(desk, *args, **kwargs)
        except FAILURES as error:
            raise failure(str(error) or type(error).__name__) from None

    signature = inspect.signature(one.act)
    hints = get_type_hints(one.act, localns={"Desk": object})
    parameters = [
        parameter.replace(annotation=hints[parameter.name])
        for parameter in list(signature.parameters.values())[1:]
    ]
    act.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=parameters, return_annotation=hints.get("return")
    )
    del hints["desk"]
    act.__annotations__ = hints
    del act.__wrapped__
    return act
