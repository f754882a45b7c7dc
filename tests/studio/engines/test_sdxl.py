"""SDXL with InstantID at a width that runs in a blink: the stock model when off, an identity when on."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

pytestmark = pytest.mark.studio
torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

from accelerate import cpu_offload  # noqa: E402
from accelerate.hooks import remove_hook_from_module  # noqa: E402
from diffusers import (  # noqa: E402
    ControlNetModel,
    StableDiffusionXLControlNetInpaintPipeline,
    StableDiffusionXLInpaintPipeline,
    UNet2DConditionModel,
)
from safetensors.torch import load_file, save_file  # noqa: E402
from torch import nn  # noqa: E402

from livecam.core.frame import Image, Points  # noqa: E402
from livecam.errors import StudioCancelled, StudioError, StudioMemory  # noqa: E402
from livecam.studio.engines import sdxl  # noqa: E402
from livecam.studio.engines.bases import load_pipeline, networks_of  # noqa: E402
from livecam.studio.engines.instantid import IdentityNet  # noqa: E402
from livecam.studio.engines.pictures import to_mask, to_pipeline  # noqa: E402
from livecam.studio.engines.resampler import Resampler  # noqa: E402
from livecam.studio.engines.sdxl_tiny import write_tiny  # noqa: E402
from livecam.studio.engines.unet_hooks import on_unet  # noqa: E402
from livecam.studio.terms import Conditions, Device, Likeness, Sampling, Slot, Weights  # noqa: E402

SIDE = 64
FIVE: Points = np.array([[24, 29], [40, 29], [32, 38], [26, 46], [39, 46]], np.float32)
CPU = Device("cpu")
SAMPLING = Sampling(2, 0.75, 1)
FOUR = Sampling(4, 0.75, 1)
BOTH = {Slot.TOKENS: 0.8, Slot.LANDMARKS: 0.8}


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    return write_tiny(tmp_path_factory.mktemp("sdxl"))


@pytest.fixture(scope="module")
def backend(weights: Weights) -> Iterator[sdxl.Sdxl]:
    made = sdxl.make(weights, CPU)
    yield made
    made.close()


@pytest.fixture(scope="module")
def faceid(weights: Weights) -> Iterator[sdxl.Sdxl]:
    """With FaceID in the slot ``tokens``."""
    made = sdxl.make(filled(weights, "faceid"), CPU)
    yield made
    made.close()


@pytest.fixture(scope="module")
def bare(weights: Weights) -> Iterator[sdxl.Sdxl]:
    """Without any adapter."""
    made = sdxl.make(Weights(weights.base, {}, {}), CPU)
    yield made
    made.close()


@pytest.fixture(scope="module")
def stock(weights: Weights) -> StableDiffusionXLInpaintPipeline:
    """The pipeline as diffusers loads it, without anything of ours."""
    return loaded(weights)


def loaded(weights: Weights) -> StableDiffusionXLInpaintPipeline:
    pipeline = StableDiffusionXLInpaintPipeline.from_pretrained(weights.base, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def filled(weights: Weights, face: str) -> Weights:
    """The same files with `face` in the slot ``tokens``."""
    tokens = {Slot.TOKENS: weights.base.parent / f"{face}.safetensors"}
    return Weights(weights.base, {**weights.adapters, **tokens}, weights.extras)


def copied(weights: Weights, folder: Path) -> Weights:
    """The same files in `folder`, to be spoilt."""
    shutil.copytree(weights.base.parent, folder, dirs_exist_ok=True)
    adapters = {slot: folder / path.name for slot, path in weights.adapters.items()}
    return Weights(folder / "base", adapters, {name: folder / path.name for name, path in weights.extras.items()})


def likeness(seed: int) -> Likeness:
    vectors = np.random.default_rng(seed).normal(size=(2, 512)).astype(np.float32)
    return Likeness(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), (), ())


def conditions(scales: Mapping[Slot, float], seed: int = 1, five: Points = FIVE) -> Conditions:
    return Conditions(likeness(seed), five, scales)


def picture() -> Image:
    return np.random.default_rng(9).integers(0, 255, (4, 4, 3), dtype=np.uint8).repeat(16, 0).repeat(16, 1)


def mask() -> Image:
    made = np.zeros((SIDE, SIDE), np.uint8)
    made[16:48, 16:48] = 255
    return made


def silent(_done: int, _total: int) -> None:
    """Nobody listens."""


def made(backend: sdxl.Sdxl, given: Conditions, sampling: Sampling = SAMPLING) -> Image:
    return backend.inpaint(picture(), mask(), given, sampling, silent)


def asked(seed: int = 1) -> dict[str, object]:
    """What the backend asks the stock pipeline for."""
    return {
        "negative_prompt": sdxl.AGAINST,
        "prompt": sdxl.WORDS,
        "image": to_pipeline(picture()),
        "mask_image": to_mask(mask()),
        "height": SIDE,
        "width": SIDE,
        "strength": 0.75,
        "num_inference_steps": 2,
        "guidance_scale": sdxl.GUIDANCE,
        "generator": torch.Generator("cpu").manual_seed(seed),
        "output_type": "np",
    }


def hooks(pipeline: StableDiffusionXLInpaintPipeline) -> list[tuple[str, int]]:
    """Every module of a pipeline that has hooks, with their number; transformers hangs on some of its own."""
    return [
        (name, count)
        for network in networks_of(pipeline)
        for name, module in network.named_modules()
        if (count := len(module._forward_hooks) + len(module._forward_pre_hooks) + hasattr(module, "_hf_hook"))
    ]


def plain(pipeline: StableDiffusionXLInpaintPipeline) -> npt.NDArray[np.float32]:
    return np.asarray(pipeline(**asked()).images[0])


def test_scale_0_is_the_stock_pipeline_bit_for_bit(backend: sdxl.Sdxl, stock: StableDiffusionXLInpaintPipeline) -> None:
    made(backend, conditions(BOTH))
    expected = (plain(stock)[:, :, ::-1] * 255).round().astype(np.uint8)
    for scales in ({}, dict.fromkeys(BOTH, 0.0), dict.fromkeys(Slot, 0.0)):
        assert np.array_equal(made(backend, conditions(scales)), expected)


@pytest.mark.parametrize("face", ["instantid", "faceid"])
def test_closing_gives_the_stock_model_back(
    weights: Weights, face: str, stock: StableDiffusionXLInpaintPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[StableDiffusionXLInpaintPipeline] = []

    def keeping(kind: type[object], folder: Path, device: Device) -> StableDiffusionXLInpaintPipeline:
        kept.append(load(kind, folder, device))
        return kept[0]

    load = load_pipeline
    monkeypatch.setattr(sdxl, "load_pipeline", keeping)
    backend = sdxl.make(filled(weights, face), CPU)
    made(backend, conditions(BOTH))
    backend.close()
    backend.close()
    assert np.array_equal(plain(kept[0]), plain(stock))
    assert hooks(kept[0]) == hooks(stock)
    with pytest.raises(StudioError, match="closed"):
        made(backend, conditions(BOTH))


@pytest.mark.parametrize("slots", [{Slot.TOKENS: 1.0}, {Slot.LANDMARKS: 1.0}])
def test_another_identity_changes_the_masked_area(backend: sdxl.Sdxl, slots: Mapping[Slot, float]) -> None:
    inside = mask() > 0
    change = np.abs(made(backend, conditions(slots), FOUR).astype(int) - made(backend, conditions(slots, seed=2), FOUR))
    assert change[inside].mean() > 1
    assert change[inside].mean() > 2 * change[~inside].mean()


def test_moved_landmarks_change_the_masked_area(backend: sdxl.Sdxl) -> None:
    inside = mask() > 0
    there, moved = (made(backend, conditions(BOTH, five=five), FOUR).astype(int) for five in (FIVE, FIVE + 5))
    change = np.abs(there - moved)
    assert change[inside].mean() > 1
    assert change[inside].mean() > 2 * change[~inside].mean()


def test_landmarks_alone_do_not_matter_to_tokens(backend: sdxl.Sdxl) -> None:
    only = {Slot.TOKENS: 1.0}
    assert np.array_equal(made(backend, conditions(only)), made(backend, conditions(only, five=FIVE + 5)))


def test_the_scale_counts(backend: sdxl.Sdxl) -> None:
    pictures = [made(backend, conditions({Slot.TOKENS: scale})).astype(int) for scale in (0, 0.2, 1)]
    little, much = (np.abs(one - pictures[0])[mask() > 0].mean() for one in pictures[1:])
    assert 0 < little < much


def test_faceid_fills_the_slot_as_well(faceid: sdxl.Sdxl, backend: sdxl.Sdxl) -> None:
    base, own, second = (
        made(faceid, conditions(scales, seed)).astype(int)
        for scales, seed in (({}, 1), ({Slot.TOKENS: 1.0}, 1), ({Slot.TOKENS: 1.0}, 2))
    )
    assert np.array_equal(base, made(backend, conditions({})))
    assert np.abs(base - own)[mask() > 0].mean() > 1
    assert np.abs(second - own)[mask() > 0].mean() > 1
    # IdentityNet gets InstantID's tokens all the same.
    only = {Slot.LANDMARKS: 0.8}
    assert np.array_equal(made(faceid, conditions(only)), made(backend, conditions(only)))


def test_saved_and_loaded_again_it_makes_the_same_picture(backend: sdxl.Sdxl, weights: Weights) -> None:
    again = sdxl.make(weights, CPU)
    assert np.array_equal(made(again, conditions(BOTH)), made(backend, conditions(BOTH)))


def test_the_seed_decides(backend: sdxl.Sdxl) -> None:
    first = made(backend, conditions(BOTH))
    assert np.array_equal(first, made(backend, conditions(BOTH)))
    assert not np.array_equal(first, made(backend, conditions(BOTH), Sampling(2, 0.75, 2)))


def test_a_picture_from_nothing_follows_the_landmarks(backend: sdxl.Sdxl) -> None:
    there, again, moved = (
        backend.draw(SIDE, conditions(BOTH, five=five), SAMPLING, silent) for five in (FIVE, FIVE, FIVE + 5)
    )
    assert there.shape == (SIDE, SIDE, 3)
    assert np.array_equal(there, again)
    assert np.abs(there.astype(int) - moved).mean() > 1


def test_the_control_network_is_hung_on_as_diffusers_own_pipeline_does(
    weights: Weights, stock: StableDiffusionXLInpaintPipeline
) -> None:
    """With text in place of identity tokens, which is all that InstantID changes."""
    net = ControlNetModel.from_pretrained(weights.adapters[Slot.LANDMARKS])
    theirs = StableDiffusionXLControlNetInpaintPipeline(**stock.components, controlnet=net)
    theirs.set_progress_bar_config(disable=True)
    points = torch.rand(1, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(3))
    expected = theirs(**asked(), control_image=points, controlnet_conditioning_scale=0.7).images[0]
    text, against, _, _ = stock.encode_prompt(sdxl.WORDS, negative_prompt=sdxl.AGAINST)
    ours = IdentityNet(net, Resampler(512, 1, 32, 64, 1, 1))
    with torch.no_grad(), on_unet(ours.hang(stock.unet, torch.cat((against, text)), 0.7, points)):
        found = plain(stock)
    assert np.array_equal(found, expected)
    assert not np.array_equal(found, plain(stock))


@pytest.mark.parametrize("face", ["instantid", "faceid"])
def test_one_layer_at_a_time_makes_the_same_picture(
    weights: Weights, face: str, backend: sdxl.Sdxl, faceid: sdxl.Sdxl, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Accelerate's way, with ordinary memory in the card's place: weights are there only while their layer works."""
    weights = filled(weights, face)
    expected = made(backend if face == "instantid" else faceid, conditions(BOTH))
    layered: list[object] = []

    def layers(network: nn.Module, _device: Device) -> Callable[[], None]:
        held = {**dict(network.named_parameters()), **dict(network.named_buffers())}
        cpu_offload(network, torch.device("cpu"), state_dict=held)
        layered.append(network)
        return lambda: remove_hook_from_module(network, recurse=True)

    def place(pipeline: StableDiffusionXLInpaintPipeline, device: Device) -> None:
        for network in networks_of(pipeline):
            layers(network, device)

    monkeypatch.setattr(sdxl, "place", place)
    monkeypatch.setattr(sdxl, "beside", layers)
    backend = sdxl.make(weights, Device("cpu", "sequential"))
    assert np.array_equal(made(backend, conditions(BOTH)), expected)
    assert len(layered) == (5 if face == "instantid" else 6)


