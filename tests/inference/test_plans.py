"""The cache of plans: what is loaded is whole, this user's own and made for the key; what is not is put away."""

import errno
import logging
import os
import random
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from livecam.errors import EngineError
from livecam.inference import plans
from livecam.inference.lock import locked
from livecam.inference.plan_file import HEADER_LIMIT, MAGIC, PlanRefused, read_header, read_sealed
from livecam.inference.plan_key import Flavour, InputShape, Key, Kind, Precision, SideKey, file_name, key_digest
from livecam.inference.plans import PlanCache
from tests.inference.planning import KEY, NEW, OLD, OTHER

ROOT = Path(__file__).resolve().parents[2]
posix = pytest.mark.skipif(os.name == "nt", reason="Windows keeps owners and permissions in another way")


@pytest.fixture
def cache(tmp_path: Path) -> PlanCache:
    return PlanCache(tmp_path / "cache" / "plans")


def path_of(cache: PlanCache) -> Path:
    return cache.folder / file_name(KEY)


def bad(cache: PlanCache) -> list[str]:
    folder = cache.folder / "bad"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def program(*arguments: str | Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.inference.planning", *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def test_what_is_kept_is_found_with_what_was_to_be_remembered(cache: PlanCache) -> None:
    assert cache.find(KEY) is None
    assert not cache.folder.exists(), "looking makes no folder"
    cache.keep(KEY, OLD, {"outside": "float64"})
    found = cache.find(KEY)
    assert found is not None
    assert found.payload == OLD
    assert found.header.about == {"outside": "float64"}
    assert found.header.fields["model"] == "swap"
    assert abs(found.header.created_s - time.time()) < 60
    cache.keep(KEY, NEW)
    replaced = cache.find(KEY)
    assert replaced is not None
    assert replaced.payload == NEW
    assert cache.find(OTHER) is None


@pytest.mark.parametrize(
    "other",
    [
        replace(KEY, recipe="c" * 64),
        replace(KEY, weights="c" * 64),
        replace(KEY, flavour=Flavour.TENSORRT),
        replace(KEY, version="1.7.2"),
        replace(KEY, target="sm_86"),
        replace(KEY, precision=Precision.FP32),
        replace(KEY, converter="2:none"),
        replace(KEY, shapes=(*KEY.shapes[:1], InputShape.fixed("source", (1, 512)))),
        replace(KEY, shapes=KEY.shapes[::-1]),
        replace(KEY, settings=(("level", "5"),)),
        SideKey(Kind.TIMING, Flavour.RTX, "1.7.1", "sm_86"),
        SideKey(Kind.RUNTIME, Flavour.RTX, "1.7.1", "sm_86"),
    ],
    ids=lambda key: key.label + str(key.fields())[:20],
)
def test_every_part_of_the_key_counts(other: Key, cache: PlanCache) -> None:
    assert key_digest(other) != key_digest(KEY)
    cache.keep(KEY, OLD)
    assert cache.find(other) is None
    # Even under the other's name it is not taken.
    path_of(cache).replace(cache.folder / file_name(other))
    assert cache.find(other) is None
    assert len(bad(cache)) == 1


def test_the_order_of_settings_does_not_count() -> None:
    pairs = (("a", "1"), ("b", "2"))
    assert key_digest(replace(KEY, settings=pairs)) == key_digest(replace(KEY, settings=pairs[::-1]))


def test_names_of_files_are_harmless() -> None:
    name = file_name(replace(KEY, model="../..//etc/passwd" + "x" * 500))
    assert "/" not in name
    assert not name.startswith(".")
    assert len(name) < 150


@posix
def test_files_and_folders_are_the_owners_alone(cache: PlanCache) -> None:
    before = os.umask(0)
    try:
        cache.keep(KEY, OLD)
    finally:
        os.umask(before)
    assert path_of(cache).stat().st_mode & 0o777 == 0o600
    assert cache.folder.stat().st_mode & 0o777 == 0o700


SIZE = len(OLD) + 1000


@pytest.mark.parametrize("length", [0, 4, 8, 11, 12, 43, 60, 500, 1200, len(OLD), len(OLD) + 300])
def test_a_truncated_plan_is_put_away(length: int, cache: PlanCache, caplog: pytest.LogCaptureFixture) -> None:
    cache.keep(KEY, OLD)
    os.truncate(path_of(cache), length)
    with caplog.at_level(logging.WARNING):
        assert cache.find(KEY) is None
    assert "it was not loaded" in caplog.text
    assert not path_of(cache).exists()
    assert len(bad(cache)) == 1
    # It is built again, once.
    assert cache.obtain(KEY, lambda: (NEW, {})).payload == NEW


def test_no_flipped_bit_is_loaded(cache: PlanCache) -> None:
    cache.keep(KEY, OLD, {"outside": "float64"})
    sound = path_of(cache).read_bytes()
    front = len(sound) - len(OLD)
    drawn = random.Random(4)
    places = {*range(front), *(drawn.randrange(front, len(sound)) for _ in range(30)), len(sound) - 1}
    for place in sorted(places):
        with path_of(cache).open("r+b") as file:
            file.seek(place)
            file.write(bytes([sound[place] ^ (1 << drawn.randrange(8))]))
        with pytest.raises(PlanRefused):
            read_sealed(path_of(cache), KEY)
        with path_of(cache).open("r+b") as file:
            file.seek(place)
            file.write(sound[place : place + 1])
    assert read_sealed(path_of(cache), KEY).payload == OLD


def test_what_is_longer_than_it_says_is_refused(cache: PlanCache) -> None:
    cache.keep(KEY, OLD)
    with path_of(cache).open("ab") as file:
        file.write(b"x")
    with pytest.raises(PlanRefused, match="too long"):
        read_header(path_of(cache))


def test_a_header_of_any_length_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "x.plan"
    path.write_bytes(MAGIC + (HEADER_LIMIT + 1).to_bytes(4, "little") + bytes(32) + b" " * 100)
    path.chmod(0o600)
    with pytest.raises(PlanRefused, match="too long"):
        read_header(path)


@posix
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602])
def test_what_others_may_touch_is_put_away(mode: int, cache: PlanCache) -> None:
    cache.keep(KEY, OLD)
    path_of(cache).chmod(mode)
    assert cache.find(KEY) is None
    assert len(bad(cache)) == 1


