"""FLUX.1's form with all three adapters, end to end, at a size that a processor draws in a tenth of a second."""

import numpy as np
import numpy.typing as npt
import pytest

pytestmark = pytest.mark.studio
pytest.importorskip("torch")
pytest.importorskip("diffusers")

import torch  # noqa: E402

from livecam.core.frame import Image  # noqa: E402
from livecam.errors import StudioCancelled, StudioError  # noqa: E402
from livecam.studio.backends import caps_of, maker_of  # noqa: E402
from livecam.studio.engines import flux1, tiny  # noqa: E402
from livecam.studio.engines.adapters import Adapters  # noqa: E402
from livecam.studio.engines.flux1 import FluxBackend  # noqa: E402
from livecam.studio.engines.tiny_models import save, tiny_adapters, tiny_pipeline  # noqa: E402
from livecam.studio.terms import Backend, Conditions, Device, Likeness, Sampling, Slot, Weights  # noqa: E402
from tests.studio.engines.people import ALL, FIVE, SIDE, middle, of, person, photo  # noqa: E402

CPU = Device("cpu")
FEW = Sampling(2, 0.75, 1)
TWO = Sampling(2, 1, 1)


@pytest.fixture(scope="module")
def pipeline() -> object:
    return tiny_pipeline()


@pytest.fixture(scope="module")
def backend(pipeline: object) -> FluxBackend:
    return FluxBackend(pipeline, tiny_adapters(), caps_of("tiny"), CPU)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Weights:
    return save(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def stock(backend: FluxBackend) -> Image:
    """Without any identity."""
    return made(backend, Conditions(person(1), FIVE, {}))


def quiet(_done: int, _total: int) -> None:
    """Wants to know nothing."""


def made(backend: Backend, conditions: Conditions, sampling: Sampling = FEW) -> Image:
    return backend.inpaint(photo(0), middle(), conditions, sampling, quiet)


def change(one: Image, other: Image) -> tuple[float, float]:
    """How much differs inside the mask and outside, mean levels."""
    apart: npt.NDArray[np.float32] = np.abs(one.astype(np.float32) - other).mean(axis=2)
    return float(apart[middle() > 0].mean()), float(apart[middle() == 0].mean())


def test_each_adapter_changes_what_is_masked(backend: FluxBackend, stock: Image) -> None:
    for slot in Slot:
        inside, outside = change(made(backend, of(1, slot)), stock)
        assert inside > 5
        assert inside > 3 * outside


def test_a_scale_of_0_is_the_baseline_bit_for_bit(backend: FluxBackend, stock: Image) -> None:
    for slot in Slot:
        assert np.array_equal(made(backend, Conditions(person(1), FIVE, {slot: 0.0})), stock)
    two = made(backend, of(1, Slot.TOKENS, Slot.ATTENTION))
    without = Conditions(person(1), FIVE, {Slot.TOKENS: 1.0, Slot.ATTENTION: 1.0, Slot.LANDMARKS: 0.0})
    assert np.array_equal(made(backend, without), two)


def test_another_person_changes_what_is_masked(backend: FluxBackend) -> None:
    for slots in ((Slot.TOKENS,), (Slot.ATTENTION,), (Slot.LANDMARKS,), tuple(Slot)):
        inside, outside = change(made(backend, of(1, *slots)), made(backend, of(2, *slots)))
        assert inside > 0.3
        assert inside > 3 * outside


def test_moved_landmarks_change_what_is_masked(backend: FluxBackend) -> None:
    moved = Conditions(person(1), FIVE + np.array([6, 4], np.float32), ALL)
    inside, outside = change(made(backend, of(1, *Slot)), made(backend, moved))
    assert inside > 1
    assert inside > 3 * outside


def test_after_a_paste_nothing_outside_the_mask_has_changed(backend: FluxBackend) -> None:
    pasted = np.where(middle()[..., None] > 0, made(backend, of(1, *Slot)), photo(0))
    assert change(pasted, photo(0))[1] == 0
    assert change(pasted, photo(0))[0] > 5


def test_several_vectors_count_each(backend: FluxBackend) -> None:
    pictures = [made(backend, of(1, Slot.TOKENS, views=views)) for views in (1, 2, 3)]
    assert change(pictures[0], pictures[1])[0] > 1
    assert change(pictures[1], pictures[2])[0] > 1


def test_several_photos_count_each(backend: FluxBackend) -> None:
    one, other = person(1), person(2)
    both = Likeness(np.vstack([one.vectors, other.vectors]), one.photos + other.photos, one.fives + other.fives)
    for slot in (Slot.ATTENTION, Slot.TOKENS):
        assert change(made(backend, Conditions(both, FIVE, {slot: 1.0})), made(backend, of(1, slot)))[0] > 0.5


def test_the_parsed_region_counts(backend: FluxBackend) -> None:
    one = person(1)
    parsed = Likeness(one.vectors, one.photos, one.fives, (np.full((SIDE, SIDE), 255, np.uint8),))
    apart = change(made(backend, Conditions(parsed, FIVE, {Slot.ATTENTION: 1.0})), made(backend, of(1, Slot.ATTENTION)))
    assert apart[0] > 0.1


def test_the_same_seed_is_the_same_picture_and_another_is_not(backend: FluxBackend) -> None:
    first = made(backend, of(1, *Slot))
    torch.rand(7)
    assert np.array_equal(made(backend, of(1, *Slot)), first)
    assert change(made(backend, of(1, *Slot), Sampling(2, 0.75, 2)), first)[0] > 5


def test_every_backend_of_the_name_is_the_same(backend: FluxBackend) -> None:
    torch.manual_seed(99)
    another = maker_of("tiny")(None, CPU)
    assert np.array_equal(made(another, of(1, *Slot)), made(backend, of(1, *Slot)))


def test_saved_and_loaded_again_it_is_the_identical_picture(backend: FluxBackend, saved: Weights) -> None:
    for make in (flux1.make, tiny.make):
        assert np.array_equal(made(make(saved, CPU), of(1, *Slot)), made(backend, of(1, *Slot)))


def test_with_offload_it_is_the_identical_picture(backend: FluxBackend) -> None:
    for offload in ("model", "sequential"):
        away = tiny.make(None, Device("cpu", offload))
        for seed in (1, 2):
            few = Sampling(1, 1.0, seed)
            assert np.array_equal(made(away, of(1, *Slot), few), made(backend, of(1, *Slot), few))


def test_in_half_precision_it_draws_nearly_the_same(backend: FluxBackend) -> None:
    few = Sampling(2, 0.5, 1)
    half = made(tiny.make(None, Device("cpu", half=True)), of(1, *Slot), few)
    apart = change(half, made(backend, of(1, *Slot), few))[0]
    assert 0 < apart < 12


def test_a_drawn_picture_depends_on_person_place_and_seed_alone(backend: FluxBackend) -> None:
    first = backend.draw(SIDE, of(1, *Slot), TWO, quiet)
    assert first.shape == (SIDE, SIDE, 3)
    assert first.dtype == np.uint8
    assert np.array_equal(backend.draw(SIDE, of(1, *Slot), Sampling(2, 0.1, 1), quiet), first)
    for other in (of(2, *Slot), Conditions(person(1), FIVE - 8, ALL)):
        assert not np.array_equal(backend.draw(SIDE, other, TWO, quiet), first)
    assert not np.array_equal(backend.draw(SIDE, of(1, *Slot), Sampling(2, 1, 5), quiet), first)


def test_any_side_of_sixteens_will_do(backend: FluxBackend) -> None:
    assert backend.draw(80, of(1, *Slot), TWO, quiet).shape == (80, 80, 3)


def test_the_words_count(backend: FluxBackend, stock: Image) -> None:
    told = made(backend, Conditions(person(1), FIVE, {}, "soft light left"))
    assert not np.array_equal(told, stock)


def test_steps_are_told_as_they_are_done(backend: FluxBackend) -> None:
    told: list[tuple[int, int]] = []
    backend.inpaint(photo(0), middle(), of(1), Sampling(4, 0.75, 1), lambda *step: told.append(step))
    assert told == [(1, 3), (2, 3), (3, 3)]
    told.clear()
    backend.inpaint(photo(0), middle(), of(1), Sampling(4, 0.01, 1), lambda *step: told.append(step))
    assert told == [(1, 1)]


def test_cancelling_leaves_the_stock_model(backend: FluxBackend, stock: Image) -> None:
    def cancel(done: int, _total: int) -> None:
        if done == 2:
            raise StudioCancelled("Ended.")

    with pytest.raises(StudioCancelled):
        backend.inpaint(photo(0), middle(), of(1, *Slot), TWO, cancel)
    assert np.array_equal(made(backend, Conditions(person(1), FIVE, {})), stock)


def test_the_model_is_stock_again_after_each_picture(backend: FluxBackend, pipeline: object) -> None:
    transformer = vars(pipeline)["transformer"]
    before = {key: value.clone() for key, value in transformer.state_dict().items()}
    fresh = tiny_pipeline().transformer.state_dict()
    made(backend, of(1, *Slot))
    after = transformer.state_dict()
    assert before.keys() == after.keys() == fresh.keys()
    assert all(torch.equal(before[key], after[key]) and torch.equal(fresh[key], after[key]) for key in before)
    hooks = [len(part._forward_hooks) + len(part._forward_pre_hooks) for part in transformer.modules()]
    assert sum(hooks) == 0


def test_a_slot_without_adapter_is_a_sentence_that_names_what_there_is(pipeline: object) -> None:
    bare = FluxBackend(pipeline, Adapters(), caps_of("flux1"), CPU)
    for slot, name in ((Slot.TOKENS, "XLabs"), (Slot.ATTENTION, "PuLID"), (Slot.LANDMARKS, "InfiniteYou")):
        with pytest.raises(StudioError) as told:
            made(bare, of(1, slot))
        assert name in str(told.value)
        assert slot.value in str(told.value)
        assert "FLUX.1 [dev]" in str(told.value)
    made(bare, Conditions(person(1), FIVE, dict.fromkeys(Slot, 0.0)))


def test_an_adapter_alone_is_enough(saved: Weights, backend: FluxBackend) -> None:
    files = {Slot.LANDMARKS: saved.adapters[Slot.LANDMARKS]}
    alone = flux1.make(Weights(saved.base, files, saved.extras), CPU)
    assert np.array_equal(made(alone, of(1, Slot.LANDMARKS)), made(backend, of(1, Slot.LANDMARKS)))
    assert alone.caps.scales == {Slot.LANDMARKS: caps_of("flux1").scales[Slot.LANDMARKS]}
    assert alone.caps.slots == frozenset(Slot)
    with pytest.raises(StudioError, match="attention"):
        made(alone, of(1, *Slot))


def test_without_weights_flux1_says_so_and_closed_it_says_so(saved: Weights) -> None:
    with pytest.raises(StudioError, match="needs weights"):
        flux1.make(None, CPU)
    with pytest.raises(StudioError, match=r"whom to show.*XLabs.*PuLID.*InfiniteYou"):
        flux1.make(Weights(saved.base, {}, {}), CPU)
    closed = tiny.make(saved, CPU)
    closed.close()
    closed.close()
    with pytest.raises(StudioError, match="closed"):
        made(closed, of(1))


def test_without_an_extra_an_adapter_is_refused(saved: Weights) -> None:
    for slot, extra in ((Slot.ATTENTION, "eva"), (Slot.LANDMARKS, "resampler"), (Slot.LANDMARKS, "arcface")):
        extras = {name: path for name, path in saved.extras.items() if name != extra}
        with pytest.raises(StudioError, match=extra):
            flux1.make(Weights(saved.base, {slot: saved.adapters[slot]}, extras), CPU)


def test_numbers_that_are_not_finite_are_refused(pipeline: object) -> None:
    adapters = tiny_adapters()
    assert adapters.pulid is not None
    adapters.pulid.pulid_ca[0].to_out.weight.fill_(float("nan"))
    broken = FluxBackend(pipeline, adapters, caps_of("tiny"), CPU)
    with pytest.raises(StudioError, match="not numbers"):
        made(broken, of(1, Slot.ATTENTION))
