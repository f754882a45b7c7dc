"""``livecam studio models``, ``register``, ``convert`` and ``forget``: the studio's weights, which users bring."""

import textwrap
from collections.abc import Mapping
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Final

import click

from livecam.cli.flags import config_option
from livecam.cli.models_shared import can_ask, told_size
from livecam.cli.output import Json, examples, json_option, print_json
from livecam.cli.progress import progress_shown
from livecam.config import Paths, load
from livecam.errors import ConfigError, StudioError

if TYPE_CHECKING:
    from livecam.studio.layouts import Layout, Part
    from livecam.studio.registering import Found
    from livecam.studio.weights import State

_FILE: Final = click.Path(path_type=Path)

_WIDTH: Final = 110
"""Columns at most."""

_INDENT: Final = " " * 13


@click.command(
    "models",
    epilog=examples(
        "livecam studio models", "livecam studio models --verify   read every file", "livecam studio models --json"
    ),
)
@click.option("--verify", is_flag=True, help="Read every registered file whole, and compare its digest.")
@json_option
@config_option
@click.pass_context
def models(ctx: click.Context, verify: bool, as_json: bool, config_file: Path | None) -> None:
    """List the studio's backends: what each is made of, under which terms, and what of it is registered here.

    The exit code is 1 when something that was registered cannot be used.
    """
    from livecam.studio.weights import states

    paths = load(path=config_file).paths
    found = list(states(paths))
    problems = {state.name: state.problem or (_verified(state, paths) if verify else "") for state in found}
    rows = [_row(state, problems[state.name]) for state in found]
    if as_json:
        print_json(rows)
    else:
        for state in found:
            _print(state, problems[state.name])
        click.echo("\nNothing is fetched: get the files yourself where it says, and read the terms there.")
    ctx.exit(1 if any(problems.values()) else 0)


def _verified(state: "State", paths: Paths) -> str:
    """What is wrong with what is registered, every file of it read; "" if nothing is."""
    from livecam.studio.weights import weights_of

    if state.lock is None:
        return ""
    try:
        with progress_shown() as progress:
            weights_of(state.name, paths, progress, fresh=True)
    except StudioError as error:
        return str(error)
    return ""


def _row(state: "State", problem: str) -> Mapping[str, Json]:
    from livecam.studio.backends import CAPS
    from livecam.studio.published import LAYOUTS

    caps, layout = CAPS[state.name], LAYOUTS.get(state.name)
    parts = state.lock.parts if state.lock else {}
    return {
        "name": caps.name,
        "base": caps.base,
        "licence": caps.licence,
        "commercial": caps.commercial,
        "test": caps.test,
        "ready": not layout or (bool(parts) and not problem),
        "problem": problem,
        "registered": {name: part.path for name, part in parts.items()},
        "size": state.size,
        "accepted": state.lock.accepted if state.lock else "",
        "parts": [_part_row(part) for part in (layout.base, *layout.parts.values())] if layout else [],
        "without_public_weights": {str(slot): told for slot, told in layout.missing.items()} if layout else {},
    }


def _part_row(part: "Part") -> Mapping[str, Json]:
    return {
        "name": str(part.name),
        "what": part.what,
        "source": part.source,
        "file": part.file,
        "licence": part.licence.name,
        "commercial": part.licence.commercial,
        "limits": part.licence.limits,
        "pickle": part.pickled,
        "needs": list(part.needs),
        "recogniser": part.recogniser,
        "bytes_at_16_bit": 2 * part.parameters,
    }


def _print(state: "State", problem: str) -> None:
    from livecam.studio.backends import CAPS
    from livecam.studio.published import LAYOUTS
    from livecam.studio.terms import DEFAULT

    caps, layout = CAPS[state.name], LAYOUTS.get(state.name)
    kind = "; the default" if caps.name == DEFAULT else "; for tests, its pictures are marked TEST" if caps.test else ""
    click.echo(f"\n{caps.name}: {caps.base}{kind}")
    if layout is None:
        _print_line("", "It needs no weights, and is ready where the extra is installed.")
        return
    for part in (layout.base, *layout.parts.values()):
        _print_line(part.name, _part_told(part))
        if state.lock and part.name in state.lock.parts:
            # In one piece, whatever its length: it is there to be copied.
            click.echo(f"{_INDENT}Registered: {state.lock.parts[part.name].path}")
    for slot, told in layout.missing.items():
        _print_line(slot, f"no public weights. {told}")
    _print_line("status", _status(state, layout, problem))


def _print_line(name: str, told: str) -> None:
    width = max(60, min(_WIDTH, get_terminal_size().columns))
    # What files are called is there to be copied.
    lines = textwrap.wrap(told, width - len(_INDENT), break_on_hyphens=False, break_long_words=False)
    for head, line in zip((f"  {name:<11}", *(_INDENT for _ in lines)), lines, strict=False):
        click.echo(head + line)


def _part_told(part: "Part") -> str:
    terms = "" if part.licence.commercial else ", NOT for commercial use"
    facts = [
        f"{2 * part.parameters / 1e9:.1f} GB at 16 bit" if part.parameters else "",
        f"needs {', '.join(part.needs)}" if part.needs else "",
        "a pickle, to be converted" if part.pickled else "",
        f"made for the vectors of {part.recogniser}" if part.recogniser else "",
    ]
    place = ", ".join(told for told in (part.source, part.file) if told)
    return "; ".join(told for told in (f"{part.what} ({part.licence.name}{terms})", place, *facts) if told)


