"""One judge and one book for all; one daemon for the faults that it outlives."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from benchmarks.common import configure
from tests.faults.book import Book
from tests.faults.enduring import fairly
from tests.faults.judge import Judge
from tests.faults.rig import Run


@pytest.fixture(scope="session")
def judge(mesh_models: Mapping[str, Path]) -> Judge:
    if sys.platform == "win32":
        pytest.skip("the doubles need POSIX")
    return Judge(configure({"source.spec": "synthetic"}))


@pytest.fixture(scope="session")
def book(request: pytest.FixtureRequest) -> Iterator[Book]:
    book = Book()
    yield book
    if request.session.testsfailed == 0:
        book.write()


@pytest.fixture(scope="module")
def standing(judge: Judge, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """A daemon that goes on from fault to fault."""
    folder = tmp_path_factory.mktemp("standing")
    settings = folder / "livecam.toml"
    settings.write_text("")
    run = Run(folder, judge, ["--sink", "brittle", "--config", str(settings)])
    try:
        run.until_started()
        yield run
        with fairly(run):
            assert run.stop() == 0, run.tail()
    finally:
        run.close()
