"""Which licences the user has accepted: asked once for each network and wording of its terms, and written down.

The record is a JSON file among what must not be lost, and is only ever added to: it shows an audit who agreed to what,
and when. A changed number in a recipe does not ask again; a changed licence does.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Final

from livecam.errors import ModelError
from livecam.inference.files import private_folder, write_whole
from livecam.inference.lock import locked
from livecam.inference.model import Model
from livecam.inference.recipe import Licence

ACCEPTED: Final = "accepted"
REFUSED: Final = "refused"
_LOCK_LIMIT_S: Final = 10.0
_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Answer:
    """What a user said to a licence.

    Attributes:
        model: Name of the network.
        licence: Name of the licence.
        terms: SHA-256 of the terms as they were shown.
        recipe: SHA-256 of the recipe that said so.
        at: When, UTC, ISO 8601.
        answer: `ACCEPTED` or `REFUSED`.
        how: In what way it was given, such as ``asked`` or ``--accept-licence``.
    """

    model: str
    licence: str
    terms: str
    recipe: str
    at: str
    answer: str
    how: str


def book_path(data: Path) -> Path:
    """Where answers are written down, under the user's data folder."""
    return data / "licences.json"


def terms_of(licence: Licence) -> str:
    """The terms as they are shown, one fact a line."""
    commercial = "allowed" if licence.commercial else "NOT allowed"
    lines = [f"Licence: {licence.name}, granted by {licence.holder}", f"Commercial use: {commercial}"]
    lines += [f"Limits: {licence.limits}"] if licence.limits else []
    return "\n".join([*lines, f"Full text: {licence.text}"])


def answers(book: Path) -> tuple[Answer, ...]:
    """All that was ever answered, oldest first.

    Raises:
        ModelError: The record is there but cannot be read; it is never overwritten then.
    """
    try:
        held: object = json.loads(book.read_text(encoding="utf-8"))
        if not isinstance(held, dict) or held["version"] != _VERSION:
            raise ValueError(f"it is not of version {_VERSION}")
        return tuple(_answer(entry) for entry in held["answers"])
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ModelError(
            f"The record of accepted licences {book} cannot be read: {reason}.",
            "Mend it or move it away; you will be asked again.",
        ) from error


def acceptance(model: Model, book: Path) -> Answer | None:
    """How the licence of `model`, as it now is, was accepted; none if it was not, or if the last word was no.

    Raises:
        ModelError: From `answers`.
    """
    terms = _digest(model)
    said = [entry for entry in answers(book) if (entry.model, entry.terms) == (model.name, terms)]
    return said[-1] if said and said[-1].answer == ACCEPTED else None


def by_terms(models: Iterable[Model]) -> list[tuple[Licence, list[Model]]]:
    """`models` by their licence, so that each wording is asked for once."""
    groups: dict[Licence, list[Model]] = {}
    for model in models:
        groups.setdefault(model.licence, []).append(model)
    return list(groups.items())


def record(models: Sequence[Model], answer: str, how: str, book: Path, now: datetime | None = None) -> None:
    """Write down what the user said to the licences of `models`.

    Raises:
        ModelError: It cannot be written.
    """
    at = (now or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="seconds")
    new = [Answer(model.name, model.licence.name, _digest(model), model.digest, at, answer, how) for model in models]
    try:
        private_folder(book.parent)
        with locked(book.with_name(f".{book.name}.lock"), _LOCK_LIMIT_S):
            content = {"version": _VERSION, "answers": [asdict(entry) for entry in (*answers(book), *new)]}
            write_whole(book, (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode())
    except OSError as error:
        raise ModelError(
            f"Your answer cannot be written to {book}: {error.strerror or error}.",
            "Check the folder's permissions and the free space.",
        ) from error


def _digest(model: Model) -> str:
    return sha256(terms_of(model.licence).encode()).hexdigest()


def _answer(entry: object) -> Answer:
    if not isinstance(entry, dict) or not all(isinstance(value, str) for value in entry.values()):
        raise ValueError("an answer has the wrong form")
    return Answer(**entry)
