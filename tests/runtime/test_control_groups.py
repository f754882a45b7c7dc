"""Limits of containers and services are read from the files of the kernel, whatever stands in them."""

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livecam.runtime.control_groups import Group, Limits, Throttle, groups_of, number_of, table_of

PROCESS = Path("/proc/self")

# A container that sees its own part of the hierarchy alone, as the engines make it by default with version 2.
CONTAINER = {
    "/proc/self/cgroup": "0::/\n",
    "/proc/self/mountinfo": (
        "1204 1203 0:103 / / rw,relatime master:310 - overlay overlay rw,lowerdir=/l/A:/l/B\n"
        "1210 1209 0:27 / /sys/fs/cgroup ro,nosuid,nodev,noexec,relatime - cgroup2 cgroup rw,nsdelegate,memory_rec\n"
    ),
    "/sys/fs/cgroup/cpu.max": "50000 100000\n",
    "/sys/fs/cgroup/cpu.stat": (
        "usage_usec 4811223\nuser_usec 4012345\nsystem_usec 798878\nnice_usec 0\ncore_sched.force_idle_usec 0\n"
        "nr_periods 412\nnr_throttled 371\nthrottled_usec 29811222\nnr_bursts 0\nburst_usec 0\n"
    ),
    "/sys/fs/cgroup/memory.max": "536870912\n",
    "/sys/fs/cgroup/memory.current": "500000000\n",
    "/sys/fs/cgroup/memory.stat": "anon 398131200\nfile 90000000\ninactive_file 80000000\nactive_file 10000000\n",
}

# A service of systemd with CPUQuota=, in a slice that has a limit of memory, on a machine with version 2.
SLICE = "/sys/fs/cgroup/user.slice/user-1000.slice"
IN_SLICE = "user@1000.service/app.slice/livecam.service"
SERVICE = {
    "/proc/self/cgroup": f"0::/user.slice/user-1000.slice/{IN_SLICE}\n",
    "/proc/self/mountinfo": "35 24 0:30 / /sys/fs/cgroup rw,nosuid,nodev,noexec shared:9 - cgroup2 cgroup2 rw\n",
    f"{SLICE}/{IN_SLICE}/cpu.max": "150000 100000\n",
    f"{SLICE}/{IN_SLICE}/cpu.stat": "nr_throttled 7\n",
    f"{SLICE}/{IN_SLICE}/memory.max": "max\n",
    f"{SLICE}/{IN_SLICE}/memory.current": "9000\n",
    f"{SLICE}/cpu.max": "max 100000\n",
    f"{SLICE}/cpu.stat": "nr_throttled 0\n",
    f"{SLICE}/memory.max": "1000000\n",
    f"{SLICE}/memory.current": "400000\n",
    "/sys/fs/cgroup/user.slice/cpu.max": "400000 100000\n",
    "/sys/fs/cgroup/user.slice/cpu.stat": "nr_throttled 3\n",
}

# A container of an older engine: version 1, the hierarchies mounted from where the container lies in them.
OLDER = {
    "/proc/self/cgroup": (
        "12:memory:/docker/4f2a\n5:cpuset:/docker/4f2a\n3:cpu,cpuacct:/docker/4f2a\n1:name=systemd:/docker/4f2a\n0::/\n"
    ),
    "/proc/self/mountinfo": (
        "812 805 0:28 /docker/4f2a /sys/fs/cgroup/cpu,cpuacct ro,nosuid master:15 - cgroup cgroup rw,cpu,cpuacct\n"
        "815 805 0:37 /docker/4f2a /my\\040groups/memory ro,nosuid master:21 - cgroup cgroup rw,memory\n"
        "816 805 0:38 / /sys/fs/cgroup/unified ro - cgroup2 cgroup rw\n"
    ),
    "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "20000\n",
    "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
    "/sys/fs/cgroup/cpu,cpuacct/cpu.stat": "nr_periods 90\nnr_throttled 80\nthrottled_time 7123456789\n",
    "/my groups/memory/memory.limit_in_bytes": "268435456\n",
    "/my groups/memory/memory.usage_in_bytes": "100000000\n",
    "/my groups/memory/memory.stat": "inactive_file 1\ntotal_inactive_file 5000000\n",
}