@posix
def test_a_strangers_plan_is_put_away(cache: PlanCache, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.keep(KEY, OLD)
    path = path_of(cache)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(PlanRefused, match="belongs to another user"):
        read_sealed(path, KEY)
    with pytest.raises(EngineError, match="belongs to another user"):
        cache.find(KEY)


@posix
def test_links_are_not_followed(cache: PlanCache, tmp_path: Path) -> None:
    cache.keep(KEY, OLD)
    elsewhere = tmp_path / "elsewhere.plan"
    path_of(cache).replace(elsewhere)
    path_of(cache).symlink_to(elsewhere)
    assert cache.find(KEY) is None
    assert elsewhere.exists(), "the link went, not what it points to"
    os.link(elsewhere, path_of(cache))
    assert cache.find(KEY) is None
    assert len(bad(cache)) == 2


@posix
def test_what_is_written_does_not_follow_links(cache: PlanCache, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"mine")
    cache.keep(OTHER, OLD)
    path_of(cache).symlink_to(victim)
    (cache.folder / f".{file_name(KEY)}.part").symlink_to(victim)
    cache.keep(KEY, NEW)
    assert victim.read_bytes() == b"mine"
    assert not path_of(cache).is_symlink()


@posix
@pytest.mark.timeout(120)
def test_a_pipe_does_not_stop_the_daemon(cache: PlanCache) -> None:
    cache.keep(OTHER, OLD)
    os.mkfifo(path_of(cache), 0o600)
    assert cache.find(KEY) is None


@posix
def test_a_folder_that_others_may_write_is_refused(cache: PlanCache) -> None:
    cache.keep(KEY, OLD)
    cache.folder.chmod(0o770)
    with pytest.raises(EngineError, match="open to other users"):
        cache.find(KEY)
    with pytest.raises(EngineError, match="open to other users"):
        cache.keep(KEY, NEW)


@posix
def test_a_folder_that_is_a_link_is_refused(cache: PlanCache, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir(mode=0o700)
    cache.folder.parent.mkdir()
    cache.folder.symlink_to(tmp_path / "real")
    with pytest.raises(EngineError, match="link"):
        cache.keep(KEY, NEW)


@posix
def test_killed_at_any_moment_it_leaves_old_or_new(cache: PlanCache) -> None:
    drawn, found, unfinished, number = random.Random(3), set[bytes](), 0, 0
    # More often, and later, where the machine is slow.
    while number < 12 or (found != {OLD, NEW} and number < 60):
        number += 1
        writer = program("write", cache.folder)
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        time.sleep(drawn.uniform(0.0, 0.06 * max(1, number - 10)))
        writer.send_signal(signal.SIGKILL)
        writer.wait(60)
        writer.stdout.close()
        unfinished += len(list(cache.folder.glob(".*.part")))
        left = cache.find(KEY)
        assert left is not None
        assert left.payload in {OLD, NEW}
        found.add(left.payload)
    assert bad(cache) == []
    assert found == {OLD, NEW}
    (cache.folder / f".{file_name(OTHER)}.part").write_bytes(b"half")
    cache.prune()
    assert list(cache.folder.glob(".*.part")) == [], "what killed writers left is swept"


def test_what_is_being_written_is_not_swept(cache: PlanCache) -> None:
    cache.keep(KEY, OLD)
    part = cache.folder / f".{file_name(OTHER)}.part"
    part.write_bytes(b"half")
    with locked(cache.folder / ".locks" / file_name(OTHER), 1):
        cache.prune()
        assert part.exists()
    cache.prune()
    assert not part.exists()


def test_two_processes_build_once(cache: PlanCache, tmp_path: Path) -> None:
    log = tmp_path / "log"
    builders = [program("build", cache.folder, log) for _ in range(3)]
    assert [builder.wait(120) for builder in builders] == [0, 0, 0]
    for builder in builders:
        assert builder.stdout is not None
        builder.stdout.close()
    assert log.read_text() == "built\n"


def test_two_threads_build_once(cache: PlanCache) -> None:
    built, results = [], []

    def make() -> plans.Made:
        time.sleep(0.2)
        built.append(1)
        return OLD, {}

    threads = [threading.Thread(target=lambda: results.append(cache.obtain(KEY, make).payload)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert len(built) == 1
    assert results == [OLD] * 3


def test_a_failed_build_leaves_nothing_and_frees_the_lock(cache: PlanCache) -> None:
    def fail() -> plans.Made:
        raise EngineError("no")

    with pytest.raises(EngineError, match="no"):
        cache.obtain(KEY, fail)
    assert cache.obtain(KEY, lambda: (OLD, {}), limit_s=1).payload == OLD


def test_waiting_for_another_builder_has_an_end(cache: PlanCache) -> None:
    cache.keep(OTHER, OLD)
    with (
        locked(cache.folder / ".locks" / file_name(KEY), 1),
        pytest.raises(EngineError, match="Another livecam has been building swap-fp16"),
    ):
        cache.obtain(KEY, lambda: (OLD, {}), limit_s=0.2)


def test_a_full_disk_costs_the_file_and_no_more(
    cache: PlanCache, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    cache.keep(KEY, OLD)

    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with caplog.at_level(logging.WARNING):
        assert cache.keep(KEY, NEW).payload == NEW, "what was built is used"
        assert cache.obtain(OTHER, lambda: (NEW, {})).payload == NEW
    assert "is full" in caplog.text
    kept = cache.find(KEY)
    assert kept is not None
    assert kept.payload == OLD, "the old one is still whole"
    assert list(cache.folder.glob(".*.part")) == []


def test_another_trouble_of_the_disk_is_told(cache: PlanCache, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_handle: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(EngineError, match="cannot be kept in"):
        cache.keep(KEY, NEW)


def keys(count: int) -> list[Key]:
    return [replace(KEY, model=f"net{number}") for number in range(count)]


def age(cache: PlanCache, key: Key, seconds: int) -> None:
    os.utime(cache.folder / file_name(key), (time.time() - seconds,) * 2)


def test_what_was_used_longest_ago_goes_first(cache: PlanCache) -> None:
    one, two, three = keys(3)
    for number, key in enumerate((one, two, three)):
        cache.keep(key, OLD)
        age(cache, key, 300 - 100 * number)
    assert cache.find(one) is not None  # which makes it the newest
    gone = cache.prune(budget=2 * SIZE)
    assert [entry.path.name for entry in gone] == [file_name(two)]
    assert [entry.path.name for entry in cache.entries()] == [file_name(one), file_name(three)]


def test_the_budget_is_kept_and_the_newest_spared(tmp_path: Path) -> None:
    cache = PlanCache(tmp_path / "plans", budget=1000)
    one, two = keys(2)
    cache.keep(one, OLD)
    age(cache, one, 100)
    cache.keep(two, OLD)
    assert [entry.path.name for entry in cache.entries()] == [file_name(two)]


def test_bad_files_count_and_go_before_good_ones(cache: PlanCache) -> None:
    for key in keys(7):
        cache.keep(key, OLD)
        with (cache.folder / file_name(key)).open("ab") as file:
            file.write(b"x")
        assert cache.find(key) is None
    assert len(bad(cache)) == 4
    cache.keep(KEY, OLD)
    assert cache.prune(budget=2 * SIZE) == []
    assert len(bad(cache)) <= 1
    assert path_of(cache).exists()


def test_verify_reads_every_file_whole(cache: PlanCache) -> None:
    one, two, three = keys(3)
    for key in (one, two, three):
        cache.keep(key, OLD)
    with (cache.folder / file_name(two)).open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"!")
    # A sound plan under the name of another one: it would be found for that key.
    (cache.folder / file_name(three)).replace(cache.folder / file_name(KEY))
    assert {entry.reason for entry in cache.entries()} == {""}, "the list reads headers only"
    told = {entry.path.name: entry.reason for entry in cache.verify()}
    assert told[file_name(one)] == ""
    assert "damaged" in told[file_name(two)]
    assert "another plan's name" in told[file_name(KEY)]
    assert [entry.path.name for entry in cache.entries()] == [file_name(one)]


def test_timing_and_runtime_caches_lie_beside(cache: PlanCache) -> None:
    timing = SideKey(Kind.TIMING, Flavour.TENSORRT, "11.4.0", "sm_90 NVIDIA H200 driver 580")
    runtime = SideKey(Kind.RUNTIME, Flavour.RTX, "1.7.1", "sm_89", key_digest(KEY))
    cache.keep(timing, b"timing")
    cache.keep(runtime, b"runtime")
    held = cache.find(runtime)
    assert held is not None
    assert held.payload == b"runtime"
    assert {entry.path.suffix for entry in cache.entries()} == {".timing", ".runtime"}


def test_other_files_are_let_be(cache: PlanCache) -> None:
    cache.keep(KEY, OLD)
    (cache.folder / "notes.txt").write_text("mine")
    cache.prune(budget=0)
    assert [entry.path.name for entry in cache.entries()] == []
    assert (cache.folder / "notes.txt").exists()