def test_steps_are_told_and_end_the_work(backend: sdxl.Sdxl) -> None:
    told: list[tuple[int, int]] = []

    def step(done: int, total: int) -> None:
        told.append((done, total))
        if done == 2:
            raise StudioCancelled("Ended.")

    before = made(backend, conditions({}))
    with pytest.raises(StudioCancelled):
        backend.inpaint(picture(), mask(), conditions(BOTH), FOUR, step)
    assert told == [(1, 3), (2, 3)]
    assert np.array_equal(made(backend, conditions({})), before)
    told.clear()
    backend.inpaint(picture(), mask(), conditions(BOTH), Sampling(4, 0.01, 1), step)
    assert told == [(1, 1)]


@pytest.mark.parametrize(
    ("slot", "says"),
    [
        (Slot.TOKENS, "InstantID's ip-adapter .* ip-adapter-faceid_sdxl"),
        (Slot.LANDMARKS, "IdentityNet"),
        (Slot.ATTENTION, r"PuLID v1\.1 for SDXL .* does not support on this base\. Use the backend flux1"),
    ],
)
def test_a_slot_without_adapter_names_what_there_is(bare: sdxl.Sdxl, slot: Slot, says: str) -> None:
    with pytest.raises(StudioError, match=rf"'{slot.value}' of Stable Diffusion XL.*{says}"):
        made(bare, conditions({slot: 1.0}))


