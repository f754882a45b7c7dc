"""The catalogue: what is shipped, what a user adds, and what is said about a wrong recipe."""

import re
from pathlib import Path

import pytest

from livecam.errors import ModelError
from livecam.inference.catalogue import catalogue_folders, load_all, load_model, model_names
from livecam.inference.model import Model, Task
from livecam.inference.recipes import recipes_folder
from livecam.vision.contract import (
    AgeContract,
    AgeFamily,
    Alignment,
    Colour,
    ConverterContract,
    DetectorContract,
    DetectorFamily,
    EnhancerContract,
    IdentityKind,
    IdentityRule,
    LandmarkerContract,
    Layout,
    MaskerContract,
    NudityContract,
    NudityFamily,
    PictureIn,
    RecogniserContract,
    SwapperContract,
)
from livecam.vision.template import Template

SHIPPED = recipes_folder()
FOLDERS = (SHIPPED,)
ALL = load_all(FOLDERS)
BY_TASK = {
    Task.DETECT: "scrfd_500m scrfd_2.5g scrfd_10g yunet yoloface_8n",
    Task.LANDMARKS: "2d106det 2dfan4 fan_68_5 facemesh_192",
    Task.RECOGNISE: "arcface_w600k_r50 arcface_w600k_mbf sface auraface glintr100",
    Task.CONVERT: "crossface_simswap crossface_hififace crossface_ghost",
    Task.SWAP: "inswapper_128 inswapper_128_fp16 reswapper_128 reswapper_256 hyperswap_1a_256 hyperswap_1b_256"
    " hyperswap_1c_256 simswap_256 simswap_unofficial_512 ghost_1_256 ghost_2_256 ghost_3_256"
    " hififace_unofficial_256 blendswap_256 uniface_256 alphaface_256",
    Task.ENHANCE: "gfpgan_1.2 gfpgan_1.3 gfpgan_1.4 codeformer gpen_bfr_256 gpen_bfr_512 gpen_bfr_1024 gpen_bfr_2048"
    " restoreformer_plus_plus",
    Task.MASK: "xseg_1 xseg_2 xseg_3 bisenet_resnet_18 bisenet_resnet_34",
    Task.NUDITY: "nsfw_1 nsfw_2 nsfw_3 nudenet_320n",
    Task.AGE: "genderage fairface",
}
PRESETS = "scrfd_2.5g scrfd_10g arcface_w600k_r50 inswapper_128 inswapper_128_fp16 hyperswap_1a_256 gpen_bfr_256"
PRESETS += " gpen_bfr_512 gfpgan_1.4 xseg_3 bisenet_resnet_34 2dfan4"

R50 = "arcface_w600k_r50"
RGB, BGR = Colour.RGB, Colour.BGR
NCHW, NHWC = Layout.NCHW, Layout.NHWC


def same(value: float) -> tuple[float, float, float]:
    return value, value, value


RAW, UNIT, HALF = (same(0), same(1)), (same(0), same(255)), (same(127.5), same(127.5))
IMAGENET = ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))
EMBEDDING, EMAP, IMAGE = IdentityKind


def picture(side: int, numbers: tuple[tuple[float, float, float], ...], colour: Colour = RGB) -> PictureIn:
    return PictureIn(side, colour, NCHW, *numbers)


