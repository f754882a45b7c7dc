"""The measurement of the studio, without a card: it says so. The rest: tests/studio/engines/test_full_size.py."""

import pytest

from benchmarks import bench_studio
from benchmarks.bench_studio import told


@pytest.fixture
def _nothing_written(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_given: object) -> None:
        raise AssertionError("a result was written")

    monkeypatch.setattr(bench_studio, "publish", refuse)
    monkeypatch.setattr(bench_studio, "go_offline", lambda: None)


@pytest.mark.usefixtures("_nothing_written")
def test_what_is_missing_is_said_and_nothing_is_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench_studio, "missing", lambda: "torch sees no NVIDIA card on this machine.")
    assert not bench_studio.main()
    said = capsys.readouterr().out
    assert "nothing was measured, and no result is written: torch sees no NVIDIA card" in said


@pytest.mark.usefixtures("_nothing_written")
def test_a_package_that_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def absent(name: str) -> object:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(bench_studio, "import_module", absent)
    assert not bench_studio.main()
    assert 'torch is not installed; it comes with pip install "livecam[studio]"' in capsys.readouterr().out


def test_a_line_says_time_and_memory() -> None:
    found = {"seconds_a_step": 0.25, "seconds_a_picture": 1.2, "steps": 4.0, "gb_peak": 9.81, "gb_loaded": 7.9}
    assert told("klein4b", found) == (
        "klein4b: 0.250 s a step, 1.20 s a picture of 4 steps, 9.8 GB at most (7.9 GB loaded)"
    )
