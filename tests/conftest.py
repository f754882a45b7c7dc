"""Fixtures for every room: the embedded networks, and the clips and networks that are kept beside a checkout."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.inference.conftest import mesh_models, mesh_wheel, recipes

ALONE = frozenset(
    f"tests/{module}.py"
    for module in (
        "app/test_controls",
        "app/test_daemon",
        "app/test_memory",
        "app/test_neural",
        "app/test_output_process",
        "app/test_presets",
        "app/test_process",
        "app/test_resting",
        "app/test_wearing",
        "bench/test_command",
        "benchmarks/test_gpu_probe",
        "capture/test_camera",
        "cli/test_reload",
        "control/web/test_events",
        "output/test_web",
        "runtime/test_supervisor",
    )
)
"""Modules that run the whole daemon or judge times: `make test` runs nothing else beside them."""

__all__ = ["mesh_models", "mesh_wheel", "recipes"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what has to run alone."""
    for item in items:
        if item.nodeid.partition("::")[0] in ALONE:
            item.add_marker(pytest.mark.alone)


@pytest.fixture(scope="session", autouse=True)
def own_data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Runs of tests are written into no audit log of whoever runs them, nor are keys made there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIVECAM_DATA", str(tmp_path_factory.mktemp("data")))
        yield


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with ``clips/`` and ``networks/``; a test that needs it skips where it is absent."""
    root = Path(os.environ.get("LIVECAM_SHARED") or Path(__file__).resolve().parents[2] / "shared")
    data = root / "data"
    if not (data / "clips").is_dir():
        pytest.skip(f"no test clips: {data} is absent; LIVECAM_SHARED can name the folder that holds data/")
    return data
