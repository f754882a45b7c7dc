"""Text that is parsed: how deep, how long, and by whom."""

import ast
import os
from pathlib import Path

import pytest

from livecam.config import load
from livecam.config.kinds import shown
from livecam.config.toml import MOST_DOTS, parse_toml
from livecam.errors import ConfigError
from tests.fuzz.bounds import bounded

ROOT = Path(__file__).resolve().parents[2]

OWN_WORDS = {
    "livecam/cli/audio_commands.py": "what the client has parsed once already",
    "livecam/cli/obs_commands.py": "what the client has parsed once already",
    "livecam/cli/top_command.py": "what the client has parsed once already",
    "livecam/cli/config_commands.py": "a value that livecam has written itself",
    "livecam/bench/readers/address.py": "a child process's plan, by its own parent",
}
"""Modules that parse without a guard, and what they parse."""


def guards(tree: ast.Module) -> list[tuple[int, int, set[str]]]:
    """From which line to which, and what is caught there."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Try):
            caught = {
                name.id
                for handler in node.handlers
                if handler.type is not None
                for name in ast.walk(handler.type)
                if isinstance(name, ast.Name)
            }
            found.append((node.body[0].lineno, node.body[-1].end_lineno or 0, caught))
        if isinstance(node, ast.With):
            names = {name.id for item in node.items for name in ast.walk(item) if isinstance(name, ast.Name)}
            found.append((node.body[0].lineno, node.body[-1].end_lineno or 0, names))
    return found


def unguarded(path: Path) -> list[int]:
    """Lines that parse JSON where a text of ten thousand brackets is no error that anybody expects."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    calls = [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("json.loads", "json.load", "loads")
    ]
    known = guards(tree)
    return [
        line
        for line in calls
        if not any(begin <= line <= end and "RecursionError" in caught for begin, end, caught in known)
    ]


def test_whoever_parses_json_expects_a_thousand_brackets() -> None:
    """Python raises `RecursionError` for them, which is no `ValueError`: eleven places had not thought of it."""
    parsing = ("json.load", "from json import")
    files = [
        path for path in (ROOT / "livecam").rglob("*.py") if any(word in path.read_text("utf-8") for word in parsing)
    ]
    found = {path.relative_to(ROOT).as_posix(): unguarded(path) for path in files}
    assert {path for path, lines in found.items() if lines} - set(OWN_WORDS) - WITHIN_A_GUARD.keys() == set()


WITHIN_A_GUARD = {
    "livecam/inference/origins.py": "_index_way catches _MISSHAPEN around it",
    "livecam/inference/plan_build.py": "the caller of _listen catches it",
    "livecam/faces/portrait.py": "whoever opens the folder of what is prepared catches it",
    "livecam/faces/prepared.py": "the same",
    "livecam/studio/tensors.py": "read_header catches it around _parsed",
}


def test_nobody_but_the_bounded_parser_reads_toml() -> None:
    """Python's own takes hours for one key of half a million parts."""
    found = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "livecam").rglob("*.py")
        if "tomllib.load" in path.read_text(encoding="utf-8")
    }
    assert found <= {"livecam/config/toml.py", "livecam/cli/config_commands.py"}


@pytest.mark.parametrize(
    "text",
    [
        "a." * 500_000 + "b = 1",
        "[" + "a." * 500_000 + "b]",
        "x = {" + "a." * 500_000 + "b = 1}",
        "x = " + "[" * 100_000,
        "\n".join(f"x{number}." + "y." * (MOST_DOTS - 2) + "z = 1" for number in range(400)),
    ],
    ids=["key", "table", "inline", "lists", "many"],
)
def test_toml_takes_bounded_time(text: str) -> None:
    with bounded():
        if "y." in text:
            assert len(parse_toml(text)) == 400
        else:
            with pytest.raises(ValueError, match=r"dots|nested"):
                parse_toml(text)


def test_a_value_of_any_depth_can_be_told_of() -> None:
    value: object = 1
    for _ in range(100_000):
        value = [value]
    assert shown(value) == "something nested too deeply"


@pytest.mark.skipif(os.name != "posix", reason="files of POSIX")
def test_a_configuration_that_is_no_file_is_a_sentence(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "endless").symlink_to("/dev/zero")
    (tmp_path / "circle").symlink_to("circle")
    for name in ("pipe", "endless", "circle", ".", "nothing", "x" * 5000, "nul\0"):
        with bounded(), pytest.raises(ConfigError):
            load(path=tmp_path / name, environment={})