FREE = {
    **OLDER,
    "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
    "/my groups/memory/memory.limit_in_bytes": "9223372036854771712\n",
}


def limits(files: Mapping[str, str]) -> Limits:
    def read(path: Path) -> str:
        if str(path) not in files:
            raise FileNotFoundError(path)
        return files[str(path)]

    return Limits(PROCESS, read)


@pytest.mark.skipif(sys.platform == "win32", reason="its paths are written otherwise")
@pytest.mark.parametrize(
    ("files", "throttles", "left"),
    [
        (CONTAINER, [Throttle(0.5, 37.1)], 536870912 - 500000000 + 80000000),
        (SERVICE, [Throttle(1.5, 0.7), Throttle(4.0, 0.3)], 600000),
        (OLDER, [Throttle(0.2, 8.0)], 268435456 - 100000000 + 5000000),
        (FREE, [], None),
        ({}, [], None),
    ],
    ids=["container", "service", "version 1", "no limit", "no groups"],
)
def test_what_a_container_or_service_may_use(
    files: dict[str, str], throttles: list[Throttle], left: int | None
) -> None:
    found = limits(files)
    assert list(found.throttles().values()) == throttles
    assert found.memory_left() == left


def test_a_group_that_is_not_below_what_is_mounted_is_what_is_mounted() -> None:
    mount = "35 24 0:30 /docker/1 /groups rw - cgroup2 cgroup2 rw\n"
    for path in ("/docker/2/x", "/../../y", "/docker/1/../2"):
        assert groups_of(f"0::{path}\n", mount, "cpu") == (Group(Path("/groups"), True),)


@pytest.mark.skipif(sys.platform == "win32", reason="its paths are written otherwise")
@pytest.mark.parametrize("word", ["", "max", "-1", "0 0", "9" * 5000, "x y z", "٣ ٤", "1 0", "50000 1 1"])
@pytest.mark.parametrize("name", ["cpu.max", "cpu.stat", "memory.max", "memory.current", "memory.stat"])
def test_a_file_in_which_something_else_stands_limits_nothing_and_fails_nothing(name: str, word: str) -> None:
    found = limits({**CONTAINER, f"/sys/fs/cgroup/{name}": word})
    assert len(found.throttles()) == (not name.startswith("cpu"))
    assert (found.memory_left() is None) == (name in {"memory.max", "memory.current"})


@settings(deadline=None)
@given(groups=st.text(), mounts=st.text())
def test_nothing_in_the_process_files_fails(groups: str, mounts: str) -> None:
    text = f"{groups}\n0::/{groups}"
    for found in (
        groups_of(text, mounts, "cpu"),
        groups_of(text, f"1 2 3 {mounts} / rw - cgroup2 c rw", "cpu"),
        groups_of(text, f"1 2 3 / /groups rw - cgroup2 {mounts} rw", "memory"),
    ):
        assert all(group.unified for group in found)


@settings(deadline=None)
@given(text=st.text())
def test_nothing_in_a_table_fails(text: str) -> None:
    table_of(f"{text}\nnr_throttled {text}")
    number_of(text)


def test_a_file_that_cannot_be_read_as_text_limits_nothing() -> None:
    def read(path: Path) -> str:
        if path.name in {"cgroup", "mountinfo"}:
            return CONTAINER[f"/proc/self/{path.name}"]
        raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "no text")

    found = Limits(PROCESS, read)
    assert (dict(found.throttles()), found.memory_left()) == ({}, None)


def test_this_machine_can_be_asked() -> None:
    found = Limits()
    assert all(throttle.processors >= 0 for throttle in found.throttles().values())
    left = found.memory_left()
    assert left is None or left > 0
