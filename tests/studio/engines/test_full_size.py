"""The measurement of the studio's models on a card: what it would measure has the published size."""

from pathlib import Path

import pytest

pytestmark = pytest.mark.studio
torch = pytest.importorskip("torch")
pytest.importorskip("diffusers")

from torch import nn  # noqa: E402

from benchmarks import bench_studio, studio_models  # noqa: E402
from benchmarks.bench_studio import Subject  # noqa: E402
from livecam.studio.engines import klein, klein_tiny  # noqa: E402
from livecam.studio.terms import Device, Weights  # noqa: E402


def test_a_small_model_can_be_measured(tmp_path: Path) -> None:
    words = klein_tiny.write_words(tmp_path / "words.safetensors", klein.INPAINT)
    weights = Weights(klein_tiny.write_tiny(tmp_path / "base"), {}, {"words": words})
    subject = Subject("tiny", lambda: klein.make(weights, Device("cpu")), 4, 2, {})
    found = bench_studio.measured(subject, 1, "cpu", 64)
    assert 0 < found["seconds_a_step"] < found["seconds_a_picture"]
    assert 0 < found["gb_loaded"] <= found["gb_peak"]


def billions(network: nn.Module | None) -> float:
    assert network is not None
    return round(studio_models.parameters(network) / 1e9, 2)


@pytest.mark.usefixtures("unset")
def test_the_models_have_their_published_size() -> None:
    with studio_models.made_on("meta", torch.bfloat16):
        of_klein, of_flux = studio_models.klein_networks(), studio_models.flux_networks()
        own = studio_models.flux_adapters()
    assert torch.get_default_dtype() == torch.float32
    assert next(of_klein[0].parameters()).dtype == torch.bfloat16
    assert [billions(network) for network in of_klein] == [3.88, 0.08]
    assert {name: billions(network) for name, network in of_flux.items()} == {
        "transformer": 11.9,
        "vae": 0.08,
        "text_encoder": 0.12,
        "text_encoder_2": 4.76,
    }
    assert own.tokens is not None
    assert [billions(part) for part in (own.control, own.pulid, own.tokens.ip_adapter)] == [2.95, 0.57, 0.48]


def test_every_subject_is_there(tmp_path: Path) -> None:
    assert [subject.name for subject in bench_studio.subjects(tmp_path)] == [
        "klein4b, one photo",
        "klein4b, four photos",
        "flux1",
        "flux1, all adapters",
    ]
