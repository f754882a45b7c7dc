"""Consent records as strict JSON: what cannot be read whole is not read at all."""

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from livecam.core.persona import Basis, Consent
from livecam.errors import PersonaError

LONGEST_SUBJECT: Final = 200
_KEYS = frozenset({"basis", "subject", "recorded", "photo_digests"})
_DIGEST = re.compile(r"[0-9a-f]{64}")


def record(basis: Basis, subject: str, photo_digests: Sequence[str], now: datetime | None = None) -> Consent:
    """A new record, stamped with `now` or the present time in UTC.

    Raises:
        PersonaError: `subject` is no short line of text.
    """
    if len(subject) > LONGEST_SUBJECT or not subject.isprintable():
        raise PersonaError(f"The subject must be one line of at most {LONGEST_SUBJECT} characters.")
    stamp = (now or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="seconds")
    return Consent(basis, subject, stamp, tuple(photo_digests))


def to_json(consent: Consent) -> str:
    """The record as JSON text."""
    content = {
        "basis": str(consent.basis),
        "subject": consent.subject,
        "recorded": consent.recorded,
        "photo_digests": list(consent.photo_digests),
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def from_json(text: str, place: str) -> Consent:
    """Read `to_json`'s text back.

    Args:
        text: JSON.
        place: File, for messages.

    Raises:
        PersonaError: A key is missing, unknown or of the wrong type or form.
    """
    try:
        content: object = json.loads(text)
    except (ValueError, RecursionError):
        raise _unusable(place, "it is not JSON") from None
    if not isinstance(content, dict) or set(content) != _KEYS:
        raise _unusable(place, f"it must have exactly the keys {', '.join(sorted(_KEYS))}")
    texts = [content[key] for key in ("basis", "subject", "recorded")]
    digests = content["photo_digests"]
    if not all(isinstance(text, str) for text in texts) or not _are_digests(digests):
        raise _unusable(place, "a value has the wrong type")
    basis, subject, recorded = texts
    return Consent(_basis(basis, place), subject, _instant(recorded, place), tuple(digests))


def _are_digests(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) and _DIGEST.fullmatch(text) for text in value)


def _basis(text: str, place: str) -> Basis:
    try:
        return Basis(text)
    except ValueError:
        raise _unusable(place, f"its basis {text!r} is none of {', '.join(Basis)}") from None


def _instant(text: str, place: str) -> str:
    try:
        has_zone = datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        has_zone = False
    if not has_zone:
        raise _unusable(place, f"{text!r} is no time with a time zone")
    return text


def _unusable(place: str, reason: str) -> PersonaError:
    return PersonaError(f"The consent record {place} cannot be used: {reason}.", "Add the persona again.")