def test_what_cannot_work_is_refused_before_it_starts(weights: Weights, tmp_path: Path) -> None:
    net = {Slot.LANDMARKS: weights.adapters[Slot.LANDMARKS]}
    with pytest.raises(StudioError, match=r"PuLID v1\.1"):
        sdxl.make(Weights(weights.base, {Slot.ATTENTION: weights.base}, {}), CPU)
    with pytest.raises(StudioError, match="needs InstantID's tokens"):
        sdxl.make(Weights(weights.base, net, {}), CPU)
    with pytest.raises(StudioError, match="needs weights"):
        sdxl.make(None, CPU)
    ControlNetModel.from_config(
        {**ControlNetModel.load_config(net[Slot.LANDMARKS]), "cross_attention_dim": 16}
    ).save_pretrained(tmp_path / "other")
    with pytest.raises(StudioError, match=r"other is for another base"):
        sdxl.make(Weights(weights.base, {Slot.LANDMARKS: tmp_path / "other"}, weights.extras), CPU)


def test_instantids_one_file_serves_both_slots(weights: Weights, backend: sdxl.Sdxl) -> None:
    expected = made(backend, conditions(BOTH))
    net = {Slot.LANDMARKS: weights.adapters[Slot.LANDMARKS]}
    for given in (Weights(weights.base, weights.adapters, {}), Weights(weights.base, net, weights.extras)):
        assert np.array_equal(made(sdxl.make(given, CPU), conditions(BOTH)), expected)


