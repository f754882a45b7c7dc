"""``livecam audit``: on a terminal, for scripts, and for whoever tampered."""

import json
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from livecam.app.auditing import audit_once, folder_of
from livecam.cli import audit_missing, root
from livecam.cli.audit_commands import _moment
from livecam.config import Paths


@pytest.fixture
def paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Paths:
    monkeypatch.setenv("LIVECAM_DATA", str(tmp_path / "data"))
    return Paths.find()


def livecam(*words: object) -> Result:
    return CliRunner().invoke(root, ["audit", *map(str, words)])


def written(paths: Paths, count: int = 3) -> None:
    for number in range(count):
        audit_once(paths, "label" if number % 2 else "consent", of=f"ann {number}")


def test_what_happened_is_shown(paths: Paths) -> None:
    written(paths)
    shown = livecam("show")
    assert shown.exit_code == 0
    assert 'consent\tof="ann 0"' in shown.output
    found = json.loads(livecam("show", "--since", "1h", "--event", "label", "--json").output)
    assert [line["of"] for line in found] == ["ann 1"]
    assert json.loads(livecam("show", "--since", "2099-01-01", "--json").output) == []
    assert "Nothing is in the audit log" in livecam("show", "--since", "2099-01-01").output
    assert livecam("show", "--since", "yesterday").exit_code == 2


def test_a_moment_is_a_date_a_time_or_a_while_ago() -> None:
    now = datetime(2026, 11, 21, 12, tzinfo=UTC)
    assert _moment("24h", now) == "2026-11-20T12:00:00.000+00:00"
    assert _moment("2026-11-01", now) == "2026-11-01T00:00:00.000+00:00"
    assert _moment("2026-11-01T02:00+02:00", now) == "2026-11-01T00:00:00.000+00:00"
    for wrong in ("7y", "99999w", "-1d", ""):
        with pytest.raises(click.UsageError):
            _moment(wrong, datetime(1, 1, 2, tzinfo=UTC))


def test_a_whole_log_is_verified_and_exported(paths: Paths, tmp_path: Path) -> None:
    written(paths)
    assert "is whole: 3 lines." in livecam("verify").output
    file = tmp_path / "export.jsonl"
    assert "Exported 3 lines up to" in livecam("export", file).output
    assert len(file.read_text().splitlines()) == 4
    audit_once(paths, "consent")
    checked = livecam("verify", file)
    assert checked.exit_code == 0
    assert "the log has only grown since" in checked.output
    assert livecam("export", tmp_path / "none" / "a").output.endswith("Name another place.\n")


def test_a_log_that_was_changed_is_told_and_still_exported(paths: Paths, tmp_path: Path) -> None:
    written(paths)
    (path,) = folder_of(paths).glob("audit-*.jsonl")
    path.write_text(path.read_text().replace("ann 1", "bob 1"))
    found = livecam("verify")
    assert found.exit_code == 1
    assert "is not whole. audit-0000000001.jsonl, line 3: the line before it was changed." in found.output
    assert "move" in found.output
    file = tmp_path / "export.jsonl"
    exported = livecam("export", file)
    assert exported.exit_code == 1
    assert "but the log is not whole" in exported.output
    assert "bob 1" in file.read_text()


def test_a_log_that_was_put_back_is_found_by_an_export(paths: Paths, tmp_path: Path) -> None:
    written(paths, 2)
    seal, (path,) = paths.data / "audit.seal", folder_of(paths).glob("audit-*.jsonl")
    before = seal.read_bytes(), path.read_bytes()
    written(paths, 1)
    file = tmp_path / "export.jsonl"
    livecam("export", file)
    seal.write_bytes(before[0])
    path.write_bytes(before[1])
    assert livecam("verify").exit_code == 0
    found = livecam("verify", file)
    assert found.exit_code == 1
    assert "lines were taken away since" in found.output
    file.write_text(file.read_text().replace("ann", "bob"))
    assert "were changed after it was exported" in livecam("verify", file).output


def test_an_export_of_a_broken_log_is_no_proof(paths: Paths, tmp_path: Path) -> None:
    written(paths, 2)
    (path,) = folder_of(paths).glob("audit-*.jsonl")
    good = path.read_bytes()
    path.write_bytes(good.replace(b"ann 0", b"bob 0"))
    file = tmp_path / "export.jsonl"
    livecam("export", file)
    path.write_bytes(good)
    assert "exported from a log that was not whole" in livecam("verify", file).output


def test_a_log_that_is_gone_with_its_seal_is_missed_where_livecam_has_been_used(paths: Paths, tmp_path: Path) -> None:
    written(paths)
    livecam("export", tmp_path / "kept.jsonl")
    os.utime(paths.data / "vault.key", (1_790_000_000, 1_790_000_000))
    for path in (*folder_of(paths).glob("audit-*.jsonl"), paths.data / "audit.seal"):
        path.unlink()
    for words in (("verify",), ("verify", tmp_path / "kept.jsonl"), ("export", tmp_path / "b.jsonl")):
        found = livecam(*words)
        assert found.exit_code == 4, "neither whole nor broken"
        assert "not a line of it, and no seal beside it" in found.output
        assert "this livecam has been used: vault.key is there since 2026-09-21" in found.output
        assert "whole" not in found.output
    assert not (tmp_path / "b.jsonl").exists()
    shutil.rmtree(folder_of(paths))
    assert livecam("verify").exit_code == 4
    written(paths, 1)
    assert livecam("verify").exit_code == 0


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="a pipe stands for a disk that does not answer")
def test_a_disk_that_does_not_answer_is_not_waited_for_for_ever(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    written(paths)
    pipe = folder_of(paths) / "audit-9999999999.jsonl"
    os.mkfifo(pipe)
    monkeypatch.setattr(audit_missing, "PATIENCE_S", 0.3)
    found = livecam("verify")
    assert found.exit_code == 1
    assert "was not read within 0.3 s: the disk does not answer" in found.output
    with pipe.open("w"):
        pass  # lets the thread that was left behind come to its end


def test_without_a_log_there_is_a_sentence_and_a_lost_one_is_missed(paths: Paths, tmp_path: Path) -> None:
    for words in (("verify",), ("export", tmp_path / "a")):
        found = livecam(*words)
        assert (found.exit_code, "There is no audit log" in found.output) == (4, True)
        assert "has been used" not in found.output
        assert not (paths.data / "vault.key").exists(), "looking makes no key"
    assert "Nothing is in the audit log" in livecam("show").output
    written(paths)
    for path in folder_of(paths).iterdir():
        path.unlink()
    folder_of(paths).rmdir()
    assert "is not whole. the seal, line 1: line 1 was expected, not 3" in livecam("verify").output