# What each network takes and gives, typed from the literature a second time.
DETECTORS = {
    "scrfd_500m": (DetectorFamily.SCRFD, picture(640, (same(127.5), same(128))), 0.5, 0.4),
    "scrfd_2.5g": (DetectorFamily.SCRFD, picture(640, (same(127.5), same(128))), 0.5, 0.4),
    "scrfd_10g": (DetectorFamily.SCRFD, picture(640, (same(127.5), same(128))), 0.5, 0.4),
    "yunet": (DetectorFamily.YUNET, picture(640, RAW, BGR), 0.6, 0.3),
    "yoloface_8n": (DetectorFamily.YOLO, picture(640, UNIT, BGR), 0.5, 0.4),
}
LANDMARKERS = {
    "2d106det": ("if106", picture(192, RAW)),
    "2dfan4": ("fan68", picture(256, UNIT)),
    "fan_68_5": ("five68", None),
    "facemesh_192": ("mesh468", PictureIn(192, RGB, NHWC, *UNIT)),
}
RECOGNISERS = {
    "arcface_w600k_r50": (picture(112, HALF), 512),
    "arcface_w600k_mbf": (picture(112, HALF), 512),
    "auraface": (picture(112, HALF), 512),
    "glintr100": (picture(112, HALF), 512),
    "sface": (picture(112, RAW, BGR), 128),
}
# Side, numbers, template, black, full, kind of identity, converter.
SWAPPERS = {
    "inswapper_128": (128, UNIT, "arcface_128", 0, 1, EMAP, ""),
    "inswapper_128_fp16": (128, UNIT, "arcface_128", 0, 1, EMAP, ""),
    "reswapper_128": (128, UNIT, "arcface_128", 0, 1, EMAP, ""),
    "reswapper_256": (256, UNIT, "arcface_128", 0, 1, EMAP, ""),
    "hyperswap_1a_256": (256, HALF, "arcface_128", -1, 1, EMBEDDING, ""),
    "hyperswap_1b_256": (256, HALF, "arcface_128", -1, 1, EMBEDDING, ""),
    "hyperswap_1c_256": (256, HALF, "arcface_128", -1, 1, EMBEDDING, ""),
    "simswap_256": (256, IMAGENET, "arcface_112_v1", 0, 1, EMBEDDING, "crossface_simswap"),
    "simswap_unofficial_512": (512, UNIT, "arcface_112_v1", 0, 1, EMBEDDING, "crossface_simswap"),
    "ghost_1_256": (256, HALF, "arcface_112_v1", -1, 1, EMBEDDING, "crossface_ghost"),
    "ghost_2_256": (256, HALF, "arcface_112_v1", -1, 1, EMBEDDING, "crossface_ghost"),
    "ghost_3_256": (256, HALF, "arcface_112_v1", -1, 1, EMBEDDING, "crossface_ghost"),
    "hififace_unofficial_256": (256, HALF, "mtcnn_512", -1, 1, EMBEDDING, "crossface_hififace"),
    "blendswap_256": (256, UNIT, "ffhq_512", 0, 1, IMAGE, ""),
    "uniface_256": (256, HALF, "ffhq_512", -1, 1, IMAGE, ""),
    "alphaface_256": (256, UNIT, "ffhq_512", 0, 1, EMAP, ""),
}
PERSONA_PICTURES = {
    "blendswap_256": (picture(112, UNIT), Alignment(Template.ARCFACE_112_V2)),
    "uniface_256": (picture(256, UNIT), Alignment(Template.FFHQ_512)),
}
ENHANCERS = {
    "gfpgan_1.2": (512, "ffhq_512"),
    "gfpgan_1.3": (512, "ffhq_512"),
    "gfpgan_1.4": (512, "ffhq_512"),
    "codeformer": (512, "ffhq_512"),
    "restoreformer_plus_plus": (512, "ffhq_512"),
    "gpen_bfr_256": (256, "arcface_128"),
    "gpen_bfr_512": (512, "ffhq_512"),
    "gpen_bfr_1024": (1024, "ffhq_512"),
    "gpen_bfr_2048": (2048, "ffhq_512"),
}
MASKERS = {
    "xseg_1": ("xseg", PictureIn(256, BGR, NHWC, *UNIT), ()),
    "xseg_2": ("xseg", PictureIn(256, BGR, NHWC, *UNIT), ()),
    "xseg_3": ("xseg", PictureIn(256, BGR, NHWC, *UNIT), ()),
    "bisenet_resnet_18": ("bisenet", picture(512, IMAGENET), (1, 2, 3, 4, 5, 6, 10, 11, 12, 13)),
    "bisenet_resnet_34": ("bisenet", picture(512, IMAGENET), (1, 2, 3, 4, 5, 6, 10, 11, 12, 13)),
}

