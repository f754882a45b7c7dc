"""Model repositories for Triton: read with NVIDIA's own definition, measured, and whole or not there."""

import errno
import os
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from livecam.core.seams import TensorSpec
from livecam.errors import ConfigError, EngineError, ModelError
from livecam.inference import triton_export, triton_folder
from livecam.inference.model import Port, Task
from livecam.inference.plan_key import Flavour, InputShape
from livecam.inference.plans import PlanCache
from livecam.inference.triton_config import Platform, TritonModel, config_text
from livecam.inference.triton_export import Exported, Terms, export_onnx, export_plan
from tests.damage import damage
from tests.inference.models import network, swapper
from tests.inference.planning import KEY
from tests.inference.small_networks import small_detector, small_swapper

PICTURE, VECTOR = TensorSpec((-1, 3, 128, 128), "float32"), TensorSpec((-1, 512), "float32")
SWAP = replace(
    swapper("swap", "recogniser"),
    inputs={"target": Port(("target",), PICTURE), "source": Port(("source",), VECTOR)},
    outputs={"image": Port(("output",), PICTURE)},
)
DETECT = replace(
    network("detect"),
    task=Task.DETECT,
    inputs={"image": Port(("input.1",), TensorSpec((1, 3, -1, -1), "float32"))},
    outputs={name: Port((name,), TensorSpec((-1, 3), "float32")) for name in ("448", "471")},
)


def export(tmp_path: Path, rows: int | str = 1, most: int = 8, gpus: int = 1, **how: bool) -> Exported:
    path = small_swapper(tmp_path / "cache" / "swap.onnx", rows, **how)
    return export_onnx(SWAP, path, tmp_path / "repository", Terms(gpus, most))


def parsed(folder: Path):  # type: ignore[no-untyped-def]  # noqa: ANN201
    """The configuration, as NVIDIA's own definition of it reads it."""
    reason = "tritonclient is not installed: pip install 'livecam[remote]'"
    pytest.importorskip("tritonclient.grpc", reason=reason)
    from google.protobuf import text_format
    from tritonclient.grpc import model_config_pb2

    return text_format.Parse((folder / "config.pbtxt").read_text(), model_config_pb2.ModelConfig())


def exported_session(made: Exported) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(made.folder / "1" / "model.onnx", providers=["CPUExecutionProvider"])


def test_the_configuration_says_what_the_network_is(tmp_path: Path) -> None:
    made = export(tmp_path, gpus=2)
    config = parsed(made.folder)
    assert (config.name, config.platform, config.max_batch_size) == ("swap", "onnxruntime_onnx", 8)
    assert [(port.name, list(port.dims), port.data_type) for port in config.input] == [
        ("target", [3, 128, 128], 11),
        ("source", [512], 11),
    ]
    assert [(port.name, list(port.dims), port.data_type) for port in config.output] == [("output", [3, 128, 128], 11)]
    assert config.version_policy.latest.num_versions == 1
    group = config.instance_group[0]
    assert (list(group.gpus), group.count, group.kind) == ([0, 1], 1, group.KIND_GPU)
    assert config.HasField("dynamic_batching")
    assert not config.dynamic_batching.HasField("default_queue_policy"), "it makes Triton stall"
    warmup = config.model_warmup[0]
    assert list(warmup.inputs["target"].dims) == [3, 128, 128]
    assert warmup.inputs["source"].zero_data


def test_without_gpus_the_processor_runs_it(tmp_path: Path) -> None:
    group = parsed(export(tmp_path, gpus=0).folder).instance_group[0]
    assert (group.kind, list(group.gpus)) == (group.KIND_CPU, [])


def test_rows_that_the_file_fixes_are_freed_where_the_network_allows_it(tmp_path: Path) -> None:
    made = export(tmp_path)
    assert (made.how, made.most) == ("rewritten", 8)
    session = exported_session(made)
    target = np.random.default_rng(1).random((5, 3, 128, 128), np.float32)
    source = np.random.default_rng(2).random((5, 512), np.float32)
    alone = onnxruntime.InferenceSession(tmp_path / "cache" / "swap.onnx", providers=["CPUExecutionProvider"])
    together = session.run(None, {"target": target, "source": source})[0]
    for row in range(5):
        feeds = {"target": target[row : row + 1], "source": source[row : row + 1]}
        np.testing.assert_allclose(together[row], alone.run(None, feeds)[0][0], atol=1e-6)