def test_a_slot_without_adapter_has_no_scale_of_its_own_accord(weights: Weights, backend: sdxl.Sdxl) -> None:
    alone = sdxl.make(Weights(weights.base, {Slot.TOKENS: weights.adapters[Slot.TOKENS]}, {}), CPU)
    assert set(alone.caps.scales) == {Slot.TOKENS}
    assert set(backend.caps.scales) == set(BOTH)
    alone.close()


def test_a_resampler_alone_fills_no_slot(weights: Weights, tmp_path: Path) -> None:
    alone = tmp_path / "resampler.safetensors"
    held = load_file(weights.extras["resampler"])
    save_file({key: value for key, value in held.items() if key.startswith("image_proj.")}, alone)
    net = {Slot.LANDMARKS: weights.adapters[Slot.LANDMARKS]}
    backend = sdxl.make(Weights(weights.base, net, {"resampler": alone}), CPU)
    assert made(backend, conditions({Slot.LANDMARKS: 1.0})).any()
    with pytest.raises(StudioError, match="no adapter for it"):
        made(backend, conditions({Slot.TOKENS: 1.0}))


def test_a_weight_that_is_missing_is_named(weights: Weights, tmp_path: Path) -> None:
    weights = copied(weights, tmp_path)
    path = weights.adapters[Slot.LANDMARKS] / "diffusion_pytorch_model.safetensors"
    tensors = load_file(path)
    del tensors["controlnet_cond_embedding.conv_in.bias"]
    save_file(tensors, path)
    with pytest.raises(StudioError, match=r"identity-net lacks the key 'controlnet_cond_embedding\.conv_in\.bias'"):
        sdxl.make(weights, CPU)


def test_half_precision_files_alone_are_read(weights: Weights, tmp_path: Path) -> None:
    weights = copied(weights, tmp_path)
    for path in (weights.base / "unet").glob("*.safetensors"):
        path.rename(path.with_name("diffusion_pytorch_model.fp16.safetensors"))
    assert made(sdxl.make(weights, Device("cpu", half=True)), conditions(BOTH)).shape == (SIDE, SIDE, 3)


def test_memory_that_does_not_suffice_is_a_sentence(backend: sdxl.Sdxl, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_given: object, **_named: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    with monkeypatch.context() as patch:
        patch.setattr(UNet2DConditionModel, "forward", full)
        with pytest.raises(StudioMemory, match="picture of 64 x 64 px"):
            made(backend, conditions(BOTH))
    assert made(backend, conditions(BOTH)).any()