BOXES, CLASSES = NudityFamily.BOXES, NudityFamily.CLASSES
CLIP = ((122.77094, 116.74601, 104.09374), (68.500533, 66.632158, 70.323163))
# Family, side, numbers, the weights of the classes, limit.
NUDITY = {
    "nsfw_1": (BOXES, 640, UNIT, (1, 1, 1, 1, 1), 0.2),
    "nsfw_2": (CLASSES, 384, HALF, (1, -1), 0.25),
    "nsfw_3": (CLASSES, 448, CLIP, (-1, -1, 1, 1), 10.5),
    "nudenet_320n": (BOXES, 320, UNIT, tuple(float(place in (2, 3, 4, 6, 14)) for place in range(18)), 0.25),
}
AGES = {
    "genderage": AgeContract(AgeFamily.GENDERAGE, picture(96, RAW), None),
    "fairface": AgeContract(AgeFamily.FAIRFACE, picture(224, IMAGENET), Alignment(Template.ARCFACE_112_V2)),
}


def test_every_model_of_the_field_is_there() -> None:
    assert model_names(FOLDERS) == tuple(sorted(" ".join(BY_TASK.values()).split()))
    assert {name: model.task for name, model in ALL.items()} == {
        name: task for task, names in BY_TASK.items() for name in names.split()
    }


@pytest.mark.parametrize("name", DETECTORS)
def test_detectors(name: str) -> None:
    assert ALL[name].contract == DetectorContract(*DETECTORS[name])


@pytest.mark.parametrize("name", LANDMARKERS)
def test_landmarkers(name: str) -> None:
    contract = ALL[name].contract
    assert isinstance(contract, LandmarkerContract)
    assert (contract.family, contract.picture) == LANDMARKERS[name]


@pytest.mark.parametrize("name", RECOGNISERS)
def test_recognisers(name: str) -> None:
    taken, length = RECOGNISERS[name]
    assert ALL[name].contract == RecogniserContract(taken, Alignment(Template.ARCFACE_112_V2), length)


@pytest.mark.parametrize(("to", "normalised"), [("simswap", True), ("hififace", True), ("ghost", False)])
def test_converters(to: str, normalised: bool) -> None:
    assert ALL[f"crossface_{to}"].contract == ConverterContract(512, normalised)


@pytest.mark.parametrize("name", SWAPPERS)
def test_swappers(name: str) -> None:
    side, numbers, template, low, high, kind, converter = SWAPPERS[name]
    contract = ALL[name].contract
    assert isinstance(contract, SwapperContract)
    assert contract.picture == picture(side, numbers)
    assert contract.alignment == Alignment(Template(template), 0.5 if name == "reswapper_256" else 0.0)
    assert (contract.result.low, contract.result.high, contract.result.colour) == (low, high, RGB)
    if kind is IMAGE:
        assert contract.identity == IdentityRule(kind, "", "", *PERSONA_PICTURES[name])
    else:
        assert contract.identity == IdentityRule(kind, R50, converter)
    assert contract.own_mask == name.startswith("hyperswap")


@pytest.mark.parametrize("name", ENHANCERS)
def test_enhancers(name: str) -> None:
    side, template = ENHANCERS[name]
    contract = ALL[name].contract
    assert isinstance(contract, EnhancerContract)
    assert (contract.picture, contract.alignment) == (picture(side, HALF), Alignment(Template(template)))
    assert (contract.result.low, contract.result.high, contract.result.colour) == (-1, 1, RGB)
    assert contract.fidelity == (0.5 if name == "codeformer" else None)
    assert [port.spec.dtype for port in ALL["codeformer"].inputs.values()] == ["float32", "float64"]


@pytest.mark.parametrize("name", MASKERS)
def test_maskers(name: str) -> None:
    contract = ALL[name].contract
    assert isinstance(contract, MaskerContract)
    assert (contract.family, contract.picture, contract.regions) == MASKERS[name]


@pytest.mark.parametrize("name", NUDITY)
def test_networks_for_nudity(name: str) -> None:
    family, side, numbers, weights, limit = NUDITY[name]
    assert ALL[name].contract == NudityContract(family, picture(side, numbers), weights, limit)


@pytest.mark.parametrize("name", AGES)
def test_networks_for_ages(name: str) -> None:
    assert ALL[name].contract == AGES[name]


