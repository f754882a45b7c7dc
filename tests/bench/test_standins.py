"""The stand-ins: what they cost, that they fit their recipes, that they are marked, and that what is planted grows."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from livecam.bench import standins
from livecam.bench.standins import PlantedFace, count, draft
from livecam.bench.standins.graph import Graph
from livecam.core.seams import Engine
from livecam.errors import ModelError
from livecam.inference.catalogue import catalogue_folders, load_all
from livecam.inference.graph import emap_in, emap_of
from livecam.inference.model import Model
from livecam.inference.onnx import load_model_engine
from livecam.vision.contract import DetectorContract
from livecam.vision.detect.choose import make_detector

Floats = npt.NDArray[np.float32]

# Of one run at the customary size: GMAC and millions of parameters, MODELS.md H.1; auraface is counted here alone.
TOTALS = {
    "scrfd_10g": (13.341, 4.222),
    "scrfd_2.5g": (3.428, 0.816),
    "scrfd_500m": (0.734, 0.622),
    "yunet": (0.542, 0.0739),
    "arcface_w600k_r50": (6.309, 43.56),
    "2dfan4": (25.235, 23.77),
    "facemesh_192": (0.035, 0.58),
    "inswapper_128": (174.575, 138.55),
    "inswapper_128_fp16": (174.575, 138.55),
    "reswapper_256": (698.3, 138.55),
    "hyperswap_1a_256": (31.928, 201.2),
    "simswap_256": (62.85, 55.05),
    "simswap_unofficial_512": (70.12, 55.08),
    "ghost_1_256": (16.3, 128.4),
    "ghost_2_256": (31.0, 184.3),
    "ghost_3_256": (45.7, 240.2),
    "crossface_ghost": (0.0055, 5.515),
    "gpen_bfr_256": (8.70, 18.9),
    "gpen_bfr_512": (138.11, 71.0),
    "gpen_bfr_1024": (173.31, 71.2),
    "gpen_bfr_2048": (209.99, 71.3),
    "gfpgan_1.4": (197.77, 84.7),
    "codeformer": (404.88, 94.0),
    "restoreformer_plus_plus": (343.82, 73.7),
    "xseg_3": (13.80, 17.55),
    "bisenet_resnet_18": (13.77, 13.3),
    "bisenet_resnet_34": (23.43, 23.4),
}
FREE_SIZES = {
    **{name: {"input.1": (1, 3, 640, 640)} for name in ("scrfd_10g", "scrfd_2.5g", "scrfd_500m")},
    "arcface_w600k_r50": {"input.1": (1, 3, 112, 112)},
    "xseg_3": {"input": (1, 256, 256, 3)},
}
# One of each family, and none that takes a second even when it is narrow.
RUN = (
    *("scrfd_500m", "scrfd_2.5g", "scrfd_10g", "yunet", "yoloface_8n"),
    *("2d106det", "2dfan4", "fan_68_5", "facemesh_192"),
    *("arcface_w600k_r50", "arcface_w600k_mbf", "auraface", "sface", "crossface_simswap"),
    *("inswapper_128", "inswapper_128_fp16", "reswapper_256", "hyperswap_1a_256", "ghost_2_256", "simswap_256"),
    *("alphaface_256", "hififace_unofficial_256", "blendswap_256", "uniface_256"),
    *("nsfw_1", "nsfw_2", "nsfw_3", "nudenet_320n", "genderage", "fairface"),
    *("gpen_bfr_256", "gfpgan_1.4", "codeformer", "restoreformer_plus_plus", "xseg_3", "bisenet_resnet_18"),
)
FACES = (
    PlantedFace((100.0, 120.0, 300.0, 380.0), ((150, 200), (250, 200), (200, 260), (160, 310), (240, 310)), 0.9),
    PlantedFace((400.0, 120.0, 430.0, 160.0), ((410, 130), (420, 130), (415, 140), (411, 150), (419, 150)), 0.8),
    PlantedFace((450.0, 300.0, 530.0, 400.0), ((470, 340), (510, 340), (490, 360), (475, 380), (505, 380)), 0.7),
)


@pytest.fixture(scope="module")
def catalogue() -> Mapping[str, Model]:
    return load_all(catalogue_folders(None))


def run(model: ModelProto, **feeds: npt.ArrayLike) -> list[Floats]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    named = dict(zip((entry.name for entry in session.get_inputs()), feeds.values(), strict=True))
    results: list[Floats] = session.run(None, named)
    return results


def same(found: Floats, wanted: Floats | npt.NDArray[np.float64], within: float = 1e-5) -> None:
    """Arrays are alike. `pytest.approx` takes seconds for pictures."""
    np.testing.assert_allclose(found, wanted, rtol=0, atol=within)


def noise(*shape: int, seed: int = 0) -> Floats:
    return np.random.default_rng(seed).random(shape, np.float32)


def unit(seed: int) -> Floats:
    vector = np.random.default_rng(seed).standard_normal((1, 512), np.float32)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


@pytest.mark.parametrize("name", TOTALS)
def test_full_size_costs_what_the_published_network_costs(name: str) -> None:
    found = count(draft(name).outline(), FREE_SIZES.get(name, {}))
    gmac, millions = TOTALS[name]
    assert found.gmac == pytest.approx(gmac, rel=0.02)
    assert found.parameters / 1e6 == pytest.approx(millions, rel=0.01)
    assert found.gflop == 2 * found.gmac


def test_the_counter_knows_every_counted_operator() -> None:
    graph = Graph("counted", {}, opset=17)
    picture = graph.input("picture", (1, 4, 10, 10))
    conv = graph.op("Conv", picture, graph.weight((8, 2, 3, 3), 1.0), group=2, pads=[1] * 4, channels=8)
    grown = graph.op("ConvTranspose", conv, graph.weight((8, 2, 2, 2), 1.0), strides=[2, 2], channels=2)
    rows = graph.op("Flatten", grown, axis=1)
    vector = graph.op("Gemm", rows, graph.weight((3, 800), 1.0), transB=1, channels=3)
    graph.output(graph.op("MatMul", vector, graph.weight((3, 7), 1.0), channels=7), "result", (1, 7))
    found = count(graph.finish().outline())
    assert found.gmac * 1e9 == 8 * 100 * 2 * 9 + 8 * 100 * 2 * 4 + 3 * 800 + 3 * 7
    assert found.parameters == 8 * 2 * 9 + 8 * 2 * 4 + 3 * 800 + 3 * 7
    assert found.activations == 800 + 800 + 800 + 3 + 7 + 7


def test_what_cannot_be_counted_is_said() -> None:
    with pytest.raises(ModelError, match=r"size of node n0 .*cannot be told"):
        count(draft("scrfd_2.5g").outline())


@pytest.mark.parametrize(("file", "name"), [("yunet_n_640_640", "yunet"), ("facemesh_192",) * 2])
def test_the_counter_agrees_with_the_published_graphs(shared_data: Path, file: str, name: str) -> None:
    real = standins.count_file(shared_data / "networks" / f"{file}.onnx")
    mine = count(draft(name).outline())
    assert mine.gmac == pytest.approx(real.gmac, rel=1e-6)
    assert mine.parameters == pytest.approx(real.parameters, rel=0.005)
    assert mine.activations == pytest.approx(real.activations, rel=0.01)


@pytest.mark.parametrize(
    ("file", "name"), [("scrfd_2.5g_kps", "scrfd_2.5g"), ("scrfd_500m_kps", "scrfd_500m"), ("facemesh_192",) * 2]
)
def test_layers_are_those_of_the_published_graphs(shared_data: Path, file: str, name: str) -> None:
    def layers(model: ModelProto) -> Counter[str]:
        kinds = {"Conv", "Relu", "PRelu", "MaxPool", "AveragePool", "Resize", "Sigmoid", "Add", "Mul"}
        return Counter(node.op_type for node in model.graph.node if node.op_type in kinds)

    assert layers(draft(name).outline()) == layers(onnx.load(str(shared_data / "networks" / f"{file}.onnx")))


def test_every_network_of_the_catalogue_has_one(catalogue: Mapping[str, Model]) -> None:
    assert set(standins.names()) == set(catalogue)
    assert {name for name in standins.names() if not standins.tells_cost(name)} == {
        *("2d106det", "fan_68_5", "sface", "yoloface_8n"),
        *("alphaface_256", "blendswap_256", "hififace_unofficial_256", "uniface_256"),
        *("nsfw_1", "nsfw_2", "nsfw_3", "nudenet_320n", "genderage", "fairface"),
    }


@pytest.mark.parametrize("name", RUN)
def test_narrow_ones_fit_their_recipes_and_run(name: str, catalogue: Mapping[str, Model], tmp_path: Path) -> None:
    path = tmp_path / f"{name}.onnx"
    standins.write(name, path, divisor=16)
    assert standins.is_stand_in(path)
    # Loading checks names and shapes against the recipe, runs once, and refuses what is not finite.
    load_model_engine(catalogue[name], path).close()
    assert path.stat().st_size < 10_000_000


def test_a_seed_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    one, two, three = (tmp_path / name for name in ("one", "two", "three"))
    for path, seed in ((one, 5), (two, 5), (three, 6)):
        standins.write("hyperswap_1a_256", path, 64, seed)
    assert one.read_bytes() == two.read_bytes() != three.read_bytes()


def test_the_file_is_the_network_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "inswapper_128.onnx"
    standins.write("inswapper_128", path, 32, 3)
    assert onnx.load(str(path)) == standins.build("inswapper_128", 32, 3)
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_is_left_of_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError, match="taken"):
        standins.write("xseg_3", tmp_path / "taken", 32)
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    for ask in (standins.build, draft):
        with pytest.raises(ModelError, match=r"no stand-in for 'gfpgan_14'. Did you mean .*gfpgan_1\.4"):
            ask("gfpgan_14")


def test_the_mark_is_in_every_kind_and_in_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "some.onnx"
    for model in (standins.build("sface"), standins.plant_swapper(), standins.build("crossface_ghost", 64)):
        assert "stand-in" in model.doc_string
        onnx.save(model, str(path))
        assert standins.is_stand_in(path)
    assert standins.metadata(path)[standins.DIVISOR] == "64"
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    result = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])
    plain = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "plain", [value], [result])
    onnx.save(helper.make_model(plain), str(path))
    assert not standins.is_stand_in(path)
    for junk in (b"", b"\xff" * 40, b"\x3a\xff\xff\x03abc", b"GIF89a" + bytes(100), b"\x72\x03\x0a\x05a"):
        path.write_bytes(junk)
        assert not standins.is_stand_in(path)


def test_nodes_are_named_neutrally() -> None:
    # insightface tells how a network wants its pictures by the first eight names.
    names = [node.name for node in standins.build("arcface_w600k_r50", 32).graph.node[:8]]
    assert not [name for name in names if "ub" in name or "mul" in name.lower() or "minus" in name]


def test_inswapper_carries_its_matrix_last_and_used_by_nobody(tmp_path: Path) -> None:
    path = tmp_path / "inswapper_128_fp16.onnx"
    for model in (standins.plant_swapper(), standins.build("inswapper_128_fp16", 32)):
        last = model.graph.initializer[-1]
        assert (last.name, list(last.dims), last.data_type) == ("buff2fs", [512, 512], TensorProto.FLOAT)
        assert all("buff2fs" not in node.input for node in model.graph.node)
        assert numpy_helper.to_array(last).std() == pytest.approx(0.1723, rel=0.01)
        onnx.save(model, str(path))
        assert emap_of(path).shape == (512, 512)
    with pytest.raises(ModelError, match="lacks the 512x512 matrix"):
        emap_in(standins.plant_swapper(emap=False), path)


def test_sixteen_bit_weights_give_the_same_picture_roughly() -> None:
    feeds = {"target": noise(1, 3, 128, 128), "source": unit(1)}
    (exact,), (half,) = (run(standins.build(name, 16), **feeds) for name in ("inswapper_128", "inswapper_128_fp16"))
    assert 0 < exact.min() < exact.max() < 1
    assert np.abs(exact - half).max() < 0.05
    stored = Counter(tensor.data_type for tensor in standins.build("inswapper_128_fp16", 16).graph.initializer)
    # The matrix for identities, and the scales of two resizes with their empty neighbours.
    assert stored[TensorProto.FLOAT] == 1 + 4
    assert stored[TensorProto.FLOAT16] > 60


def test_narrow_swappers_heed_target_and_identity() -> None:
    for name, side in (("inswapper_128", 128), ("hyperswap_1a_256", 256), ("simswap_256", 256), ("ghost_1_256", 256)):
        model = standins.build(name, 32)
        order = [entry.name for entry in model.graph.input]
        feeds = {"target": noise(1, 3, side, side), "source": unit(1)}
        pictures = [
            run(model, **{key: {**feeds, **change}[key] for key in order})[0]
            for change in ({}, {"source": unit(2)}, {"target": noise(1, 3, side, side, seed=9)})
        ]
        assert np.abs(pictures[0] - pictures[1]).max() > 1e-3, name
        assert np.abs(pictures[0] - pictures[2]).max() > 1e-3, name


def test_codeformer_heeds_its_weight() -> None:
    model = standins.build("codeformer", 32)
    assert model.graph.input[1].type.tensor_type.elem_type == TensorProto.DOUBLE
    little, much = (run(model, input=noise(1, 3, 512, 512), weight=np.array([w]))[0] for w in (0.0, 1.0))
    assert np.abs(little - much).max() > 1e-3


def bound(model: ModelProto, name: str, catalogue: Mapping[str, Model], folder: Path) -> Engine:
    path = folder / f"{name}.onnx"
    onnx.save(model, str(path))
    return load_model_engine(catalogue[name], path)


PLANTS = {
    "scrfd": (standins.plant_scrfd(FACES), "scrfd_10g"),
    "scrfd rank 2": (standins.plant_scrfd(FACES, (640, 480), rank=2), "scrfd_2.5g"),
    "yunet": (standins.plant_yunet(FACES), "yunet"),
    "yolo": (standins.plant_yolo(FACES), "yoloface_8n"),
}


@pytest.mark.parametrize("case", PLANTS)
def test_planted_faces_are_found(case: str, catalogue: Mapping[str, Model], tmp_path: Path) -> None:
    model, name = PLANTS[case]
    contract = catalogue[name].contract
    assert isinstance(contract, DetectorContract)
    detector = make_detector(bound(model, name, catalogue, tmp_path), contract)
    found = detector(np.zeros((480, 640, 3), np.uint8), 0.6)
    for face, detection in zip(FACES, found, strict=True):
        assert detection.box == pytest.approx(face.box, abs=1e-3)
        assert detection.landmarks.points == pytest.approx(np.array(face.five, np.float32), abs=1e-3)
        assert detection.score == pytest.approx(face.score, abs=1e-5)


def test_opencv_finds_faces_planted_in_a_yunet(tmp_path: Path) -> None:
    path = tmp_path / "yunet.onnx"
    onnx.save(standins.plant_yunet(FACES, (640, 480)), str(path))
    detector = cv2.FaceDetectorYN.create(str(path), "", (640, 480), 0.6, 0.3, 5000)
    rows = detector.detect(np.zeros((480, 640, 3), np.uint8))[1]
    for face, row in zip(FACES, rows, strict=True):
        x1, y1, x2, y2 = face.box
        assert row[:4] == pytest.approx([x1, y1, x2 - x1, y2 - y1], abs=1e-3)
        assert row[4:14] == pytest.approx(np.array(face.five).reshape(-1), abs=1e-3)
        assert row[14] == pytest.approx(face.score, abs=1e-5)


def test_faces_that_cannot_be_planted_are_refused() -> None:
    with pytest.raises(ValueError, match="no free anchor"):
        standins.plant_scrfd([FACES[0]] * 3)
    with pytest.raises(ValueError, match="outside"):
        standins.plant_scrfd([FACES[0]], (128, 128))


def test_planted_points_are_found() -> None:
    places = noise(106, 2, seed=4) * 192
    (points,) = run(standins.plant_if106(places), data=noise(1, 3, 192, 192))
    assert (points.reshape(106, 2) + 1) * 96 == pytest.approx(places, abs=1e-3)
    places = noise(68, 2, seed=5) * 250
    rows, heat = run(standins.plant_fan68(places, 0.7), picture=noise(1, 3, 256, 256))
    assert rows[0, :, :2] * 4 == pytest.approx(places, abs=1e-3)
    assert heat.max(axis=(2, 3)) == pytest.approx(np.full((1, 68), 0.7))
    assert np.divmod(heat[0].reshape(68, -1).argmax(axis=1), 64)[0] == pytest.approx(np.floor(places[:, 1] / 4))
    mesh = noise(468, 3, seed=6) * 192
    assert run(standins.plant_mesh468(mesh), picture=noise(1, 192, 192, 3))[0].reshape(468, 3) == pytest.approx(mesh)
    five = noise(1, 5, 2)
    still, moved = (run(standins.plant_five68(), five=f)[0] for f in (five, five + np.float32(0.25)))
    assert moved - still == pytest.approx(np.full((1, 68, 2), 0.25), abs=1e-5)


def test_planted_swappers_do_as_foretold() -> None:
    target, source = noise(1, 3, 128, 128), unit(3)
    tint = (0.25 * source @ standins.small_matrix()).reshape(1, 3, 1, 1)
    assert np.abs(tint).max() > 0.02
    (image,) = run(standins.plant_swapper(), target=target, source=source)
    same(image, np.clip(target + tint, 0, 1))
    several = noise(4, 3, 128, 128)
    (images,) = run(standins.plant_swapper(batch="batch", low=-1.0), target=several - np.float32(0.5), source=source)
    same(images, np.clip(several - 0.5 + tint, -1, 1))
    picture = noise(1, 3, 112, 112)
    (image,) = run(standins.plant_image_swapper(128), target=target, source=picture)
    moved = target + 0.5 * (picture.mean(axis=(2, 3), keepdims=True) - 0.25)
    same(image, np.clip(moved, 0, 1))


def test_planted_hyperswap_changes_what_its_mask_says() -> None:
    target = noise(1, 3, 256, 256) - np.float32(0.5)
    image, mask = run(standins.plant_hyperswap(region=(0.25, 0.5, 0.75, 1.0)), source=unit(3), target=target)
    changed = np.abs(image - target).max(axis=1, keepdims=True) > 1e-4
    assert (changed == (mask > 0)).all()
    assert mask.sum() == 128 * 128
    assert mask[0, 0, 200, 128] == 1


def test_planted_enhancer_sharpens_and_heeds_fidelity() -> None:
    picture = noise(1, 3, 512, 512) * np.float32(0.4)
    (image,) = run(standins.plant_enhancer(), picture=picture)
    kernel = np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]], np.float32)
    for plane, result in zip(picture[0], image[0], strict=True):
        sharp = cv2.filter2D(plane, -1, kernel, borderType=cv2.BORDER_REFLECT_101)
        same(result, np.clip(sharp + 0.1, -1, 1))
    both = standins.plant_enhancer(fidelity=True)
    none, half, full = (run(both, picture=picture, weight=np.array([w]))[0] for w in (0.0, 0.5, 1.0))
    same(none, image, 1e-6)
    same(full, picture, 1e-6)
    assert np.abs(half - none).max() > 0.05


def test_planted_masks_are_where_they_were_put() -> None:
    (mask,) = run(standins.plant_xseg((0.0, 0.25, 0.5, 0.75)), picture=noise(2, 256, 256, 3))
    assert mask.shape == (2, 256, 256, 1)
    assert (mask[0, 64:192, :128] == 1).all()
    assert mask[0].sum() == 128 * 128
    (logits,) = run(standins.plant_bisenet({1: (0, 0, 1, 0.5), 17: (0, 0, 1, 0.25)}), picture=noise(1, 3, 512, 512))
    classes = logits[0].argmax(axis=0)
    assert [classes[row, 100] for row in (10, 200, 400)] == [17, 1, 0]


def test_planted_recogniser_tells_faces_apart() -> None:
    model = standins.plant_recogniser()

    def seen(picture: Floats) -> Floats:
        (vector,) = run(model, picture=picture * np.float32(2) - np.float32(1))
        assert vector.shape == (1, 512)
        return (vector / np.linalg.norm(vector)).astype(np.float32)

    grown = [np.asarray(cv2.resize(noise(6, 6, 3, seed=seed), (112, 112)), np.float32) for seed in (1, 2)]
    coarse = [np.ascontiguousarray(picture.transpose(2, 0, 1)[None]) for picture in grown]
    one, two = (seen(picture) for picture in coarse)
    again = seen(coarse[0] * np.float32(0.8) + noise(1, 3, 112, 112) * np.float32(0.05))
    assert float((one * two).sum()) < 0.3
    assert float((one * again).sum()) > 0.95


def test_planted_converter_turns_and_lengthens() -> None:
    (first,), (second,) = (run(standins.plant_converter(), source=unit(seed) * np.float32(7)) for seed in (1, 2))
    assert np.linalg.norm(first) == pytest.approx(3.0, rel=1e-4)
    assert float((first * second).sum()) / 9 == pytest.approx(float((unit(1) * unit(2)).sum()), abs=1e-4)
    assert abs(float((first * unit(1)).sum())) < 1.0


def test_a_planted_network_passes_on_what_is_not_a_number() -> None:
    picture = np.full((1, 3, 640, 640), np.nan, np.float32)
    assert np.isnan(run(standins.plant_scrfd(FACES), picture=picture)[0]).all()
    (constant,) = run(standins.plant_constant("planted", (1, 2), {"out": noise(3, 3)}), x=noise(1, 2))
    assert (constant == noise(3, 3)).all()
