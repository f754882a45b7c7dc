"""What was accepted is asked for once, written down, and never overwritten."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from livecam.errors import ModelError
from livecam.inference.licences import (
    ACCEPTED,
    REFUSED,
    acceptance,
    answers,
    book_path,
    by_terms,
    record,
    terms_of,
)
from tests.inference.models import FREE, RESEARCH, network

NET, OTHER = network("net"), network("other", licence=FREE)
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def book(tmp_path: Path) -> Path:
    return book_path(tmp_path / "data")


def test_terms_say_what_is_forbidden_and_where_the_text_is() -> None:
    assert terms_of(RESEARCH).splitlines() == [
        "Licence: research only, granted by Somebody",
        "Commercial use: NOT allowed",
        "Limits: No commercial use.",
        "Full text: https://example.org/terms",
    ]
    assert "Limits" not in terms_of(FREE)


def test_an_answer_is_written_down_with_time_and_recipe(book: Path) -> None:
    assert acceptance(NET, book) is None
    record([NET], ACCEPTED, "asked", book, NOON)
    said = acceptance(NET, book)
    assert said is not None
    assert (said.model, said.licence, said.recipe, said.at) == (
        "net",
        "research only",
        NET.digest,
        "2026-05-01T12:00:00+00:00",
    )
    assert acceptance(OTHER, book) is None
    assert book.stat().st_mode & 0o077 == 0
    assert book.parent.stat().st_mode & 0o077 == 0


def test_other_terms_ask_again_and_another_recipe_does_not(book: Path) -> None:
    record([NET], ACCEPTED, "asked", book, NOON)
    assert acceptance(replace(NET, digest="0" * 64), book) is not None
    assert acceptance(replace(NET, licence=replace(RESEARCH, limits="No use at all.")), book) is None


def test_the_last_word_counts_and_all_are_kept(book: Path) -> None:
    for answer in (ACCEPTED, REFUSED):
        record([NET, OTHER], answer, "asked", book, NOON)
    assert acceptance(NET, book) is None
    record([NET], ACCEPTED, "--accept-licence", book, NOON)
    assert acceptance(NET, book) is not None
    assert len(answers(book)) == 5


def test_each_wording_is_asked_for_once() -> None:
    groups = by_terms([NET, OTHER, network("third")])
    assert [(licence.name, [model.name for model in models]) for licence, models in groups] == [
        ("research only", ["net", "third"]),
        ("MIT", ["other"]),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"version": 2, "answers": []}',
        '{"version": 1, "answers": [1]}',
        '{"version": 1, "answers": [{"model": "net"}]}',
        '{"version": 1, "answers": {"a": 1}}',
        '{"version": 1, "answers": 5}',
    ],
)
def test_a_record_that_cannot_be_read_is_never_overwritten(book: Path, text: str) -> None:
    book.parent.mkdir(parents=True)
    book.write_text(text)
    with pytest.raises(ModelError, match=r"licences\.json cannot be read"):
        acceptance(NET, book)
    with pytest.raises(ModelError):
        record([NET], ACCEPTED, "asked", book, NOON)
    assert book.read_text() == text


def test_a_record_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(ModelError, match=r"licences\.json"):
        record([NET], ACCEPTED, "asked", book_path(tmp_path / "data"), NOON)


def test_the_record_is_json_for_an_audit(book: Path) -> None:
    record([NET], ACCEPTED, "asked", book, NOON)
    held = json.loads(book.read_text())
    assert held["version"] == 1
    assert set(held["answers"][0]) == {"model", "licence", "terms", "recipe", "at", "answer", "how"}