@pytest.mark.parametrize(
    ("name", "size", "gflop", "digest"),
    [
        ("scrfd_10g", 16923827, 26.7, "5838f7fe053675b1c7a08b633df49e7af5495cee0493c7dcf6697200b85b5b91"),
        ("inswapper_128", 554253681, 349.2, "e4a3f08c753cb72d04e10aa0f7dbe3deebbf39567d4ead6dce08e98aa49e16af"),
        ("inswapper_128_fp16", 277680829, 349.2, "6d51a9278a1f650cffefc18ba53f38bf2769bf4bbff89267822cf72945f8a38b"),
        ("hyperswap_1b_256", 402742682, 63.9, "5124031789c42f71b9558fb71954ef7aedb6da7ed9fac79293e23c61a792a73e"),
        ("gfpgan_1.4", 340256690, 395.5, "accc4757b26bdb89b32b4d3500d4f79c9dff97c1dd7c7104bf9dcb95e3311385"),
        ("gpen_bfr_512", 284250449, 276.2, "d5f066b9068a8b74217f9712e28e875a6144629b108a6f7355acbdb3a2832c54"),
        ("xseg_3", 70327709, 27.6, "48ccd7e8541e159a5a754ec9e62df2f12065f7df8f9af842c1750342c6533559"),
        ("bisenet_resnet_34", 93632546, 46.9, "4a0b8c958a3c938913bd06a8365dbb3c8761afba6ecbf0d14b3b1f77eb230c96"),
        ("2dfan4", 97904803, 50.5, "678c6fa539d52335a31c980feefdf4a6e02d781d83dce00af8a894f114557285"),
        (R50, 174388474, 12.6, "4c06341c33c2ca1f86781dab0e829f88ad5b64be9fba56e56bc9ebdefc619e43"),
    ],
)
def test_sizes_costs_and_digests(name: str, size: int, gflop: float, digest: str) -> None:
    model = ALL[name]
    assert (model.size, model.gflop) == (size, gflop)
    assert digest in {save.sha256 for save in model.saves}


@pytest.mark.parametrize("name", PRESETS.split())
def test_what_presets_need_can_be_fetched_and_checked(name: str) -> None:
    assert ALL[name].saves
    assert ALL[name].origins


@pytest.mark.parametrize("model", ALL.values(), ids=lambda model: model.name)
def test_every_recipe_tells_its_terms_and_where_it_is_from(model: Model) -> None:
    assert model.licence.commercial or model.licence.limits.endswith(".")
    assert not any(port.names == () for port in model.inputs.values() if len(model.inputs) > 1)
    sizes = {save.size for save in model.saves} - {0}
    assert not sizes or model.size in sizes
    assert model.summary
    assert len(model.digest) == 64


def test_no_digest_stands_for_two_networks() -> None:
    digests = [save.sha256 for model in ALL.values() for save in model.saves]
    assert len(digests) == len(set(digests))


def test_the_readme_lists_every_model() -> None:
    rows = re.findall(r"^\| `([^`]+)` \| (\w+) \| (\S+) MB \| (\S+) \| (.+) \| (yes|no) \|$", readme(), re.MULTILINE)
    told = {name: (task, gflop, licence, may) for name, task, _, gflop, licence, may in rows}
    assert told == {
        name: (
            str(model.task),
            f"{model.gflop:g}" if model.gflop else "-",
            model.licence.name,
            "yes" if model.licence.commercial else "no",
        )
        for name, model in ALL.items()
    }
    for name, _, size, *_ in rows:
        assert float(size) == pytest.approx(ALL[name].size / 1e6, abs=0.5)


def readme() -> str:
    return (SHIPPED / "README.md").read_text()


def example() -> str:
    """The recipe of engines/README.md."""
    found = re.search(r"```toml\n(.*?)```", readme(), re.DOTALL)
    assert found is not None
    return found[1]


def test_the_readmes_example_is_a_swapper_of_inswappers_shape(tmp_path: Path) -> None:
    (tmp_path / "my_swapper_128.toml").write_text(example())
    folders = catalogue_folders(tmp_path)
    assert folders == (SHIPPED, tmp_path)
    mine = load_model("my_swapper_128", folders)
    assert mine.contract == ALL["inswapper_128"].contract
    assert set(load_all(folders)) == {*ALL, "my_swapper_128"}


def test_without_a_folder_of_the_users_own_there_are_the_shipped_recipes(tmp_path: Path) -> None:
    assert catalogue_folders(None) == FOLDERS
    assert catalogue_folders(tmp_path / "recipes") == FOLDERS


