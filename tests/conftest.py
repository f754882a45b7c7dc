"""Fixtures for every room: the embedded networks, and the clips and networks that are kept beside a checkout."""

import os
from collections.abc import Iterator, Mapping
from inspect import Parameter, signature
from pathlib import Path

import pytest

from livecam.vision.watch import FaceWatch
from tests.inference.conftest import mesh_models, mesh_wheel, recipes
from tests.patience import UNHURRIED_S, wait_longer

HERE = Path(__file__).resolve().parent

ALONE: Mapping[str, tuple[str, ...]] = {
    "app/test_consenting": ("test_in_a_running_daemon",),
    "app/test_controls": ("test_a_run_is_controlled_by_its_socket",),
    "app/test_daemon": (),
    "app/test_memory": (),
    "app/test_neural": ("test_a_call_goes_on", "test_the_daemon_runs_a_preset"),
    "app/test_output_process": (),
    "app/test_presets": ("test_a_call_changes_from_the_mesh_to_networks_and_back",),
    "app/test_process": ("test_a_signal_ends", "test_a_second_interrupt", "test_a_killed_daemon"),
    "app/test_resting": (),
    "app/test_wearing": (),
    "bench/test_command": (),
    "capture/test_camera": (),
    "control/test_panic": (),
    "control/web/test_events": (),
    "output/test_web": (),
    "runtime/test_supervisor": (),
}
"""Modules, and the beginnings of their tests' names where it is not all of them, that run the whole daemon or judge
times: `make test` runs nothing else beside them."""

LONG = (
    "test_hygiene",
    "app/test_crossing",
    "vision/test_quality",
    "vision/test_portrait",
    "vision/test_follow",
    "vision/test_histories",
    "vision/mesh/test_profile",
    "app/test_process",
    "app/test_verify",
    "vision/test_track",
    "cli/test_bench_quality",
    "capture/test_synthetic",
    "core/test_shared_ring",
    "output/test_stream",
    "output/test_record",
    "bench/test_standins",
    "benchmarks/test_gpu_probe",
    "test_imports",
)
"""Modules that take longest. They come first: one that came last would be waited for while all else is done."""

SECOND_TRY = (
    "app",
    "bench",
    "benchmarks",
    "capture",
    "cli",
    "contracts",
    "control",
    "doctor",
    "e2e",
    "inference",
    "local",
    "output",
    "remote",
    "runtime",
)
"""Rooms whose tests run threads, processes, sockets and disks in real time. One that fails is tried once more, and the
summary names it (docs/adr/0013). All others get one try: sums, pictures and rules come out the same however busy a
machine is."""

ONE_TRY = (
    "app/test_apart",
    "app/test_consent",
    "app/test_convert",
    "app/test_crossing",
    "app/test_discreet",
    "app/test_exchange",
    "app/test_following",
    "app/test_people",
    "app/test_resting",
    "app/test_safety",
    "control/test_panic",
    "control/web/test_guard",
    "control/web/test_lanes",
    "runtime/test_loops",
)
"""How modules of those rooms begin whose subject is whether a face is covered, who may be swapped or who is let in:
what fails once in a hundred times is to be seen there."""

__all__ = ["mesh_models", "mesh_wheel", "recipes"]


def pytest_configure(config: pytest.Config) -> None:
    """An example that a busy machine held up for 200 ms is no failure; the rest is Hypothesis' own profile."""
    if config.pluginmanager.hasplugin("hypothesispytest"):
        from hypothesis import settings

        settings.register_profile("unhurried", settings(), deadline=None)
        settings.load_profile("unhurried")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Where only what runs alone is wanted, no other module is read: that would take ten seconds."""
    only_alone = str(config.getoption("markexpr")).endswith(" and alone")
    return True if only_alone and collection_path.suffix == ".py" and _module(collection_path) not in ALONE else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what has to run alone and what is tried again, and put what takes longest first."""
    again = config.pluginmanager.hasplugin("rerunfailures")
    for item in items:
        if again and tried_again(_module(item.path)):
            item.add_marker(pytest.mark.flaky(reruns=1, reruns_delay=5))
        names = ALONE.get(_module(item.path))
        if names is not None and item.name.startswith(names or ""):
            item.add_marker(pytest.mark.alone)
    places = {module: place for place, module in enumerate(LONG)}
    items.sort(key=lambda item: places.get(_module(item.path), len(LONG)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what each first try that failed had to say: a second one that passes must not hide it."""
    for report in terminalreporter.stats.get("rerun", []):
        terminalreporter.section(f"first try of {report.nodeid}")
        terminalreporter.write_line(report.longreprtext)


def tried_again(module: str) -> bool:
    """Whether a test of `module`, such as ``app/test_daemon``, gets a second try."""
    return module.split("/", maxsplit=1)[0] in SECOND_TRY and not module.startswith(ONE_TRY)


def _module(path: Path) -> str:
    """As it is named above."""
    return path.relative_to(HERE).with_suffix("").as_posix() if path.is_relative_to(HERE) else ""


@pytest.fixture(scope="session", autouse=True)
def own_data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Runs of tests are written into no audit log of whoever runs them, nor are keys made there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIVECAM_DATA", str(tmp_path_factory.mktemp("data")))
        yield


@pytest.fixture(autouse=True)
def nobody_hurries(monkeypatch: pytest.MonkeyPatch) -> None:
    """What looks at a frame beside others is waited for, however busy the machine is."""
    wait_longer(monkeypatch, ("livecam.vision.flow._PATIENCE_S", "livecam.vision.hands.occluder._PATIENCE_S"))
    given = {name: each.default for name, each in signature(FaceWatch.__init__).parameters.items()}
    longer = (given | {"patience_s": UNHURRIED_S}).values()
    monkeypatch.setattr(
        FaceWatch.__init__, "__defaults__", tuple(each for each in longer if each is not Parameter.empty)
    )


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with ``clips/`` and ``networks/``; a test that needs it skips where it is absent."""
    root = Path(os.environ.get("LIVECAM_SHARED") or HERE.parents[1] / "shared")
    data = root / "data"
    if not (data / "clips").is_dir():
        pytest.skip(f"no test clips: {data} is absent; LIVECAM_SHARED can name the folder that holds data/")
    return data
