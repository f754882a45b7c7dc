"""Reading the audit log, and exports of it that can be checked on their own."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livecam.privacy import audit_check
from livecam.privacy.audit import AuditError, AuditLog
from livecam.privacy.audit_check import export, newest_with, read_export, since_export, verify
from livecam.privacy.audit_seal import Seal, digest_of, line_of, seal_path, write_seal
from tests.privacy.test_audit import KEY, clock, files, written

AT = "2026-11-21T01:00:00.000+00:00"


def exported(folder: Path, target: Path) -> Path:
    export(folder, KEY, target, AT)
    return target


@pytest.fixture
def log(tmp_path: Path) -> Path:
    folder = tmp_path / "log"
    folder.mkdir()
    written(folder, 7)
    return folder


def test_an_export_holds_every_line_and_says_so(log: Path, tmp_path: Path) -> None:
    head, found = read_export(exported(log, tmp_path / "a.jsonl"), KEY)
    assert (head.first, head.last, head.at, head.problem) == (1, 7, AT, "")
    assert [json.loads(line)["times"] for line in found] == list(range(7))
    assert not list(tmp_path.glob(".a*"))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda rows: rows[:-1], "lines in"),
        (lambda rows: [rows[0], rows[2], rows[1], *rows[3:]], "lines in"),
        (lambda rows: [rows[0].replace('"last": 7', '"last": 6'), *rows[1:]], "first line of"),
        (lambda rows: [rows[0].replace('"mac": "', '"mac": "\\u00e9'), *rows[1:]], "first line of"),
        (lambda rows: rows[1:], "no export"),
        (lambda rows: ["é", *rows], "no export"),
    ],
)
def test_a_changed_export_is_found(
    log: Path, tmp_path: Path, change: Callable[[list[str]], list[str]], told: str
) -> None:
    path = exported(log, tmp_path / "a.jsonl")
    path.write_text("\n".join(change(path.read_text().splitlines())) + "\n")
    with pytest.raises(AuditError, match=told):
        read_export(path, KEY)


def test_an_export_is_its_installations_own(log: Path, tmp_path: Path) -> None:
    with pytest.raises(AuditError, match="another installation"):
        read_export(exported(log, tmp_path / "a.jsonl"), b"another")


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=120), st.booleans())
def test_any_bytes_are_no_export(tmp_path_factory: pytest.TempPathFactory, data: bytes, headed: bool) -> None:
    path = tmp_path_factory.getbasetemp() / "hostile.jsonl"
    path.write_bytes(b'{"kind":"livecam audit","sha256":' * headed + data)
    with pytest.raises(AuditError):
        read_export(path, KEY)


@pytest.mark.parametrize("value", ["[" * 400 + "]" * 400, '{"a": 1}', "null", "1e400", '"\\ud800"'])
def test_an_export_that_is_oddly_made_is_none(tmp_path: Path, value: str) -> None:
    (tmp_path / "a.jsonl").write_text(f'{{"kind": "livecam audit", "first": {value}, "mac": "00"}}\n')
    with pytest.raises(AuditError, match=r"no export|was changed"):
        read_export(tmp_path / "a.jsonl", KEY)


def test_what_is_too_large_or_not_there_is_no_export(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = exported(log, tmp_path / "a.jsonl")
    with pytest.raises(AuditError, match="cannot be read"):
        read_export(tmp_path / "none", KEY)
    monkeypatch.setattr(audit_check, "_LARGEST_EXPORT", 100)
    with pytest.raises(AuditError, match="no export"):
        read_export(path, KEY)


def test_a_full_disk_leaves_no_half_export(log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("livecam.privacy.audit_check.os.fsync", full)
    with pytest.raises(AuditError, match=r"a\.jsonl cannot be written: No space left"):
        export(log, KEY, tmp_path / "a.jsonl", AT)
    assert {path.name for path in tmp_path.iterdir()} == {"log", "log.seal"}


def test_an_export_of_a_log_that_is_not_whole_says_so(log: Path, tmp_path: Path) -> None:
    files(log)[0].unlink()
    head, found = read_export(exported(log, tmp_path / "a.jsonl"), KEY)
    assert "was expected" in head.problem
    assert found


def test_a_log_that_has_grown_agrees_with_its_export(log: Path, tmp_path: Path) -> None:
    head, found = read_export(exported(log, tmp_path / "a.jsonl"), KEY)
    assert since_export(log, KEY, head, found) == ""
    written(log, 3)
    assert since_export(log, KEY, head, found) == ""


def test_an_export_of_nothing_agrees_with_what_came_after(tmp_path: Path) -> None:
    folder = tmp_path / "log"
    folder.mkdir()
    head, found = read_export(exported(folder, tmp_path / "a.jsonl"), KEY)
    assert (head.last, found) == (0, [])
    written(folder, 2)
    assert since_export(folder, KEY, head, found) == ""


def test_an_export_finds_that_an_older_log_was_put_back(log: Path, tmp_path: Path) -> None:
    """Whole as that is in itself: files and seal of an earlier day."""
    before = {path: path.read_bytes() for path in [*files(log), seal_path(log)]}
    written(log, 3)
    head, found = read_export(exported(log, tmp_path / "a.jsonl"), KEY)
    for path in files(log):
        path.unlink()
    for path, content in before.items():
        path.write_bytes(content)
    assert verify(log, KEY) == (7, "")
    assert "lines were taken away" in since_export(log, KEY, head, found)
    for _ in range(3):
        AuditLog(log, KEY, clock()).append("something else")
    assert "is another one" in since_export(log, KEY, head, found)
    AuditLog(log, KEY, clock()).append("more")
    assert "is another one" in since_export(log, KEY, head, found)


def test_the_newest_line_of_an_event(log: Path) -> None:
    AuditLog(log, KEY, clock()).append("resume", told='"event":"panic"')
    assert newest_with(log, KEY, "panic")["times"] == 6
    assert newest_with(log, KEY, "start") == {}


def test_lines_that_hang_together_and_end_elsewhere_than_sealed(tmp_path: Path) -> None:
    """As if the seal had been made for a line that was never written: it says so itself, and more is missing."""
    folder = tmp_path / "log"
    folder.mkdir()
    line = line_of(1, "0" * 64, "start", {}, AT)
    (folder / "audit-0000000001.jsonl").write_text(line + "\n")
    write_seal(folder, KEY, Seal(1, "0" * 64, 2, digest_of(line), line))
    assert verify(folder, KEY) == (1, "It ends with line 1, and line 2 was the last.")
