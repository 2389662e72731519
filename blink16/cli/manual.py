"""What the parsers know of the commands' options, as pages: Markdown, and troff for ``man``.

Whatever the parsers say is said here in the same words, so that no page can lag behind.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from importlib import import_module
from typing import NamedTuple

from blink16 import __version__
from blink16.cli import parsing
from blink16.cli.ask import with_questions
from blink16.cli.options import ASK, RUN, SERVER

FRONT_ENDS = ("dap", "mcp", "blinkenlights")
"""Rooms with a command of their own, which know nothing of this one."""


class OptionText(NamedTuple):
    """An option, or an argument, in words."""

    usage: str
    """As it is typed: ``--port N``."""
    help: str


class OptionGroup(NamedTuple):
    """Options under a title."""

    title: str
    options: tuple[OptionText, ...]


def parsers() -> list[argparse.ArgumentParser]:
    """Return the parser of each command."""
    ours = (RUN, SERVER, with_questions(ASK))
    front_ends = (import_module(f"blink16.{room}.main") for room in FRONT_ENDS)
    return [*map(parsing.parser, ours), *(front_end.parser() for front_end in front_ends)]


def groups(parser: argparse.ArgumentParser) -> tuple[OptionGroup, ...]:
    """Return a command's options as its help groups them."""
    found = []
    for group in parser._action_groups:
        options = tuple(_options(parser, group))
        if options:
            found.append(OptionGroup(group.title or "options", options))
    return tuple(found)


def _options(
    parser: argparse.ArgumentParser, group: argparse._ArgumentGroup
) -> Iterator[OptionText]:
    formatter = argparse.HelpFormatter(parser.prog)
    for action in group._group_actions:
        if action.help is argparse.SUPPRESS:
            continue
        usage = formatter._format_action_invocation(action)
        text = formatter._expand_help(action) if action.help else ""
        yield OptionText(usage, " ".join(text.split()))


def synopsis(parser: argparse.ArgumentParser) -> str:
    """Return how a command is called, in one line."""
    words = [parser.prog, "[OPTIONS]"]
    words += [str(action.metavar or action.dest) for action in parser._get_positional_actions()]
    return " ".join(words)


def markdown(parser: argparse.ArgumentParser) -> str:
    """Return a command's options as a page's section."""
    lines = [f"## {parser.prog}", "", parser.description or "", ""]
    lines += [f"    {synopsis(parser)}", ""]
    for group in groups(parser):
        lines += [f"### {parser.prog}: {group.title}", "", "| option | what it does |", "|---|---|"]
        lines += [f"| {_code(usage)} | {_cell(text)} |" for usage, text in group.options]
        lines.append("")
    if parser.epilog:
        lines += [f"    {line}".rstrip() for line in parser.epilog.strip().splitlines()]
    return "\n".join([*lines, ""])


def _code(text: str) -> str:
    return f"`{text.replace('|', chr(0x2223))}`"  # a table's bar can't be in a cell


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")


def troff(parser: argparse.ArgumentParser) -> str:
    """Return a command's page for section 1 of the manual, in the macros of man(7)."""
    name = parser.prog
    lines = [f'.TH {name.upper()} 1 "" "blink16 {__version__}" "User Commands"']
    lines += [".SH NAME", f"{_escape(name)} \\- {_escape(_first(parser.description or ''))}"]
    lines += [".SH SYNOPSIS", f".B {_escape(synopsis(parser))}"]
    lines += [".SH DESCRIPTION", _escape(parser.description or "")]
    for group in groups(parser):
        lines.append(f".SH {_escape(group.title.upper())}")
        for usage, text in group.options:
            lines += [".TP", f".B {_escape(usage)}", _escape(text)]
    if parser.epilog:
        lines += [".SH NOTES", ".nf", *map(_escape, parser.epilog.strip().splitlines()), ".fi"]
    return "\n".join([*lines, ""])


def _first(text: str) -> str:
    """Return the first sentence as the NAME section has it: small at first, and no dot."""
    sentence = text.partition(".")[0]
    return sentence[:1].lower() + sentence[1:]


def _escape(text: str) -> str:
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{text}" if text.startswith((".", "'")) else text
