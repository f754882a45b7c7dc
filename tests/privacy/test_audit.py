"""The audit log: every edit, deletion and reordering is found, and an end without warning is none of these."""

import inspect
import json
import threading
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livecam.privacy import audit
from livecam.privacy.audit import AuditError, AuditLog, held, lines, read_seal, utc_now, verify
from livecam.privacy.audit_check import whole_lines
from livecam.privacy.audit_seal import seal_path
from tests.patience import UNHURRIED_S

KEY = b"an installation"


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a slow disk, who writes holds the log for long."""
    monkeypatch.setattr(inspect.unwrap(held), "__defaults__", (UNHURRIED_S,))


def clock() -> Callable[[], str]:
    numbers = count(1)
    return lambda: f"2026-11-21T00:00:{next(numbers):02}.000+00:00"


def written(folder: Path, events: int, rotate_bytes: int = 400) -> AuditLog:
    log = AuditLog(folder, KEY, clock(), rotate_bytes)
    for number in range(events):
        log.append("panic", way="socket", times=number)
    return log


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("audit-*.jsonl"))


def test_what_is_written_is_whole(tmp_path: Path) -> None:
    written(tmp_path, 12)
    assert verify(tmp_path, KEY) == (12, "")
    assert len(files(tmp_path)) > 2
    first = json.loads(next(lines(tmp_path))[2])
    assert (first["n"], first["event"], first["way"], first["times"]) == (1, "panic", "socket", 0)


def test_it_goes_on_where_it_ended(tmp_path: Path) -> None:
    written(tmp_path, 3)
    written(tmp_path, 4)
    assert verify(tmp_path, KEY) == (7, "")


def test_an_empty_log_is_whole(tmp_path: Path) -> None:
    assert verify(tmp_path, KEY) == (0, "")


def changed_letter(folder: Path) -> None:
    path = files(folder)[1]
    path.write_text(path.read_text().replace("socket", "hotkey", 1))


def dropped_in_the_middle(folder: Path) -> None:
    path = files(folder)[0]
    rows = path.read_text().splitlines(keepends=True)
    path.write_text("".join(rows[:1] + rows[2:]))


def moved(folder: Path) -> None:
    path = files(folder)[0]
    rows = path.read_text().splitlines(keepends=True)
    path.write_text("".join([rows[1], rows[0], *rows[2:]]))


def without_the_first_file(folder: Path) -> None:
    files(folder)[0].unlink()


def without_the_newest_lines(folder: Path) -> None:
    path = files(folder)[-2]
    files(folder)[-1].unlink()
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))


def newest_changed(folder: Path) -> None:
    path = files(folder)[-1]
    path.write_text(path.read_text().replace("panic", "resume"))


def one_line_more(folder: Path) -> None:
    path = files(folder)[-1]
    path.write_text(path.read_text() + path.read_text().splitlines(keepends=True)[-1])


def no_line_at_all(folder: Path) -> None:
    files(folder)[0].write_text("{{{\n" + files(folder)[0].read_text())


def a_line_of_something_else(folder: Path) -> None:
    files(folder)[0].write_text("[]\n" + files(folder)[0].read_text())


def another_seal(folder: Path) -> None:
    seal = json.loads(seal_path(folder).read_text())
    seal_path(folder).write_text(json.dumps({**seal, "last": seal["last"] - 1}))


def broken_seal(folder: Path) -> None:
    seal_path(folder).write_text("[]")


def seal_that_is_no_text(folder: Path) -> None:
    seal_path(folder).write_text("{")


def no_seal(folder: Path) -> None:
    seal_path(folder).unlink()


@pytest.mark.parametrize(
    "tamper",
    [
        changed_letter,
        dropped_in_the_middle,
        moved,
        without_the_first_file,
        without_the_newest_lines,
        newest_changed,
        one_line_more,
        no_line_at_all,
        a_line_of_something_else,
        another_seal,
        broken_seal,
        seal_that_is_no_text,
        no_seal,
    ],
)
def test_every_change_is_found(tmp_path: Path, tamper: Callable[[Path], None]) -> None:
    written(tmp_path, 12)
    tamper(tmp_path)
    assert verify(tmp_path, KEY)[1]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, bytes]]:
    """A folder, and what the files of a whole log in it hold, the seal among them."""
    folder = tmp_path_factory.mktemp("audit") / "log"
    folder.mkdir()
    written(folder, 9)
    return folder, {path.name: path.read_bytes() for path in [*files(folder), seal_path(folder)]}


def tampered(data: st.DataObject, contents: dict[str, bytes]) -> dict[str, bytes | None]:
    """One thing done to one or two files; None stands for a file that is gone."""
    name = data.draw(st.sampled_from(sorted(contents)))
    old = contents[name]
    rows = old.splitlines(keepends=True)
    one, other = (data.draw(st.integers(0, len(rows) - 1)) for _ in range(2))
    match data.draw(st.sampled_from(["byte", "cut", "gone", "drop", "twice", "swap", "elsewhere", "exchange"])):
        case "byte":
            place = data.draw(st.integers(0, len(old) - 1))
            return {name: old[:place] + bytes([old[place] ^ data.draw(st.integers(1, 255))]) + old[place + 1 :]}
        case "cut":
            return {name: old[: data.draw(st.integers(0, len(old)))]}
        case "gone":
            return {name: None}
        case "drop":
            return {name: b"".join(rows[:one] + rows[one + 1 :])}
        case "twice":
            return {name: b"".join([*rows[:other], rows[one], *rows[other:]])}
        case "swap":
            rows[one], rows[other] = rows[other], rows[one]
            return {name: b"".join(rows)}
        case "elsewhere":
            target = data.draw(st.sampled_from(sorted(contents)))
            return {name: b"".join(rows[:one] + rows[one + 1 :]), target: contents[target] + rows[one]}
        case _:
            target = data.draw(st.sampled_from(sorted(contents)))
            return {name: contents[target], target: old}


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_whatever_is_done_to_the_files_is_found_or_takes_nothing_away(
    good: tuple[Path, dict[str, bytes]], data: st.DataObject
) -> None:
    folder, contents = good
    where = {name: seal_path(folder) if name == seal_path(folder).name else folder / name for name in contents}
    for name, content in {**contents, **tampered(data, contents)}.items():
        where[name].unlink(missing_ok=True)
        if content is not None:
            where[name].write_bytes(content)
    try:
        _, problem = verify(folder, KEY)
    except AuditError:
        return
    said = (
        [json.loads(line)["times"] for _, _, line in whole_lines(folder, read_seal(folder, KEY))] if not problem else []
    )
    assert problem or said == list(range(9))


def test_a_log_that_is_gone_is_missed_as_long_as_its_seal_is_there(tmp_path: Path) -> None:
    folder = tmp_path / "log"
    folder.mkdir()
    written(folder, 12)
    for path in files(folder):
        path.unlink()
    assert "line 1 was expected" in verify(folder, KEY)[1]


def test_under_another_key_nothing_holds(tmp_path: Path) -> None:
    written(tmp_path, 2)
    assert "another installation" in verify(tmp_path, b"another")[1]
    with pytest.raises(AuditError, match="another installation"):
        AuditLog(tmp_path, b"another")


def test_nothing_is_appended_to_a_log_without_its_seal(tmp_path: Path) -> None:
    written(tmp_path, 2)
    no_seal(tmp_path)
    with pytest.raises(AuditError, match="is missing"):
        AuditLog(tmp_path, KEY)


@pytest.mark.parametrize("kept", [0, 17, -1])
def test_a_line_that_the_power_took_is_written_again(tmp_path: Path, kept: int) -> None:
    written(tmp_path, 3, rotate_bytes=10_000)
    path = files(tmp_path)[0]
    *others, newest = path.read_text().splitlines(keepends=True)
    path.write_text("".join(others) + newest[:kept])
    assert verify(tmp_path, KEY) == (3, "")
    AuditLog(tmp_path, KEY, clock()).append("start")
    assert verify(tmp_path, KEY) == (4, "")


def test_old_files_can_be_forgotten_and_the_rest_stays_whole(tmp_path: Path) -> None:
    log = written(tmp_path, 12)
    assert log.forget_before("2026-11-21T00:00:06.000+00:00") > 0
    left, problem = verify(tmp_path, KEY)
    assert (0 < left < 12, problem) == (True, "")
    assert log.forget_before("2000") == 0
    log.append("stop")
    assert verify(tmp_path, KEY) == (left + 1, "")
    assert log.forget_before("3000") > 0
    assert len(files(tmp_path)) == 1


def test_many_threads_write_one_chain(tmp_path: Path) -> None:
    log = AuditLog(tmp_path, KEY)

    def many() -> None:
        for _ in range(5):
            log.append("panic")

    threads = [threading.Thread(target=many) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert verify(tmp_path, KEY) == (20, "")


def test_what_a_line_is_made_of_cannot_be_forged(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="the log's own"):
        AuditLog(tmp_path, KEY).append("panic", n=7)


def test_two_writers_that_know_nothing_of_each_other_write_one_chain(tmp_path: Path) -> None:
    first, second = AuditLog(tmp_path, KEY), AuditLog(tmp_path, KEY)
    for log in (first, second, second, first):
        log.append("start")
    assert verify(tmp_path, KEY) == (4, "")


def test_a_log_that_somebody_holds_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = AuditLog(tmp_path, KEY)
    monkeypatch.setattr(audit, "PATIENCE_S", 0.01)
    with held(tmp_path), pytest.raises(AuditError, match="Another livecam holds"), held(tmp_path, 0.01):
        pass
    log.append("start")
    with pytest.raises(AuditError, match="cannot be written"), held(tmp_path / "nowhere"):
        pass


def test_when_something_happened_may_be_told(tmp_path: Path) -> None:
    AuditLog(tmp_path, KEY).append_at("2026-01-01T00:00:00.000+00:00", "panic", {})
    assert json.loads(next(lines(tmp_path))[2])["at"].startswith("2026-01-01")
    assert utc_now().endswith("+00:00")


def test_a_disk_that_refuses_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = written(tmp_path, 6, rotate_bytes=100)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("livecam.privacy.audit_seal.os.fsync", full)
        with pytest.raises(AuditError, match="No space left"):
            log.append("panic")
        with pytest.raises(AuditError, match="No space left"):
            log.forget_before("3000")


def test_what_is_no_line_of_the_log_is_not_forgotten(tmp_path: Path) -> None:
    log = written(tmp_path, 12)
    files(tmp_path)[1].write_text("[]\n")
    with pytest.raises(AuditError, match="does not begin with a line"):
        log.forget_before("3000")


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    written(tmp_path, 2)
    files(tmp_path)[0].write_bytes(b"\xff\xfe")
    with pytest.raises(AuditError, match="cannot be read"):
        verify(tmp_path, KEY)


def test_the_seal_of_nothing(tmp_path: Path) -> None:
    assert read_seal(tmp_path, KEY).last == 0