def test_a_user_may_not_put_another_recipe_under_a_shipped_name(tmp_path: Path) -> None:
    (tmp_path / "xseg_3.toml").write_text((SHIPPED / "xseg_3.toml").read_text())
    with pytest.raises(ModelError, match=r"two recipes called 'xseg_3'.*engines.*Rename yours"):
        load_model("yunet", catalogue_folders(tmp_path))


@pytest.mark.parametrize(
    ("name", "expected"),
    [("inswaper_128", r"no recipe 'inswaper_128'\. Did you mean inswapper_128 or"), ("?", "See: livecam models list")],
)
def test_a_model_that_is_not_there(name: str, expected: str) -> None:
    with pytest.raises(ModelError, match=expected):
        load_model(name, FOLDERS)


@pytest.mark.parametrize(
    ("name", "old", "new", "expected"),
    [
        ("xseg_3", "gflop =", "gflops =", "the key 'gflop' is missing"),
        ("xseg_3", "gflop = 27.6", "gflop = 27.6\nopset = 11", "unknown key 'opset'"),
        ("xseg_3", "[mask]", "[mask]\nfamilly = 'x'", r"\[mask\]: unknown key 'familly'\. Did you mean 'family'"),
        ("xseg_3", "size = 70_327_709\ngflop", "size = 0\ngflop", "'size' is 0, must be 1 or more"),
        ("xseg_3", 'task = "mask"', 'task = "masks"', "'task' is 'masks', must be one of detect, landmarks"),
        ("xseg_3", 'name = "xseg_3"', 'name = "xseg"', "calls itself 'xseg'"),
        ("xseg_3", 'name = "xseg_3"', 'name = "xseg_3', "not valid TOML"),
        ("xseg_3", "48ccd7e8", "48CCD7E8", r"\[\[saves\]\] 1: .* is not a SHA-256"),
        ("xseg_3", "48ccd7e8", "", "is not a SHA-256"),
        ("xseg_3", 'url = "https://', 'url = "http://', r"\[\[origins\]\] 1: 'url'.*begins with https"),
        ("xseg_3", 'text = "https://', 'text = "', r"\[licence\]: 'text'.*begins with https"),
        ("uniface_256", '"No licence is published, so that it grants nothing."', '""', "'limits' must say what the"),
        ("xseg_3", "commercial = true", "commercial = 1", "'commercial' must be true or false"),
        ("xseg_3", 'family = "xseg"', 'family = "bisenet"', "the key 'regions' is missing"),
        ("xseg_3", 'layout = "nhwc"', 'layout = "nchw"', r"a nchw picture of side 256 is float32 \[1, 3, 256, 256\]"),
        ("xseg_3", 'layout = "nhwc"', 'layout = "hwc"', "'layout' is 'hwc', must be one of nchw, nhwc"),
        ("xseg_3", 'colour = "bgr"', 'colour = "grb"', "'colour' is 'grb', must be one of bgr, rgb"),
        ("xseg_3", "side = 256", "side = 0", "'side' is 0"),
        ("xseg_3", "side = 256", "side = 255", "a nhwc picture of side 255"),
        ("xseg_3", "mean = [0.0, 0.0, 0.0]", "mean = [0.0]", "'mean' must hold 3 numbers.*it holds 1"),
        ("xseg_3", "std = [255.0, 255.0, 255.0]", "std = [255.0, 0, 255.0]", "'std' must not hold 0"),
        ("xseg_3", "std = [255.0,", 'std = ["255",', "'std' must be a number"),
        ("xseg_3", 'role = "mask"', 'role = "image"', r"\[\[outputs\]\] has the role 'image', which is not"),
        ("xseg_3", 'dtype = "float32"', 'dtype = "float23"', "'dtype' is 'float23', must be one of float32"),
        ("xseg_3", 'dtype = "float32"', 'dtype = "uint8"', "its port is uint8"),
        ("xseg_3", "shape = [-1, 256, 256, 3]", "shape = [0, 256, 256, 3]", "'shape' is .*1 or more, or -1"),
        ("xseg_3", "[picture]", '[picture]\ntemplate = "ffhq_512"', "unknown key 'template'"),
        ("bisenet_resnet_34", "regions = [1,", "regions = [19,", "region 19 does not exist; classes are 0 to 18"),
        ("bisenet_resnet_34", "regions = [1, 2, 3, 4, 5, 6, 10, 11, 12, 13]", "regions = []", "'regions' must name"),
        ("yunet", "score = 0.6", "score = 60", "'score' is 60, must be from 0 to 1"),
        ("yunet", 'role = "obj_16"', 'role = "obj_8"', "the role 'obj_8' is there twice"),
        ("yunet", 'family = "yunet"', 'family = "scrfd"', "the role 'cls_16', which is not of its kind; roles are box"),
        ("2dfan4", 'family = "fan68"', 'family = "if106"', "the role 'heatmaps', which is not of its kind"),
        ("2d106det", 'family = "if106"', 'family = "fan68"', r"\[\[outputs\]\] lacks the role 'heatmaps'"),
        ("sface", "length = 128", "length = 512", r"'length' is 512, but an embedding has the shape \[-1, 128\]"),
        ("crossface_ghost", "length = 512", "length = 0", "'length' is 0"),
        ("crossface_ghost", "normalised = false", 'normalised = "no"', "'normalised' must be true or false"),
        ("codeformer", "[enhance]\nfidelity = 0.5", "", r"\[\[inputs\]\] has the role 'weight'"),
        ("codeformer", "fidelity = 0.5", "fidelity = 5", "'fidelity' is 5"),
        ("gfpgan_1.4", 'template = "ffhq_512"', 'template = "ffhq_256"', "'template' is 'ffhq_256', must be one of"),
        ("gfpgan_1.4", "low = -1.0", "low = 1.0", "'low' and 'high' must differ"),
        ("hyperswap_1a_256", "own_mask = true", "own_mask = false", r"\[\[outputs\]\] has the role 'mask'"),
        ("simswap_256", "own_mask = false", "own_mask = true", r"\[\[outputs\]\] lacks the role 'mask'"),
        (
            "simswap_256",
            f'"{R50}"',
            '"arcface_w600k"',
            r"\[identity\]: the recogniser 'arcface_w600k' has no recipe\. Did",
        ),
        ("simswap_256", f'"{R50}"', '"yunet"', "'yunet' is no recogniser, but a network for 'detect'"),
        ("simswap_256", f'"{R50}"', '"sface"', "'sface' gives 128 numbers, but the input 'source' takes 512"),
        ("simswap_256", '"crossface_simswap"', '"crossface_sim"', "the converter 'crossface_sim' has no recipe"),
        ("simswap_256", '"crossface_simswap"', f'"{R50}"', f"'{R50}' is no converter"),
        ("simswap_256", 'kind = "embedding"', 'kind = "emap"', "unknown key 'converter'"),
        ("simswap_256", 'kind = "embedding"', 'kind = "latent"', "'kind' is 'latent', must be one of embedding, emap"),
        ("uniface_256", 'kind = "image"', 'kind = "image"\nrecogniser = "sface"', "unknown key 'recogniser'"),
        ("nsfw_2", "weights = [1, -1]", "weights = [1]", "'weights' holds 1 numbers, but the network tells 2 classes"),
        ("nsfw_1", "weights = [1, 1, 1, 1, 1]", "weights = [1]", "holds 1 numbers, but the network tells 5 classes"),
        ("nsfw_2", "weights = [1, -1]", "weights = [0, 0]", "'weights' must hold a number for each class, one of them"),
        ("nsfw_2", 'family = "classes"', 'family = "boxes"', "the role 'scores', which is not of its kind; roles are"),
        ("genderage", 'family = "genderage"', 'family = "fairface"', "the role 'values', which is not of its kind"),
        ("fairface", 'template = "arcface_112_v2"', "", "the key 'template' is missing"),
        ("inswapper_128", "shape = [-1, 512]", "shape = [512]", "identity 'emap' needs a 'source' input"),
    ],
)
def test_a_wrong_recipe_is_told_where_and_what(name: str, old: str, new: str, expected: str, tmp_path: Path) -> None:
    for path in SHIPPED.glob("*.toml"):
        (tmp_path / path.name).symlink_to(path)
    path = tmp_path / f"{name}.toml"
    text = path.read_text()
    assert old in text
    path.unlink()
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ModelError, match=expected) as raised:
        load_model(name, (tmp_path,))
    assert f"{name}.toml" in str(raised.value)


def test_a_recipe_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").mkdir()
    with pytest.raises(ModelError, match=r"mine\.toml cannot be read"):
        load_model("mine", (tmp_path,))
