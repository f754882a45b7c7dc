"""Networks and archives from strangers: what they name outside their folder, what they say of their size."""

import os
import struct
import zipfile
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from livecam.errors import LivecamError, ModelError
from livecam.inference import archives
from livecam.inference.archives import unpack
from livecam.inference.brought import look
from livecam.inference.graph import emap_of, read_graph
from livecam.inference.half_graph import values_of
from livecam.inference.onnx import OnnxEngine
from livecam.inference.progress import Silent
from livecam.inference.web import Unusable
from tests.fuzz.bounds import assert_sentence, bounded, files_below
from tests.fuzz.targets import network

pytestmark = pytest.mark.skipif(os.name != "posix", reason="links and pipes of POSIX")


def saved(model: onnx.ModelProto, folder: Path) -> Path:
    path = folder / "network.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def outside(location: str, **more: str) -> onnx.ModelProto:
    """A network whose matrix lies in another file."""
    model = network()
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, **more}.items():
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value
    model.graph.node.append(helper.make_node("Identity", ["buff2fs"], ["z"]))
    model.graph.output.append(helper.make_tensor_value_info("z", TensorProto.FLOAT, [512, 512]))
    return model


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Beside a secret, and with what a stranger may put beside a network."""
    place = tmp_path / "folder"
    place.mkdir()
    (tmp_path / "secret").write_bytes(bytes(4 * 512 * 512))
    (place / "weights").write_bytes(bytes(1000))
    (place / "link").symlink_to(tmp_path / "secret")
    (place / "up").symlink_to(tmp_path)
    (place / "one").symlink_to("two")
    (place / "two").symlink_to("one")
    (place / "endless").symlink_to("/dev/zero")
    os.mkfifo(place / "pipe")
    return place


LOCATIONS = [
    "/etc/passwd",
    "../secret",
    "up/secret",
    "sub/../../secret",
    "link",
    "endless",
    "one",
    "pipe",
    "nul\0byte",
    "x" * 5000,
    "",
    ".",
    "not-there",
    "file:///etc/passwd",
    "https://example.org/weights",
]


@pytest.mark.parametrize("location", LOCATIONS, ids=lambda location: repr(location[:20]))
def test_weights_outside_the_folder_are_never_read(location: str, folder: Path) -> None:
    path = saved(outside(location), folder)
    with bounded():
        for read in (emap_of, lambda path: OnnxEngine(path).close()):
            with pytest.raises(LivecamError) as caught:
                read(path)
            assert_sentence(caught.value)


@pytest.mark.parametrize(
    "more",
    [{"offset": "9" * 20}, {"offset": "-5"}, {"offset": "abc"}, {"length": str(1 << 60)}, {"length": "-1"}],
    ids=str,
)
def test_weights_that_lie_elsewhere_in_the_file_are_a_sentence(more: dict[str, str], folder: Path) -> None:
    path = saved(outside("weights", **more), folder)
    with pytest.raises(ModelError, match="cannot be read"):
        emap_of(path)


def lying(**fields: object) -> onnx.ModelProto:
    model = network()
    for name, value in fields.items():
        setattr(model.graph.initializer[0], name, value)
    return model


@pytest.mark.parametrize(
    "fields", [{"raw_data": b"1234"}, {"data_type": 999}, {"data_type": TensorProto.STRING}], ids=str
)
def test_a_matrix_that_is_not_what_it_says_is_a_sentence(fields: dict[str, object], tmp_path: Path) -> None:
    model = lying(**fields)
    with pytest.raises(ModelError, match="cannot be read"):
        emap_of(saved(model, tmp_path))
    with pytest.raises(ModelError, match="cannot be read"):
        values_of(model.graph.initializer[0])


def test_a_sparse_weight_of_an_operator_may_not_lie_outside_either(folder: Path) -> None:
    model = network()
    sparse = onnx.SparseTensorProto()
    sparse.values.data_location = TensorProto.EXTERNAL
    entry = sparse.values.external_data.add()
    entry.key, entry.value = "location", "../secret"
    attribute = onnx.AttributeProto(name="sparse_value", type=onnx.AttributeProto.SPARSE_TENSOR, sparse_tensor=sparse)
    node = helper.make_node("Constant", [], ["c"])
    node.attribute.append(attribute)
    model.graph.node.append(node)
    with pytest.raises(ModelError, match="outside its folder"):
        read_graph(saved(model, folder))


def odd_graph(kind: str) -> onnx.ModelProto:
    model = network()
    if kind == "a cycle":
        model.graph.node.extend([helper.make_node("Relu", ["a"], ["b"]), helper.make_node("Relu", ["b"], ["a"])])
    elif kind == "itself":
        model.graph.node.append(helper.make_node("Relu", ["a"], ["a"]))
    elif kind == "another domain":
        model.graph.node[0].domain = "evil.example"
    elif kind == "no operator":
        model.graph.node[0].op_type = "Exfiltrate"
    elif kind == "random":
        model.graph.node[0].op_type = "RandomNormalLike"
    else:
        model.opset_import[0].version = {"opset 0": 0, "opset 9999": 9999}[kind]
    return model


@pytest.mark.parametrize(
    "kind", ["a cycle", "itself", "another domain", "no operator", "random", "opset 0", "opset 9999"]
)
def test_graphs_that_cannot_run_are_a_sentence(kind: str, tmp_path: Path) -> None:
    path = saved(odd_graph(kind), tmp_path)
    with bounded(), pytest.raises(LivecamError) as caught:
        OnnxEngine(path)
    assert_sentence(caught.value)


# Archives


def packed(path: Path, names: list[str], method: int = zipfile.ZIP_DEFLATED, size: int = 1000) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name in names:
            archive.writestr(name, bytes(size))
    return path


def test_names_in_archives_are_never_places(tmp_path: Path) -> None:
    names = ["../../evil.onnx", "/tmp/evil.onnx", "..\\evil.onnx", "C:\\evil.onnx", "a/network.onnx"]
    archive = packed(tmp_path / "pack.zip", names)
    inside = tmp_path / "inside"
    inside.mkdir()
    for name in (*names, "evil.onnx", "../evil.onnx"):
        try:
            unpack(archive, name, inside / "out", 10_000)
        except Unusable:
            continue
    assert files_below(inside) <= {"out"}
    assert files_below(tmp_path) == {"pack.zip", "inside", "inside/out"}


def test_what_unpacks_to_more_than_it_may_is_cut_off(tmp_path: Path) -> None:
    archive = packed(tmp_path / "pack.zip", ["network.onnx"], size=50_000_000)
    assert archive.stat().st_size < 100_000
    with bounded(), pytest.raises(Unusable, match="more than 1,000,000 bytes"):
        unpack(archive, "network.onnx", tmp_path / "out", 1_000_000)
    assert (tmp_path / "out").stat().st_size <= 1_000_000


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_kinds_of_packing_that_ask_for_memory_are_refused(method: int, tmp_path: Path) -> None:
    archive = packed(tmp_path / "pack.zip", ["network.onnx"], method)
    with pytest.raises(Unusable, match="packed in another way"):
        unpack(archive, "network.onnx", tmp_path / "out", 10_000)


def test_an_index_of_a_million_files_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = packed(tmp_path / "pack.zip", ["network.onnx", *(f"{number:050}" for number in range(200))], size=1)
    assert unpack(path, "network.onnx", tmp_path / "out", 10_000)
    monkeypatch.setattr(archives, "_LARGEST_INDEX", 10_000)
    with pytest.raises(Unusable, match="far too many files"):
        unpack(path, "network.onnx", tmp_path / "out", 10_000)


def test_an_index_that_claims_more_than_the_file_has_is_damage(tmp_path: Path) -> None:
    path = packed(tmp_path / "pack.zip", ["network.onnx"])
    data = path.read_bytes()
    at = data.rindex(b"PK\5\6")
    for size, place in ((0x7FFFFFFF, 0), (100, 0xFFFFFFF0), (0, 0), (0xFFFFFFFF, 0xFFFFFFFF)):
        path.write_bytes(data[: at + 12] + struct.pack("<II", size, place) + data[at + 20 :])
        with bounded(), pytest.raises(Unusable):
            unpack(path, "network.onnx", tmp_path / "out", 10_000)
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, 0, 1)
    path.write_bytes(data[:at] + locator + data[at:])
    with pytest.raises(Unusable, match="far too many files"):
        unpack(path, "network.onnx", tmp_path / "out", 10_000)


def test_a_folder_of_traps_is_looked_through_and_nothing_outside_is_taken(folder: Path) -> None:
    (folder / "deep").mkdir()
    place = folder / "deep"
    for _ in range(20):
        place = place / "deeper"
        place.mkdir()
    (folder / "deep" / "back").symlink_to(folder, target_is_directory=True)
    with bounded():
        haul = look(folder, [], Silent())
    assert haul.finds == ()
    assert haul.strangers == ()
