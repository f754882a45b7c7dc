"""What the documents for reviewers claim names tests, and those tests are there and are collected."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from livecam.config.registry import SETTINGS
from livecam.control.grammar import WORDS

ROOT: Final = Path(__file__).resolve().parent.parent
DOCUMENTS: Final = ("threat-model.md", "compliance.md")
NAMED: Final = re.compile(r"`(tests/[a-z0-9_/]+\.py)(?:::([A-Za-z0-9_]+))?`")
NO_TEST: Final = ("none",)
"""What may stand in place of a test where a clause asks for nothing that a program can do."""


@cache
def collected(path: Path) -> frozenset[str]:
    """Names of the tests in a module, as pytest finds them."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    made = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    brought = {
        alias.asname or alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    return frozenset(name for name in made | brought if name.startswith("test_"))


def tables(text: str) -> Iterator[tuple[list[str], list[list[str]]]]:
    """Heads and rows of the tables in Markdown."""
    for block in re.split(r"\n\s*\n", text):
        rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in block.splitlines()]
        if len(rows) > 2 and block.lstrip().startswith("|"):
            yield rows[0], rows[2:]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_test_that_is_named_is_there(name: str) -> None:
    named = NAMED.findall((ROOT / "docs" / name).read_text(encoding="utf-8"))
    assert len(named) > 20
    missing = [
        f"{path}::{test}"
        for path, test in named
        if not (ROOT / path).is_file() or (test and test not in collected(ROOT / path))
    ]
    assert missing == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_claim_names_a_test(name: str) -> None:
    claims = [
        (head, row)
        for head, rows in tables((ROOT / "docs" / name).read_text(encoding="utf-8"))
        if "test" in head
        for row in rows
    ]
    assert len(claims) > 15
    assert [row for head, row in claims if len(row) != len(head)] == []
    bare = [row for head, row in claims if not NAMED.search(row[head.index("test")])]
    assert [row for row in bare if not row[-1].startswith(NO_TEST)] == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_its_links_lead_somewhere(name: str) -> None:
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    linked = re.findall(r"\]\(([^)#]+)(?:#([^)]+))?\)", text)
    for target, place in linked:
        if "://" in target:
            continue
        path = ROOT / "docs" / target
        assert path.is_file(), target
        if place:
            heads = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
            assert place in {re.sub(r"[^\w\- ]", "", head).lower().replace(" ", "-") for head in heads}, target


def test_no_setting_and_no_order_takes_the_mark_away() -> None:
    """What docs/compliance.md says of a tool for removal: there is none; an administrator's policy alone has a key."""
    assert [name for name in (*SETTINGS, *WORDS) if "mark" in name] == []


def test_modules_that_are_named_are_there() -> None:
    for name in DOCUMENTS:
        text = (ROOT / "docs" / name).read_text(encoding="utf-8")
        assert [path for path in re.findall(r"`(livecam/[a-z0-9_/]+\.py)`", text) if not (ROOT / path).is_file()] == []
