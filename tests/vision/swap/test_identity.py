"""What a swapper knows a persona by: the latent's formula, and identities on disk."""

import io

import numpy as np
import pytest

from livecam.errors import ContractError, PersonaError
from livecam.vision.contract import IdentityKind
from livecam.vision.swap.identity import NeuralIdentity, latent, load_identity
from tests.vision.swap.planted import EMAP

EMBEDDING = np.random.default_rng(4).standard_normal(512).astype(np.float32)


def test_the_latent_is_normalised_twice() -> None:
    """InsightFace's form. facefusion's, without the second division, has a length near 3.9."""
    unit = EMBEDDING.astype(np.float64) / np.linalg.norm(EMBEDDING.astype(np.float64))
    raw = unit @ EMAP
    assert np.linalg.norm(raw) > 3
    made = latent(EMBEDDING, EMAP)
    np.testing.assert_allclose(made, raw / np.linalg.norm(raw), atol=1e-6)
    assert made.dtype == np.float32


def test_the_length_of_an_embedding_does_not_matter() -> None:
    np.testing.assert_allclose(latent(25 * EMBEDDING, EMAP), latent(EMBEDDING, EMAP), atol=1e-6)


@pytest.mark.parametrize("embedding", [np.zeros(512), np.full(512, np.nan)])
def test_an_embedding_of_nobody_has_no_latent(embedding: np.ndarray) -> None:
    with pytest.raises(ContractError):
        latent(embedding.astype(np.float32), EMAP)


@pytest.mark.parametrize(
    ("kind", "shape", "length"),
    [
        (IdentityKind.EMAP, (1, 512), 512),
        (IdentityKind.EMBEDDING, (1, 128), 128),
        (IdentityKind.IMAGE, (1, 3, 8, 8), 0),
    ],
)
def test_what_is_saved_is_read_again(kind: IdentityKind, shape: tuple[int, ...], length: int) -> None:
    source, file = np.random.default_rng(1).random(shape, dtype=np.float32), io.BytesIO()
    NeuralIdentity(kind, source, EMBEDDING[:length]).save(file)
    kept = load_identity(io.BytesIO(file.getvalue()))
    assert kept.kind is kind
    np.testing.assert_array_equal(kept.source, source)
    np.testing.assert_array_equal(kept.embedding, EMBEDDING[:length])


@pytest.mark.parametrize(
    "change",
    [
        {"format": np.array(99)},
        {"kind": np.array("latent")},
        {"source": np.full((1, 512), np.nan, np.float32)},
        {"source": np.zeros((2, 512), np.float32)},
        {"source": np.zeros((1, 3, 8, 8), np.float32)},
        {"source": np.zeros((1, 512), np.float64)},
        {"embedding": np.full(512, np.inf, np.float32)},
        {"embedding": np.zeros((1, 512), np.float32)},
        {"source": np.array([[object()]])},
        {"embedding": np.zeros(5_000_000, np.float32)},
    ],
    ids="-".join,
)
def test_a_file_that_was_changed_is_refused(change: dict[str, np.ndarray]) -> None:
    parts = {
        "format": np.array(1),
        "kind": np.array("emap"),
        "source": EMBEDDING[None],
        "embedding": EMBEDDING,
    }
    file = io.BytesIO()
    np.savez(file, **(parts | change))  # type: ignore[arg-type]
    with pytest.raises(PersonaError, match="livecam faces add"):
        load_identity(io.BytesIO(file.getvalue()))


def test_a_damaged_file_is_refused() -> None:
    file = io.BytesIO()
    NeuralIdentity(IdentityKind.EMAP, EMBEDDING[None], EMBEDDING).save(file)
    content = file.getvalue()
    for broken in (content[:-200], b"", content[:300] + bytes(200) + content[500:]):
        with pytest.raises(PersonaError, match="cannot be read"):
            load_identity(io.BytesIO(broken))
