"""``livecam man``: the manual page, made from the commands themselves."""

import re
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from typing import Final

import click

from livecam.cli.exits import CRASHED, INTERRUPTED
from livecam.cli.output import examples
from livecam.errors import DriverHangs

EXIT_CODES: Final = (
    (0, "It ended as asked."),
    (1, "It failed; the last line says why and what to do."),
    (2, "A flag, a setting or a word was not understood; nothing was begun."),
    (3, "`livecam service status`: the service does not run."),
    (4, "`livecam verify`: no mark was found, which proves nothing."),
    (CRASHED, "A bug in livecam, with a traceback."),
    (DriverHangs.exit_code, "A driver hangs, and livecam could not start itself anew (Windows): start it again."),
    (INTERRUPTED, "Ended by Ctrl-C, where that leaves something undone; `livecam run` ends with 0."),
)
"""Every exit code, and what it means."""

_FILES: Final = (
    ("~/.config/livecam/livecam.toml", "Every setting: `livecam config show` prints what is in force."),
    ("~/.local/share/livecam/", "Personas, recordings, own recipes, enrolments. LIVECAM_DATA names another."),
    ("~/.cache/livecam/", "Networks, and what can be made again. LIVECAM_CACHE names another."),
)


@click.command(
    "man",
    epilog=examples(
        "livecam man | man -l -",
        "livecam man > ~/.local/share/man/man1/livecam.1",
    ),
)
@click.pass_context
def man(ctx: click.Context) -> None:
    """Print the manual page of livecam and all its commands."""
    click.echo("\n".join(page(ctx.find_root().command)))


def page(root: click.Command) -> Iterator[str]:
    """The lines of the page: man(7)."""
    yield f'.TH LIVECAM 1 "" "livecam {version("livecam")}" "User Commands"'
    yield from (".SH NAME", r"livecam \- a camera that wears another face")
    yield from (".SH SYNOPSIS", r"\fBlivecam\fR \fICOMMAND\fR [\fIOPTION\fR...] [\fIARGUMENT\fR...]")
    yield from (".SH DESCRIPTION", *_paragraphs(root.help or ""))
    yield ".SH COMMANDS"
    yield from _command_tree(root, click.Context(root, info_name="livecam"))
    yield ".SH FILES"
    yield from _terms(_FILES)
    yield ".SH ENVIRONMENT"
    yield from _terms([("LIVECAM_SECTION_KEY", "Sets the setting KEY of [SECTION], as LIVECAM_FACE_PERSONA=ann.")])
    yield ".SH EXIT STATUS"
    yield from _terms([(str(code), meaning) for code, meaning in EXIT_CODES])


def _command_tree(command: click.Command, context: click.Context) -> Iterator[str]:
    """The commands under `command`, groups resolved."""
    if not isinstance(command, click.Group):
        return
    for name in command.list_commands(context):
        inner = command.get_command(context, name)
        assert inner is not None
        below = click.Context(inner, info_name=name, parent=context)
        if not isinstance(inner, click.Group):
            yield from _one(inner, below)
        yield from _command_tree(inner, below)


def _one(command: click.Command, context: click.Context) -> Iterator[str]:
    usage = " ".join(command.collect_usage_pieces(context))
    yield f".SS {_escaped(context.command_path)} {_escaped(usage)}"
    yield from _paragraphs(command.help or "")
    records = [parameter.get_help_record(context) for parameter in command.get_params(context)]
    yield from _terms([record for record in records if record is not None and record[1] and record[0] != "--help"])
    lines = [line.strip() for line in (command.epilog or "").splitlines()[2:]]
    if lines:
        yield from (".PP", "Examples:", ".nf", *(_escaped(f"    {line}") for line in lines), ".fi")


def _terms(pairs: Iterable[tuple[str, str]]) -> Iterator[str]:
    for term, meaning in pairs:
        yield from (".TP", rf"\fB{_escaped(term)}\fR", _escaped(" ".join(meaning.split())))


def _paragraphs(text: str) -> Iterator[str]:
    for number, part in enumerate(re.split(r"\n\s*\n", text.strip())):
        if number:
            yield ".PP"
        yield _escaped(" ".join(part.replace("\b", "").split()))


def _escaped(text: str) -> str:
    """`text` so that roff shows it as it is."""
    shown = text.replace("\\", r"\e").replace("-", r"\-")
    return rf"\&{shown}" if shown.startswith((".", "'")) else shown
