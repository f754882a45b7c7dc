"""The audit log of a run: whoever tells something never waits, and nothing is lost without being counted."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from livecam.app import auditing
from livecam.app.auditing import Auditor, audit_once, folder_of, open_log
from livecam.app.keys import audit_key
from livecam.config import Paths
from livecam.core.locked import take
from livecam.privacy.audit import AuditError, AuditLog, Fact, held, lines, verify

ENOUGH_S = 60.0


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path / "livecam.toml", tmp_path / "data", tmp_path / "cache")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auditing, "RETRY_S", 0.01)
    monkeypatch.setattr(auditing, "STOP_S", 60.0)


def events(paths: Paths) -> list[dict[str, object]]:
    return [json.loads(line) for _, _, line in lines(folder_of(paths))]


def names(paths: Paths) -> list[object]:
    return [event["event"] for event in events(paths)]


def so_far(paths: Paths) -> list[object]:
    """`names`, while it is being written: whole lines of the files that are there."""
    try:
        return [json.loads(line)["event"] for _, _, line in lines(folder_of(paths)) if line.endswith("}")]
    except AuditError:  # a file was deleted before it was read
        return []


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + ENOUGH_S
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_run_is_written_down_in_order_and_whole(paths: Paths) -> None:
    auditor = Auditor(paths)
    auditor.start(0xABC, policy="", persona="nobody")
    auditor.note("panic")
    auditor.note("label", on=False)
    auditor.stop(pictures=3)
    auditor.stop()
    assert names(paths) == ["start", "panic", "label", "stop"]
    assert events(paths)[0]["session"] == events(paths)[-1]["session"] == "00000abc"
    assert verify(folder_of(paths), audit_key(paths)) == (4, "")
    assert not list(folder_of(paths).glob("run-*"))
    assert auditor.problem == ""
    if os.name == "posix":
        assert [path for path in (paths.data, *paths.data.rglob("*")) if path.stat().st_mode & 0o077] == []


def test_where_it_is_switched_off_nothing_is_made(paths: Paths) -> None:
    auditor = Auditor(paths, enabled=False)
    auditor.demand()
    auditor.start(1)
    auditor.note("panic")
    auditor.stop()
    assert not paths.data.exists()


def test_nobody_waits_for_a_disk_that_hangs(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()
    append = AuditLog.append_at

    def slow(log: AuditLog, *arguments: object) -> None:
        assert gate.wait(ENOUGH_S)
        append(log, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(AuditLog, "append_at", slow)
    monkeypatch.setattr(auditing, "MOST", 8)
    auditor = Auditor(paths)
    auditor.start(1)
    begun = time.monotonic()
    for _ in range(50):
        auditor.note("panic")
    assert time.monotonic() - begun < ENOUGH_S / 2
    assert auditor.failing
    gate.set()
    until(lambda: not auditor.problem and auditor._waiting.empty())
    auditor.stop()
    told = events(paths)
    lost = sum(int(str(event["events"])) for event in told if event["event"] == "lost")
    assert lost + sum(event["event"] == "panic" for event in told) == 50
    assert lost >= 41


def test_a_disk_that_hangs_counts_as_failing_and_the_end_says_so(
    paths: Paths, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    gate, hangs = threading.Event(), threading.Event()
    append = AuditLog.append_at

    def hanging(log: AuditLog, *arguments: object) -> None:
        hangs.set()
        assert gate.wait(ENOUGH_S)
        append(log, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(auditing, "STOP_S", 0.01)
    auditor = Auditor(paths)
    auditor.start(1)
    until(lambda: "start" in so_far(paths))
    monkeypatch.setattr(AuditLog, "append_at", hanging)
    auditor.note("panic")
    assert hangs.wait(ENOUGH_S)
    monkeypatch.setattr(auditing, "STUCK_S", 0.1)
    until(lambda: auditor.failing)
    assert auditor.problem == ""
    auditor.stop()
    assert "The end of the run is not in the audit log. The disk does not answer." in caplog.text
    gate.set()
    until(lambda: so_far(paths) == ["start", "panic", "stop"])


def test_what_cannot_be_written_is_told_once_and_tried_again(
    paths: Paths, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tries: list[str] = []
    append = AuditLog.append_at

    def full(log: AuditLog, at: str, event: str, facts: dict[str, Fact]) -> None:
        tries.append(event)
        if 2 < len(tries) < 6:
            raise AuditError("No space left.", "Free some.")
        append(log, at, event, facts)

    monkeypatch.setattr(AuditLog, "append_at", full)
    auditor = Auditor(paths)
    auditor.start(1)
    for _ in range(3):
        auditor.note("panic")
    until(lambda: len(tries) >= 6 and not auditor.problem)
    auditor.stop()
    assert names(paths) == ["start", "panic", "panic", "panic", "stop"]
    assert caplog.text.count("What happens is not in the audit log. No space left. Free some.") == 1
    assert "is written again" in caplog.text


def test_a_log_that_was_tampered_with_is_not_added_to(paths: Paths, caplog: pytest.LogCaptureFixture) -> None:
    open_log(paths).append("start")
    (paths.data / "audit.seal").unlink()
    auditor = Auditor(paths)
    auditor.start(1)
    until(lambda: bool(auditor.problem))
    auditor.stop()
    assert "is missing" in auditor.problem
    assert "The end of the run is not in the audit log" in caplog.text
    assert names(paths) == ["start"]


def test_what_must_be_had_is_demanded_before_anything_starts(paths: Paths) -> None:
    paths.data.mkdir()
    folder_of(paths).write_text("no folder")
    Auditor(paths).demand()
    with pytest.raises(AuditError, match="cannot be written"):
        Auditor(paths, enabled=False, required=True).demand()


def test_a_run_that_ended_without_a_word_is_told_by_the_next(paths: Paths) -> None:
    open_log(paths)
    (folder_of(paths) / "run-deadbeef-0.lock").touch()
    other = folder_of(paths) / "run-00000002-0.lock"
    goes_on = take(other)
    assert goes_on is not None
    auditor = Auditor(paths)
    auditor.start(1)
    auditor.stop()
    os.close(goes_on)
    assert names(paths) == ["ended-without-warning", "start", "stop"]
    assert events(paths)[0]["session"] == "deadbeef"
    assert [path.name for path in folder_of(paths).glob("run-*")] == [other.name]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_run_that_is_killed_leaves_a_whole_log_and_is_told_by_the_next(paths: Paths) -> None:
    code = (
        "import sys, time; from pathlib import Path; from livecam.app.auditing import Auditor; "
        "from livecam.config import Paths; p = Path(sys.argv[1]); a = Auditor(Paths(p, p, p)); a.start(0xabc)\n"
        "while True: a.note('panic'); time.sleep(0.001)"
    )
    other = subprocess.Popen([sys.executable, "-c", code, str(paths.data)])
    try:
        until(lambda: folder_of(paths).is_dir() and len(so_far(paths)) > 5)
    finally:
        other.kill()
        other.wait()
    auditor = Auditor(paths)
    auditor.start(1)
    auditor.stop()
    (told,) = [event for event in events(paths) if event["event"] == "ended-without-warning"]
    assert told["session"] == "00000abc"
    assert verify(folder_of(paths), audit_key(paths))[1] == ""


def test_another_policy_than_in_the_last_run_is_told(paths: Paths) -> None:
    for digest in ("aa", "aa", "bb"):
        auditor = Auditor(paths)
        auditor.start(1, policy=digest)
        auditor.stop()
    assert names(paths) == ["start", "stop", "start", "stop", "policy", "start", "stop"]
    assert (events(paths)[4]["was"], events(paths)[4]["now"]) == ("aa", "bb")


def test_what_is_too_old_is_forgotten(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    open_log(paths)
    old = AuditLog(folder_of(paths), audit_key(paths), lambda: "2020-01-01T00:00:00.000+00:00", rotate_bytes=1)
    for _ in range(4):
        old.append("panic")
    auditor = Auditor(paths, keep_days=30)
    auditor.start(1)
    until(lambda: "forgotten" in so_far(paths))
    auditor.stop()
    assert names(paths).count("panic") <= 1
    assert verify(folder_of(paths), audit_key(paths))[1] == ""


def test_other_processes_write_meanwhile(paths: Paths) -> None:
    code = (
        "import sys; from pathlib import Path; from livecam.privacy.audit import AuditLog, held;"
        "held.__wrapped__.__defaults__ = (60.0,);"
        "log = AuditLog(Path(sys.argv[1]), bytes.fromhex(sys.argv[2])); [log.append('consent') for _ in range(10)]"
    )
    open_log(paths)
    arguments = [str(folder_of(paths)), audit_key(paths).hex()]
    auditor = Auditor(paths)
    auditor.start(1)
    other = subprocess.Popen([sys.executable, "-c", code, *arguments])
    noted = 0
    while other.poll() is None:
        # Few wait at a time: a slow disk takes half a second for each.
        if noted < so_far(paths).count("panic") + 5:
            auditor.note("panic")
            noted += 1
        time.sleep(0.005)
    auditor.stop()
    assert other.returncode == 0
    assert names(paths).count("consent") == 10
    assert verify(folder_of(paths), audit_key(paths))[1] == ""


def test_one_event_of_a_command(
    paths: Paths, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    audit_once(paths, "consent", enabled=False, done="revoked")
    assert not paths.data.exists()
    audit_once(paths, "consent", done="revoked", persona="ann")
    assert events(paths)[0]["done"] == "revoked"
    monkeypatch.setattr("livecam.privacy.audit.PATIENCE_S", 0.01)
    monkeypatch.setattr("livecam.privacy.audit.held.__wrapped__.__defaults__", (0.01,))
    with held(folder_of(paths)):
        audit_once(paths, "consent")
        assert "This is not in the audit log: consent" in caplog.text
        with pytest.raises(AuditError, match="Another livecam holds"):
            audit_once(paths, "consent", required=True)
