"""The converted networks against other runtimes and other copies of the same networks."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from livecam.inference import weights
from livecam.inference.onnx import OnnxEngine, load
from livecam.inference.recipe import Recipe
from livecam.inference.recipes import recipe_names
from tests.inference.pictures import Picture, noise, portrait

Floats = npt.NDArray[np.float64]
READ_BY_OPENCV = ("face_detection_short_range", "face_landmark")
FACE_FRACTION = 0.03
"""How far two networks may place a landmark apart, in heights of the face."""


def prepared(picture: Picture, mean: float, std: float) -> npt.NDArray[np.float32]:
    """NCHW RGB floats as the source network wants them: written here again, apart from the code under test."""
    rgb = picture[..., ::-1].astype(np.float32)
    return np.ascontiguousarray(((rgb - mean) / std).transpose(0, 3, 1, 2)).astype(np.float32)


def outputs_of(recipe: Recipe, path: Path, picture: Picture) -> dict[str, Floats]:
    engine = load(recipe, path)
    return {name: np.array(output, np.float64) for name, output in engine.run({"image": picture}).items()}


def by_opencv(path: Path, tensor: npt.NDArray[np.float32]) -> list[Floats]:
    network = cv2.dnn.readNetFromTFLite(str(path), engine=cv2.dnn.ENGINE_CLASSIC)  # the new one gives one output
    network.setInput(tensor)
    found = network.forward(list(network.getUnconnectedOutLayersNames()))
    return [np.asarray(output, np.float64).ravel() for output in found]


@pytest.mark.parametrize("name", READ_BY_OPENCV)
@pytest.mark.parametrize("picture_of", [noise, portrait])
def test_agrees_with_opencv(
    name: str, picture_of: Callable[[int], Picture], recipes: Mapping[str, Recipe], mesh_models: Mapping[str, Path]
) -> None:
    recipe, path = recipes[name], mesh_models[name]
    side = recipe.inputs["image"].spec.shape[1]
    picture = picture_of(side)
    tensor = prepared(picture, recipe.conversion.mean, recipe.conversion.std)
    independent = {output.size: output for output in by_opencv(path.with_suffix(".tflite"), tensor)}
    for output, values in outputs_of(recipe, path, picture).items():
        expected = independent[values.size]
        if output in {"scores", "presence"}:
            expected = 1 / (1 + np.exp(-expected))
        np.testing.assert_allclose(values.ravel(), expected, atol=1e-3)


@pytest.mark.parametrize("name", recipe_names())
def test_converting_now_gives_what_was_recorded(
    name: str, recipes: Mapping[str, Recipe], mesh_models: Mapping[str, Path], tmp_path: Path
) -> None:
    """From the source kept in the cache, without a network; the cache checks the result against the recipe."""
    folder = tmp_path / name
    folder.mkdir()
    for kept in (f"{name}.tflite", "LICENSE"):
        shutil.copy(mesh_models[name].parent / kept, folder / kept)
    weights.ensure(recipes[name], tmp_path)
    assert weights.status(recipes[name], tmp_path) is weights.Presence.PRESENT


def mesh_of(outputs: Mapping[str, Floats]) -> Floats:
    assert outputs["presence"][0] > 0.5
    return outputs["mesh"]


def test_attention_agrees_with_the_plain_mesh(recipes: Mapping[str, Recipe], mesh_models: Mapping[str, Path]) -> None:
    """OpenCV cannot read the custom operators; the plain network, which it can, sees the same face."""
    picture = portrait(192)
    found = {
        name: outputs_of(recipes[name], mesh_models[name], picture)
        for name in ("face_landmark", "face_landmark_with_attention")
    }
    plain, attention = mesh_of(found["face_landmark"]), mesh_of(found["face_landmark_with_attention"])
    height = float(np.linalg.norm(plain[10, :2] - plain[152, :2]))
    assert np.linalg.norm(plain[:, :2] - attention[:, :2], axis=1).mean() < FACE_FRACTION * height


@pytest.mark.parametrize("part", ["lips", "left_eye", "right_eye"])
def test_refined_parts_lie_where_the_mesh_has_them(
    part: str,
    recipes: Mapping[str, Recipe],
    mesh_models: Mapping[str, Path],
    geometry: Mapping[str, npt.NDArray[np.int32]],
) -> None:
    """A wrong matrix in one of the custom operators would throw them across the face."""
    name = "face_landmark_with_attention"
    outputs = outputs_of(recipes[name], mesh_models[name], portrait(192))
    coarse = mesh_of(outputs)[geometry[part], :2]
    height = float(np.linalg.norm(outputs["mesh"][10, :2] - outputs["mesh"][152, :2]))
    assert np.linalg.norm(coarse - outputs[part], axis=1).mean() < FACE_FRACTION * height


@pytest.mark.parametrize("side", ["left", "right"])
def test_irises_lie_inside_their_eyes(
    side: str,
    recipes: Mapping[str, Recipe],
    mesh_models: Mapping[str, Path],
    geometry: Mapping[str, npt.NDArray[np.int32]],
) -> None:
    name = "face_landmark_with_attention"
    outputs = outputs_of(recipes[name], mesh_models[name], portrait(192))
    refined = np.zeros((478, 2))
    refined[geometry[f"{side}_eye"]] = outputs[f"{side}_eye"]
    ring = refined[geometry[f"{side}_eye_ring"]].astype(np.float32)
    centre = outputs[f"{side}_iris"][0]
    assert cv2.pointPolygonTest(ring, (float(centre[0]), float(centre[1])), measureDist=False) > 0


@pytest.mark.parametrize("name", ["face_detection_short_range", "face_detection_full_range_sparse"])
def test_detectors_find_the_portrait_and_not_noise(
    name: str, recipes: Mapping[str, Recipe], mesh_models: Mapping[str, Path]
) -> None:
    side = recipes[name].inputs["image"].spec.shape[1]
    assert outputs_of(recipes[name], mesh_models[name], portrait(side))["scores"].max() > 0.6
    assert outputs_of(recipes[name], mesh_models[name], noise(side))["scores"].max() < 0.5


@pytest.mark.shared
def test_agrees_with_another_conversion(
    recipes: Mapping[str, Recipe], mesh_models: Mapping[str, Path], shared_data: Path
) -> None:
    """The same 468-point network, converted by somebody else years ago."""
    picture = portrait(192)
    other = OnnxEngine(shared_data / "networks" / "facemesh_192.onnx")
    ((name, spec),) = other.inputs.items()
    tensor = prepared(picture, 0.0, 255.0)
    feed = tensor if spec.shape[1] == 3 else np.ascontiguousarray(tensor.transpose(0, 2, 3, 1))
    theirs = next(o for o in other.run({name: feed}).values() if o.size == 1404)
    ours = outputs_of(recipes["face_landmark"], mesh_models["face_landmark"], picture)["mesh"]
    height = float(np.linalg.norm(ours[10, :2] - ours[152, :2]))
    apart = np.linalg.norm(ours[:, :2] - np.asarray(theirs, np.float64).reshape(468, 3)[:, :2], axis=1)
    assert apart.mean() < FACE_FRACTION * height