def test_a_file_that_needs_no_change_gets_a_second_name(tmp_path: Path) -> None:
    made = export(tmp_path, rows="rows")
    assert (made.how, made.most) == ("linked", 8)
    assert (made.folder / "1" / "model.onnx").samefile(tmp_path / "cache" / "swap.onnx")


def test_where_it_cannot_have_one_it_is_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EXDEV, "another disk")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    made = export(tmp_path, rows="rows")
    copy = made.folder / "1" / "model.onnx"
    assert made.how == "copied"
    assert copy.read_bytes() == (tmp_path / "cache" / "swap.onnx").read_bytes()


@pytest.mark.parametrize("how", ["mixing", "stuck"])
def test_rows_that_do_not_go_together_are_not_offered_together(how: str, tmp_path: Path) -> None:
    made = export(tmp_path, rows="rows" if how == "mixing" else 1, **{how: True})
    config = parsed(made.folder)
    assert (made.most, config.max_batch_size) == (0, 0)
    assert not config.HasField("dynamic_batching")
    assert list(config.input[0].dims) == [1, 3, 128, 128]
    assert list(config.output[0].dims) == [1, 3, 128, 128]


def test_nobody_has_to_want_several_at_once(tmp_path: Path) -> None:
    made = export(tmp_path, most=1)
    assert (made.most, made.how) == (0, "linked")


def test_free_sizes_are_fixed_and_outputs_are_measured(tmp_path: Path) -> None:
    path = small_detector(tmp_path / "detect.onnx")
    model = replace(DETECT, contract=SWAP.contract, inputs={"target": DETECT.inputs["image"]})
    made = export_onnx(model, path, tmp_path / "repository", Terms())
    config = parsed(made.folder)
    assert made.how == "rewritten"
    assert list(config.input[0].dims) == [1, 3, 128, 128]
    assert [(port.name, list(port.dims)) for port in config.output] == [("448", [16, 3]), ("471", [16, 3])]
    assert config.max_batch_size == 0


def test_strange_names_survive(tmp_path: Path) -> None:
    name = 'a "quoted\\ name'
    spec = {name: TensorSpec((3,), "int64")}
    (tmp_path / "config.pbtxt").write_text(config_text(TritonModel("n", Platform.ONNX, spec, spec, 0, 1)))
    assert parsed(tmp_path).input[0].name == name


def test_an_export_is_repeated_in_its_own_folder_only(tmp_path: Path) -> None:
    first = export(tmp_path)
    stale = first.folder / "1" / "stale"
    stale.touch()
    again = export(tmp_path, gpus=3)
    assert list(parsed(again.folder).instance_group[0].gpus) == [0, 1, 2]
    assert not stale.exists()
    (first.folder / "config.pbtxt").write_text('name: "swap"')
    with pytest.raises(ConfigError, match="not written by livecam"):
        export(tmp_path)
    assert (first.folder / "config.pbtxt").read_text() == 'name: "swap"'


def left(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "repository").iterdir())


@pytest.mark.parametrize("when", ["config", "network", "rename"])
@pytest.mark.parametrize("had", [False, True])
def test_a_full_disk_leaves_what_was_there(
    when: str, had: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if had:
        export(tmp_path)
    before = (tmp_path / "repository" / "swap" / "config.pbtxt").read_text() if had else ""
    full = OSError(errno.ENOSPC, "No space left on device")
    write, exchange = triton_folder.write_flushed, triton_folder._exchange

    def refuse(path: Path, content: bytes) -> None:
        if path.name == ("config.pbtxt" if when == "config" else "model.onnx"):
            path.write_bytes(content[:10])
            raise full
        write(path, content)

    def fail(fresh: Path, target: Path, old: Path) -> None:
        class Full(type(fresh)):  # type: ignore[misc]
            def rename(self, _: Path) -> Path:
                raise full

        exchange(Full(fresh), target, old)

    if when == "rename":
        monkeypatch.setattr(triton_folder, "_exchange", fail)
    else:
        monkeypatch.setattr(triton_export, "write_flushed", refuse)
    with pytest.raises(ModelError, match="is full; nothing was exported"):
        export(tmp_path, gpus=5)
    assert left(tmp_path) == (["swap"] if had else [])
    if had:
        assert (tmp_path / "repository" / "swap" / "config.pbtxt").read_text() == before


def test_ctrl_c_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(triton_export, "write_flushed", interrupted)
    with pytest.raises(KeyboardInterrupt):
        export(tmp_path)
    assert left(tmp_path) == []


def test_what_a_killed_export_left_is_swept_later(tmp_path: Path) -> None:
    export(tmp_path)
    folder = tmp_path / "repository"
    dead, alive = folder / ".swap-dead.part", folder / ".swap-alive.part"
    for part in (dead, alive):
        part.mkdir()
    os.utime(dead, (time.time() - 7200,) * 2)
    export(tmp_path)
    assert left(tmp_path) == [".swap-alive.part", "swap"]


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "repository").write_text("a file")
    with pytest.raises(ModelError, match=r"Nothing can be exported to .*repository"):
        export(tmp_path)


