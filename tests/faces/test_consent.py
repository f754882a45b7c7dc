"""Consent records survive JSON and are refused when anything is off."""

import json
from datetime import UTC, datetime

import pytest

from livecam.core.persona import Basis, Consent
from livecam.errors import PersonaError
from livecam.faces.consent import from_json, record, to_json

DIGEST = "ab" * 32


def test_round_trip() -> None:
    made = record(Basis.WRITTEN, "Zoë Müller", [DIGEST], datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    assert made == Consent(Basis.WRITTEN, "Zoë Müller", "2026-01-02T03:04:05+00:00", (DIGEST,))
    assert from_json(to_json(made), "x") == made
    assert "Zoë" in to_json(made)


def test_now_is_stamped_in_utc() -> None:
    assert record(Basis.SELF, "", []).recorded.endswith("+00:00")


@pytest.mark.parametrize("subject", ["a\nb", "x" * 201, "\x1b[31m"])
def test_subject_is_one_line(subject: str) -> None:
    with pytest.raises(PersonaError, match="one line"):
        record(Basis.SELF, subject, [])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"basis": "because"}, "'because' is none of self"),
        ({"basis": 3}, "wrong type"),
        ({"recorded": "yesterday"}, "no time with a time zone"),
        ({"recorded": "2026-01-02T03:04:05"}, "no time with a time zone"),
        ({"photo_digests": "ab"}, "wrong type"),
        ({"photo_digests": ["AB" * 32]}, "wrong type"),
        ({"photo_digests": [DIGEST + "\n"]}, "wrong type"),
        ({"extra": 1}, "exactly the keys"),
    ],
)
def test_anything_off_is_refused(change: dict[str, object], told: str) -> None:
    content = json.loads(to_json(record(Basis.SELF, "", [DIGEST]))) | change
    with pytest.raises(PersonaError, match=told) as caught:
        from_json(json.dumps(content), "there.json")
    assert "there.json" in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", "{", "null", "[" * 100_000, '{"basis": "self"}'])
def test_no_record_at_all(text: str) -> None:
    with pytest.raises(PersonaError, match="cannot be used"):
        from_json(text, "there.json")
