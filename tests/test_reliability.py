"""docs/reliability.md says what the results of the fault matrix say; the matrix itself is in tests/faults."""

import json
import re

import pytest
from click.testing import CliRunner

from livecam import app
from livecam.app import again
from livecam.cli import root
from livecam.errors import DriverHangs
from tests.faults.book import BEGIN, DOCUMENT, END, FAULTS, RESULTS, table, with_table
from tests.faults.test_camera import FAULTS as CAMERA
from tests.faults.test_inference import FAULTS as INFERENCE
from tests.faults.test_watchdog import HANGS

OTHERS = (
    "camera replugged at another index",
    "sink gone",
    "full disk while recording",
    "slow disk while recording",
    "consumer that stops reading",
    "CPU starved: two busy programs a core",
    "memory pressure: none left to allocate",
    "disk of the log hangs",
    "configuration edited to nonsense",
    "wall clock set back by a day",
    "process stopped for 3 s",
    "suspended for an hour: the clock jumps",
    "SIGTERM",
    "SIGHUP",
    "SIGKILL, started again",
)


def test_the_table_is_that_of_the_results() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert with_table(text, table(RESULTS)) == text, "make it anew: LIVECAM_RELIABILITY=1 make test-faults"
    assert text.count(BEGIN) == text.count(END) == 1


def test_every_fault_was_tried_and_no_picture_was_bare() -> None:
    found = json.loads(RESULTS.read_text(encoding="utf-8"))
    rows = {row["fault"]: row for row in found["rows"]}
    wanted = {fault.name for faults in (CAMERA, INFERENCE, HANGS) for fault in faults.values()} | set(OTHERS)
    assert wanted <= rows.keys(), wanted - rows.keys()
    assert found["faults"] == FAULTS == len(rows) == len(found["rows"])
    assert found["bare"] == sum(row["bare"] for row in rows.values()) == 0
    assert found["inspected"] == sum(row["inspected"] for row in rows.values()) > 1000
    for row in rows.values():
        assert row["swapped"] + row["slate"] == row["inspected"], row


@pytest.mark.parametrize("word", ["watchdog", "soak", "make test-faults"])
def test_the_document_speaks_of(word: str) -> None:
    assert re.search(word, DOCUMENT.read_text(encoding="utf-8"))


def test_where_a_process_cannot_be_replaced_it_ends_with_a_code_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*_given: object, **_named: object) -> None:
        raise DriverHangs("The thread output hangs.", "livecam is started again.")

    replaced: list[again.Restarts] = []
    monkeypatch.setattr(app, "run", run)
    monkeypatch.setattr(again, "replace", replaced.append)
    result = CliRunner().invoke(root, ["run", "--source", "synthetic", "--sink", "null", "--no-tty"])
    assert result.exit_code == 75
    assert "The thread output hangs. livecam is started again." in result.output
    assert len(replaced) == 1
