"""The house rules of docs/architecture.md, run as tests."""

import ast
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ALONE, LONG, ONE_TRY, SECOND_TRY, tried_again

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = sorted((ROOT / "livecam").rglob("*.py"))
LONGEST_FILE, LONGEST_FUNCTION, MEDIAN_FUNCTION = 300, 60, 10


def run(*command: str) -> None:
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-4000:]}\n{done.stderr[-2000:]}"


def functions(path: Path) -> Iterator[tuple[str, int, bool]]:
    """Name, lines of code (docstring, blank lines and comments apart), and whether it has any."""
    source = path.read_text(encoding="utf-8")
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) is not None else node.body
            if not body:
                continue
            start, end = body[0].lineno, body[-1].end_lineno or body[-1].lineno
            code = [line for line in lines[start - 1 : end] if line.strip() and not line.strip().startswith("#")]
            yield f"{path.name}:{node.name}", len(code), True


@pytest.mark.parametrize("command", [("ruff", "check", "."), ("ruff", "format", "--check", ".")], ids=" ".join)
def test_ruff(command: tuple[str, ...]) -> None:
    run(*command)


@pytest.mark.timeout(1200)
def test_mypy_strict() -> None:
    run("mypy")


def test_imports_point_down_only() -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


@pytest.mark.parametrize("path", PACKAGE, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_files_and_functions_fit_on_a_screen(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE
    assert [entry for entry in functions(path) if entry[1] > LONGEST_FUNCTION] == []


def test_the_median_function_is_short() -> None:
    lengths = [lines for path in PACKAGE for _, lines, _ in functions(path)]
    assert statistics.median(lengths) <= MEDIAN_FUNCTION


def test_only_the_worker_catches_everything() -> None:
    found = [
        path.relative_to(ROOT).as_posix()
        for path in PACKAGE
        if re.search(r"except (Base)?Exception\b|except:", path.read_text(encoding="utf-8"))
    ]
    assert found == ["livecam/runtime/worker.py"]


def test_any_and_bare_ignores_are_not_used() -> None:
    for path in PACKAGE:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"\bAny\b.*import|import.*\bAny\b", text), path
        assert not re.search(r"# type: ignore$|# noqa$", text, re.MULTILINE), path


def test_what_runs_alone_or_first_is_there_by_that_name() -> None:
    for module, names in [*ALONE.items(), *((module, ()) for module in LONG)]:
        text = (ROOT / "tests" / f"{module}.py").read_text(encoding="utf-8")
        assert [name for name in names if f"def {name}" not in text] == [], module


def test_only_what_runs_in_real_time_gets_a_second_try(pytestconfig: pytest.Config) -> None:
    assert pytestconfig.pluginmanager.hasplugin("rerunfailures")
    modules = [path.relative_to(ROOT / "tests").with_suffix("").as_posix() for path in ROOT.glob("tests/**/test_*.py")]
    assert [room for room in SECOND_TRY if not any(module.startswith(f"{room}/") for module in modules)] == []
    assert [start for start in ONE_TRY if not any(module.startswith(start) for module in modules)] == []
    once = {module.split("/")[0] for module in modules if not tried_again(module)}
    assert {"core", "privacy", "vision", "canvas", "faces", "faults", "fuzz", "app", "control"} <= once
    assert not any(map(tried_again, ("app/test_safety_run", "app/test_exchange", "runtime/test_loops")))
    assert tried_again("app/test_daemon")


def test_only_the_named_rooms_stand_at_the_top() -> None:
    allowed = {"pyproject.toml", "README.md", "livecam", "engines", "benchmarks", "tests", "LICENSE", "CHANGELOG.md"}
    allowed |= {"Makefile", "docs", "requirements.txt", "requirements-dev.txt"}
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if tracked.returncode != 0:
        pytest.skip("not a git checkout, so there is no list of tracked files")
    tops = {line.partition("/")[0] for line in tracked.stdout.splitlines()}
    assert {top for top in tops if not top.startswith(".")} <= allowed