def _status(state: "State", layout: "Layout", problem: str) -> str:
    from livecam.studio.locks import register_command

    if problem:
        return f"cannot be used. {problem}"
    if state.lock is None:
        return f"not registered. See: {register_command(layout.name)}"
    return f"registered {state.lock.accepted}, {told_size(state.size)}"


def _extras(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> Mapping[str, Path]:
    given: dict[str, Path] = {}
    for value in values:
        name, separator, path = value.partition("=")
        if not (name and separator and path) or name in given:
            raise click.BadParameter(f"'{value}' is not NAME=FILE, or names an extra twice.")
        given[name] = Path(path)
    return given


@click.command(
    epilog=examples(
        "livecam studio register klein4b --base ~/models/FLUX.2-klein-4B",
        "livecam studio register flux1 --base FLUX.1-dev --attention pulid.safetensors --extra eva=eva.safetensors",
        "livecam studio register sdxl-instantid --base SDXL --landmarks IdentityNet --extra resampler=r.safetensors",
    )
)
@click.argument("backend")
@click.option("--base", type=_FILE, required=True, metavar="FOLDER", help="The base model, in diffusers' layout.")
@click.option("--tokens", type=_FILE, metavar="FILE", help="What fills the slot tokens: an IP-Adapter.")
@click.option("--attention", type=_FILE, metavar="FILE", help="What fills the slot attention: PuLID.")
@click.option(
    "--landmarks", type=_FILE, metavar="FOLDER", help="What fills the slot landmarks: a ControlNet of identity."
)
@click.option("--extra", "extras", multiple=True, callback=_extras, metavar="NAME=FILE", help="What an adapter needs.")
@click.option("--accept-licence", is_flag=True, help="Accept the terms that are shown, without being asked.")
@click.option("--verify", is_flag=True, help="Read files again that look as they did when they were last read.")
@config_option
def register(
    backend: str,
    base: Path,
    tokens: Path | None,
    attention: Path | None,
    landmarks: Path | None,
    extras: Mapping[str, Path],
    accept_licence: bool,
    verify: bool,
    config_file: Path | None,
) -> None:
    """Lock the files of a backend, which you fetched yourself: check them, show their terms, remember their digests.

    They stay where they are, and are used only while they are what they were. See: livecam studio models
    """
    from livecam.studio import registering

    paths = load(path=config_file).paths
    slots = {"tokens": tokens, "attention": attention, "landmarks": landmarks}
    given = {"base": base, **{name: path for name, path in slots.items() if path is not None}, **extras}
    found = registering.look(backend, given)
    how = _agreed(found, accept=accept_licence)
    with progress_shown() as progress:
        lock = registering.register(found, paths, how, progress, fresh=verify)
    click.echo(f"Registered {backend}: {', '.join(lock.parts)} ({told_size(found.size)}).")


def _agreed(found: "Found", *, accept: bool) -> str:
    """Show the terms; how they were agreed to.

    Raises:
        ConfigError: Nobody can be asked.
        StudioError: The user refused.
    """
    from livecam.studio.registering import ACCEPTED, ASKED, SHOWN

    click.echo(f"{found.terms}\n")
    if accept:
        return ACCEPTED
    if not found.layout.opt_in:
        return SHOWN
    if not can_ask():
        raise ConfigError(
            f"The terms of {found.layout.name} have to be accepted, and nobody can be asked here.",
            f"Read them above, then add {ACCEPTED}.",
        )
    if not click.confirm("Have you read the licences where they are, and do you accept these terms?"):
        raise StudioError(f"Nothing was registered: the terms of {found.layout.name} were not accepted.")
    return ASKED


@click.command(
    epilog=examples("livecam studio convert ip-adapter.bin", "livecam studio convert eva.pt eva.safetensors")
)
@click.argument("source", type=_FILE)
@click.argument("target", type=_FILE, required=False)
def convert(source: Path, target: Path | None) -> None:
    """Turn a published pickle of tensors (.bin, .pt, .pth) into a .safetensors file beside it, or at TARGET.

    It is read in a process of its own, by torch's reader for tensors alone, without a network.
    """
    from livecam.studio.convert import convert as convert_file

    with progress_shown() as progress:
        done = convert_file(source, target or source.with_suffix(".safetensors"), progress)
    click.echo(f"Wrote {done.target}: {done.tensors} tensors, {told_size(done.size)}.")
    if not done.alone:
        click.echo(
            "This system did not let the reading process give up the network; nothing else was let in.", err=True
        )


@click.command(epilog=examples("livecam studio forget flux1"))
@click.argument("backend")
@config_option
def forget(backend: str, config_file: Path | None) -> None:
    """Forget what was registered for a backend, its acceptance too. The weights stay where they are."""
    from livecam.studio.backends import caps_of
    from livecam.studio.locks import forget as forget_lock

    name = caps_of(backend).name
    was_there = forget_lock(name, load(path=config_file).paths)
    click.echo(f"Forgot {name}; its files were left alone." if was_there else f"Nothing was registered for {name}.")
