"""FLUX.2 klein at a width that runs in a blink: references, strength, seeds, words, cancelling, and what is refused."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.studio
torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

from diffusers import Flux2KleinPipeline, Flux2Transformer2DModel  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402

from livecam.core.frame import Image, Points  # noqa: E402
from livecam.errors import StudioCancelled, StudioError, StudioMemory  # noqa: E402
from livecam.studio.engines import klein, klein_tiny  # noqa: E402
from livecam.studio.engines.pictures import aligned, sketch, to_pipeline  # noqa: E402
from livecam.studio.terms import Conditions, Device, Likeness, Sampling, Slot, Weights  # noqa: E402

SIDE = 64
FIVE: Points = np.array([[24, 29], [40, 29], [32, 38], [26, 46], [39, 46]], np.float32)
CPU = Device("cpu")


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    folder = tmp_path_factory.mktemp("klein")
    words = klein_tiny.write_words(folder / "words.safetensors", klein.INPAINT, klein.DRAW)
    return Weights(klein_tiny.write_tiny(folder / "base"), {}, {"words": words})


@pytest.fixture(scope="module")
def backend(weights: Weights) -> Iterator[klein.Klein]:
    made = klein.make(weights, CPU)
    yield made
    made.close()


def photo(seed: int) -> Image:
    """Blots, (120, 100, 3)."""
    coarse = np.random.default_rng(seed).integers(0, 255, (6, 5, 3), dtype=np.uint8)
    return coarse.repeat(20, 0).repeat(20, 1)


def likeness(*seeds: int) -> Likeness:
    vector = np.full((1, 512), 512**-0.5, np.float32)
    return Likeness(vector, tuple(photo(seed) for seed in seeds), tuple(FIVE * 1.5 for _ in seeds))


def conditions(*seeds: int, prompt: str = "") -> Conditions:
    return Conditions(likeness(*seeds), FIVE, {}, prompt)


def picture() -> Image:
    return photo(9)[:SIDE, :SIDE]


def mask() -> Image:
    made = np.zeros((SIDE, SIDE), np.uint8)
    made[16:48, 16:48] = 255
    return made


def made(backend: klein.Klein, given: Conditions, sampling: Sampling | None = None) -> Image:
    sampling = sampling or Sampling(4, 0.75, 1)
    return backend.inpaint(picture(), mask(), given, sampling, lambda done, total: None)


def test_one_and_two_references_make_pictures_that_differ_inside(backend: klein.Klein) -> None:
    one, two, other = (made(backend, conditions(*seeds)) for seeds in ((1,), (1, 2), (3,)))
    assert one.shape == (SIDE, SIDE, 3)
    assert one.dtype == np.uint8
    inside = mask() > 0
    for different in (two, other):
        change = np.abs(one.astype(int) - different)
        assert change[inside].mean() > 2
        assert change[inside].mean() > change[~inside].mean()


def test_the_seed_decides(backend: klein.Klein) -> None:
    assert np.array_equal(made(backend, conditions(1)), made(backend, conditions(1)))
    assert not np.array_equal(made(backend, conditions(1)), made(backend, conditions(1), Sampling(4, 0.75, 2)))


def test_four_photos_at_most_the_best_ones(backend: klein.Klein) -> None:
    four = made(backend, conditions(1, 2, 3, 4))
    assert np.array_equal(four, made(backend, conditions(1, 2, 3, 4, 5)))
    assert not np.array_equal(four, made(backend, conditions(1, 2, 3)))


@pytest.mark.parametrize(
    ("steps", "strength", "levels"),
    [
        (4, 1.0, [1, 0.75, 0.5, 0.25]),
        (4, 0.8, [0.8, 0.6, 0.4, 0.2][:3]),
        (4, 0.5, [0.5, 0.25]),
        (4, 0.05, [0.05]),
    ],
)
def test_the_strength_counts_between_whole_steps_too(steps: int, strength: float, levels: list[float]) -> None:
    found = klein.sigmas_of(Sampling(steps, strength, 0))
    assert found[0] == pytest.approx(strength)
    assert len(found) == len(levels)
    assert np.allclose(np.diff(found), -strength / len(found))


def test_no_strength_at_all_leaves_a_picture(backend: klein.Klein) -> None:
    assert np.array_equal(
        made(backend, conditions(1), Sampling(4, 0.0, 1)), made(backend, conditions(1), Sampling(4, 1e-3, 1))
    )


def test_less_strength_stays_nearer_to_the_picture(backend: klein.Klein) -> None:
    untouched = made(backend, conditions(1), Sampling(4, 0.001, 1)).astype(int)
    near, far = (
        np.abs(made(backend, conditions(1), Sampling(4, strength, 1)) - untouched)[mask() > 0].mean()
        for strength in (0.01, 1.0)
    )
    assert near < far


def test_steps_are_told_and_end_the_work(backend: klein.Klein) -> None:
    told: list[tuple[int, int]] = []

    def step(done: int, total: int) -> None:
        told.append((done, total))
        if done == 2:
            raise StudioCancelled("Ended.")

    with pytest.raises(StudioCancelled):
        backend.inpaint(picture(), mask(), conditions(1), Sampling(4, 0.75, 1), step)
    assert told == [(1, 3), (2, 3)]
    assert made(backend, conditions(1)).any()


def test_a_picture_from_nothing_is_the_stock_pipelines(backend: klein.Klein, weights: Weights) -> None:
    drawn = backend.draw(SIDE, conditions(1), Sampling(2, 0.3, 5), lambda done, total: None)
    stock = Flux2KleinPipeline.from_pretrained(weights.base, text_encoder=None, tokenizer=None, local_files_only=True)
    stock.set_progress_bar_config(disable=True)
    seen = likeness(1)
    images = [sketch(seen, FIVE, SIDE), *aligned(seen, 4, SIDE)]
    result = stock(
        image=stock.image_processor.numpy_to_pil(
            np.concatenate([to_pipeline(image).permute(0, 2, 3, 1).numpy() for image in images])
        ),
        prompt_embeds=load_file(weights.extras["words"])[klein.DRAW],
        num_inference_steps=2,
        generator=torch.Generator("cpu").manual_seed(5),
        output_type="np",
    )
    expected = (result.images[0][:, :, ::-1] * 255).round()
    assert np.abs(drawn - expected).max() <= 1


def test_saved_and_loaded_again_it_makes_the_same_picture(backend: klein.Klein, weights: Weights) -> None:
    again = klein.make(weights, CPU)
    assert np.array_equal(made(again, conditions(1)), made(backend, conditions(1)))
    again.close()
    again.close()
    with pytest.raises(StudioError, match="closed"):
        made(again, conditions(1))


def test_words_are_read_by_the_text_encoder(tmp_path: Path) -> None:
    base = klein_tiny.write_tiny(tmp_path / "base", encoder=True)
    backend = klein.make(Weights(base, {}, {}), CPU)
    plain = made(backend, conditions(1))
    assert not np.array_equal(plain, made(backend, conditions(1, prompt="the light of the face")))


def test_words_that_nobody_reads_are_a_sentence(backend: klein.Klein) -> None:
    with pytest.raises(StudioError, match="no text_encoder, which would have to read these words"):
        made(backend, conditions(1, prompt="soft light from the left"))


@pytest.mark.parametrize("slot", list(Slot))
def test_adapters_are_refused_with_what_there_is_instead(backend: klein.Klein, weights: Weights, slot: Slot) -> None:
    with pytest.raises(
        StudioError, match=rf"FLUX\.2 \[klein\] 4B has no adapter for the slot '{slot.value}'.*4 photos"
    ):
        made(backend, Conditions(likeness(1), FIVE, {slot: 0.5}))
    with pytest.raises(StudioError, match=r"PuLID for FLUX\.2"):
        klein.make(Weights(weights.base, {slot: weights.base}, {}), CPU)
    assert made(backend, Conditions(likeness(1), FIVE, {slot: 0.0})).any()


def test_a_weight_that_is_missing_is_named(tmp_path: Path) -> None:
    folder = klein_tiny.write_tiny(tmp_path)
    path = folder / "transformer" / "diffusion_pytorch_model.safetensors"
    tensors = load_file(path)
    gone = tensors.pop("x_embedder.weight")
    save_file(tensors, path)
    with pytest.raises(StudioError, match=r"transformer lacks the key 'x_embedder\.weight'"):
        klein.make(Weights(folder, {}, {}), CPU)
    save_file({**tensors, "x_embedder.weight": gone[:, :4].contiguous()}, path)
    with pytest.raises(StudioError, match=r"transformer.*x_embedder\.weight.*shape"):
        klein.make(Weights(folder, {}, {}), CPU)


def test_a_folder_that_is_no_base_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(StudioError, match=r"model_index\.json cannot be read"):
        klein.make(Weights(tmp_path, {}, {}), CPU)
    (tmp_path / "model_index.json").write_text('{"vae": ["os", "system"]}')
    with pytest.raises(StudioError, match=r"names os\.system"):
        klein.make(Weights(tmp_path, {}, {}), CPU)
    with pytest.raises(StudioError, match="needs weights"):
        klein.make(None, CPU)


def test_a_pickle_is_not_opened(tmp_path: Path) -> None:
    folder = klein_tiny.write_tiny(tmp_path)
    path = folder / "vae" / "diffusion_pytorch_model.safetensors"
    torch.save(load_file(path), path.with_suffix(".bin"))
    path.unlink()
    with pytest.raises(StudioError, match="vae cannot be loaded"):
        klein.make(Weights(folder, {}, {}), CPU)


def test_memory_that_does_not_suffice_is_a_sentence(backend: klein.Klein, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_given: object, **_named: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(Flux2Transformer2DModel, "forward", full)
    with pytest.raises(StudioMemory, match=r"picture of 64 x 64 px\. There is no smaller setting"):
        made(backend, conditions(1))


@pytest.mark.parametrize(
    ("double", "single", "heads", "text", "parameters"),
    [(5, 20, 24, 7680, 3_875_544_576), (8, 24, 32, 12288, 9_078_581_248), (8, 48, 48, 15360, 32_223_281_152)],
)
@pytest.mark.usefixtures("unset")
def test_the_published_sizes(double: int, single: int, heads: int, text: int, parameters: int) -> None:
    """klein 4B, klein 9B and dev: 3.88, 9.08 and 32.2 billion parameters."""
    with torch.device("meta"):
        network = Flux2Transformer2DModel(
            num_layers=double,
            num_single_layers=single,
            num_attention_heads=heads,
            joint_attention_dim=text,
            guidance_embeds=heads == 48,
        )
    assert sum(weight.numel() for weight in network.parameters()) == parameters