def test_a_network_that_is_not_its_recipes_is_not_exported(tmp_path: Path) -> None:
    path = small_detector(tmp_path / "detect.onnx")
    with pytest.raises(ModelError, match="does not fit its recipe"):
        export_onnx(SWAP, path, tmp_path / "repository", Terms())
    assert not (tmp_path / "repository").exists()


def test_weights_in_other_files_are_refused(tmp_path: Path) -> None:
    path = small_swapper(tmp_path / "swap.onnx", "rows")
    graph = onnx.load(path)
    onnx.save(graph, path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    with pytest.raises(ModelError, match="keeps weights in other files"):
        export_onnx(SWAP, path, tmp_path / "repository", Terms())


@pytest.fixture
def plans(tmp_path: Path) -> PlanCache:
    return PlanCache(tmp_path / "plans")


def plan_of(plans: PlanCache, tmp_path: Path, rows: int = 4, weights: str = "b" * 64) -> Exported:
    shapes = (
        InputShape("target", (1, 3, 128, 128), (rows, 3, 128, 128), (rows, 3, 128, 128)),
        InputShape.fixed("source", (1, 512)),
    )
    plans.keep(replace(KEY, flavour=Flavour.TENSORRT, version="10.16.0", target="sm_90", shapes=shapes), b"plan" * 9)
    path = small_swapper(tmp_path / "swap.onnx")
    return export_plan(SWAP, path, weights, plans, tmp_path / "repository", Terms(2))


def test_a_plan_is_exported_as_it_was_built(plans: PlanCache, tmp_path: Path) -> None:
    made = plan_of(plans, tmp_path)
    config = parsed(made.folder)
    assert (config.platform, config.max_batch_size) == ("tensorrt_plan", 0)
    assert [list(port.dims) for port in config.input] == [[-1, 3, 128, 128], [1, 512]]
    assert [list(port.dims) for port in config.output] == [[-1, 3, 128, 128]]
    assert list(config.model_warmup[0].inputs["target"].dims) == [1, 3, 128, 128]
    assert (made.folder / "1" / "model.plan").read_bytes() == b"plan" * 9
    assert made.about == "TensorRT 10.16.0, sm_90"


def test_a_plan_for_one_picture_says_so(plans: PlanCache, tmp_path: Path) -> None:
    assert list(parsed(plan_of(plans, tmp_path, rows=1).folder).input[0].dims) == [1, 3, 128, 128]


def test_plans_of_other_files_and_of_tensorrt_for_rtx_are_not_triton_s(plans: PlanCache, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"no plan of swap by full TensorRT.*engines build --with tensorrt swap"):
        plan_of(plans, tmp_path, weights="c" * 64)
    rtx = PlanCache(tmp_path / "rtx")
    rtx.keep(KEY, b"plan")
    with pytest.raises(EngineError, match="no plan of swap"):
        export_plan(SWAP, tmp_path / "swap.onnx", "b" * 64, rtx, tmp_path / "repository", Terms())


def test_a_damaged_plan_is_not_exported(plans: PlanCache, tmp_path: Path) -> None:
    plan_of(plans, tmp_path)
    path = next(plans.folder.glob("*.plan"))
    damage(path)
    with pytest.raises(EngineError, match="is damaged"):
        export_plan(SWAP, tmp_path / "swap.onnx", "b" * 64, plans, tmp_path / "other", Terms())
