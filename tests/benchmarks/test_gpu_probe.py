"""The probe of a card: its way through on a card over the host's memory, and what it says where there is none."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import gpu_probe
from benchmarks.gpu import chain, copies, kernels, networks, report
from benchmarks.gpu.cards import Rig, peak_tflops
from benchmarks.gpu.subjects import Shelf
from livecam.core.device import Device, DeviceEngine
from livecam.inference.model import Model
from tests.canvas.host_device import HostDevice, HostEngine, host_device, host_library


@pytest.fixture
def device(tmp_path_factory: pytest.TempPathFactory) -> HostDevice:
    return host_device(tmp_path_factory)


@pytest.fixture
def rig(device: HostDevice) -> Rig:
    return Rig(lambda: device, lambda _: host_library(device))


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Shelf:
    return Shelf(tmp_path_factory.mktemp("shelf"), 16)


def test_copies_are_timed_both_ways_and_on_the_card(rig: Rig, device: HostDevice) -> None:
    found = copies.measure(rig, 0.01, 1 << 16)
    assert set(found) == {"card", "1080p BGR up", "1080p BGR down", "1080p I420 up", "1080p I420 down", "on the card"}
    assert not device.held(), "everything was given back"


def test_every_kernel_of_a_frame_is_timed_against_its_bytes(rig: Rig) -> None:
    found = kernels.measure(rig, 100.0, runs=1, copies=1)
    assert {str(case["kernel"]) for case in found.values()} == {"warp", "paint", "block_means", "block_draw", "picture"}  # type: ignore[index]
    to_i420 = found["to I420"]
    assert isinstance(to_i420, dict)
    assert to_i420["bytes"] == 1920 * 1080 * 9 // 2
    assert to_i420["floor_ms"] == pytest.approx(to_i420["bytes"] / 100e9 * 1e3)


def test_networks_are_timed_by_way_and_held_against_32_bit(device: HostDevice, shelf: Shelf) -> None:
    def load(name: str) -> DeviceEngine:
        return HostEngine(device, shelf.on_onnx_runtime(name, "cpu"))

    ways: dict[str, Callable[[str], networks.Way]] = {
        "card": networks.on_card(device, load),
        "memory": networks.through_memory(lambda name: shelf.on_onnx_runtime(name, "cpu")),
        "absent": networks.through_memory(lambda name: shelf.on_onnx_runtime(name, "cuda")),
        "graph": networks.onnx_with_graph(shelf),
    }
    found = networks.measure(shelf, ["xseg_1"], ways, "NVIDIA H200", 4000.0, 0.01)["xseg_1"]
    assert isinstance(found, dict)
    assert found["floors"]["flop_ms"] == pytest.approx(found["gflop"] / 790)
    for way in ("card", "memory"):
        assert max(found[way]["errors"].values()) < 1e-5
        assert found[way]["p50_ms"] > 0
    assert "cuda" in found["absent"]["problem"]
    assert "problem" in found["graph"]
    assert not device.held()


@pytest.mark.slow
def test_the_whole_chain_runs_on_the_card_and_through_memory(rig: Rig, device: HostDevice, shelf: Shelf) -> None:
    def load(_device: Device) -> Callable[[Model, int], DeviceEngine]:
        return lambda model, _batch: HostEngine(device, shelf.on_onnx_runtime(model.name, "cpu"))

    effort = chain.Effort(0.0, 6, ("swap",), (0, 1))
    on_card = chain.on_card(rig, load, effort)
    memory = chain.through_memory(lambda model, _: shelf.on_onnx_runtime(model.name, "cpu"), effort)
    for found in (on_card, memory):
        runs = found["swap"]
        assert isinstance(runs, dict)
        assert all(runs[f"{count} faces"]["fps"] > 0 for count in (0, 1))
        assert runs["0 faces"]["refused"] == 0
    assert not device.held()
    bars = report.bars({"chain": {"on the card": on_card, "onnx runtime": memory}})
    assert [bar.limit for bar in bars] == [3.0, 4.0, 1.0, 3.0]
    assert any("swap" in line for line in report.lines({"chain": on_card}))


def test_without_a_card_it_says_so_and_judges_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu_probe, "environment_of", lambda: {"card": "none"})
    assert gpu_probe.main(["--stages", "copies", "--out", str(tmp_path)]) == 1
    (written,) = tmp_path.glob("gpu_probe-*.json")
    told = json.loads(written.read_text(encoding="utf-8"))
    assert told["bars"] == []
    assert "problem" in told["details"]["copies"]
    assert "none of the goals could be judged" in capsys.readouterr().out


def test_a_stage_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(gpu_probe.STAGES, "copies", 0)
    gpu_probe.main(["--stages", "copies", "--out", str(tmp_path)])
    (written,) = tmp_path.glob("gpu_probe-*.json")
    assert "took longer" in written.read_text(encoding="utf-8")


def test_all_stages_together_end_within_eight_minutes() -> None:
    assert sum(gpu_probe.STAGES.values()) < 8 * 60


def test_the_arithmetic_of_an_unknown_card_makes_no_floor() -> None:
    assert peak_tflops("sm_86 NVIDIA GeForce RTX 3060 driver 13000") is None
