"""The tools of an assistant, a file a group; importing them registers them."""

from blink16.mcp.tools import asking, changing, looking, machines, moving, past, screen

__all__ = ["asking", "changing", "looking", "machines", "moving", "past", "screen"]
