"""What the Tab key offers after a command or a flag."""

import click
from click.shell_completion import CompletionItem


def complete_persona(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem]:
    """The names of personas that begin like this."""
    return [CompletionItem(name) for name in _personas() if name.startswith(begun)]


def complete_words(ctx: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """Words of control, and after ``persona`` its names."""
    said = ctx.params.get(parameter.name or "") or ()
    if not said:
        from livecam.control.grammar import WORDS

        return [CompletionItem(name, help=word.summary) for name, word in WORDS.items() if name.startswith(begun)]
    if tuple(said) == ("persona",):
        return complete_persona(ctx, parameter, begun)
    return []


def _personas() -> tuple[str, ...]:
    # A completion never complains: the shell would print it into the line.
    from livecam.config import Paths
    from livecam.errors import LivecamError
    from livecam.faces.library import PersonaLibrary

    paths = Paths.find()
    try:
        return PersonaLibrary(paths.personas, {}, paths.prepared).names()
    except LivecamError:
        return ()
