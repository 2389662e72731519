"""A hook of mkdocs: reference pages made from the code, as the site is built."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from blink16.cli import manual
from blink16.dap import requests  # noqa: F401 - which registers them
from blink16.dap.registry import HANDLERS
from blink16.monitor.registry import COMMANDS
from blink16.reports.registry import REPORTS

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages."""
    from mkdocs.structure.files import File

    for name, make in PAGES.items():
        files.append(File.generated(config, f"reference/{name}.md", content=make()))
    return files


def options() -> str:
    """The options of every command."""
    about = "What each command takes, as its `--help` says."
    return "\n".join(["# Options", "", about, "", *map(manual.markdown, manual.parsers())])


def monitor() -> str:
    """The monitor commands."""
    lines = ["# Monitor commands", "", "Typed in gdb behind `monitor`, in LLDB behind `process"]
    lines += ["plugin packet monitor`, and in the view behind `:`.", ""]
    for name in sorted(COMMANDS):
        entry = COMMANDS[name]
        lines += [f"## {name}", "", f"    monitor {entry.usage}", "", entry.help, ""]
    return "\n".join(lines)


def reports() -> str:
    """The reports."""
    lines = [
        "# Reports",
        "",
        "What front ends show and gdb does not ask for: JSON objects, read by",
    ]
    lines += ["`qXfer:blink16:read:NAME`, in Python by `blink16.connect(…)`.", ""]
    for name in sorted(REPORTS):
        entry = REPORTS[name]
        lines += [f"## {name}", "", entry.help, "", *_fields("asked with", entry.query)]
        lines += _fields("tells", entry.shape)
    return "\n".join(lines)


def dap() -> str:
    """The requests of the debug adapter."""
    lines = ["# Requests of the debug adapter", "", "What `blink16-dap` answers; those that begin"]
    lines += ["with `blink16/` are its own.", "", "| request | what it does |", "|---|---|"]
    for command in sorted(HANDLERS):
        about = inspect.getdoc(HANDLERS[command].act) or ""
        lines.append(f"| `{command}` | {' '.join(about.partition(chr(10) * 2)[0].split())} |")
    return "\n".join([*lines, ""])


def _fields(title: str, shape: type[Any]) -> list[str]:
    names = [f"`{field.name}`: `{field.type}`" for field in fields(shape)]
    return [f"*{title}:* {', '.join(names)}", ""] if names else []


PAGES: Mapping[str, Callable[[], str]] = {
    "options": options,
    "monitor": monitor,
    "reports": reports,
    "dap": dap,
}
