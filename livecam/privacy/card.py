"""The card: what the first one who looks is shown, before the swap."""

from collections.abc import Mapping
from typing import Final

import numpy as np

from livecam.config.label import LabelConfig, Language
from livecam.core.frame import Image, Size
from livecam.privacy.lettering import Coverage, lettered
from livecam.privacy.slate import draw_background

SENTENCES: Final[Mapping[Language, tuple[str, str]]] = {
    Language.EN: ("This video is modified by AI.", "The face you will see is not the person's own."),
    Language.DE: ("Dieses Video ist mit KI verändert.", "Das Gesicht ist nicht das eigene der Person."),
    Language.ES: ("Este vídeo está modificado con IA.", "El rostro que verá no es el de la persona."),
    Language.FR: ("Cette vidéo est modifiée par IA.", "Le visage affiché n'est pas celui de la personne."),
    Language.IT: ("Questo video è modificato con l'IA.", "Il volto mostrato non è quello della persona."),
    Language.NL: ("Deze video is met AI bewerkt.", "Het gezicht is niet dat van de persoon zelf."),
    Language.PL: ("To wideo jest zmodyfikowane przez AI.", "Widoczna twarz nie jest twarzą tej osoby."),
    Language.PT: ("Este vídeo foi modificado por IA.", "O rosto apresentado não é o da pessoa."),
}
"""What the card says in each language: what it is, and what that means."""

_BRIGHT, _QUIET = np.array((240, 236, 232)), np.array((190, 180, 170))


def draw_card(size: Size, config: LabelConfig) -> Image:
    """The card for pictures of `size`, (H, W, 3) u8 BGR; the label's own words, where it has any, stand above it."""
    image, short, most = draw_background(size), min(size), int(size.width * 0.9)
    first, second = SENTENCES[config.language]
    own = " ".join(config.text.split())
    lines = [(own, 0.09, _QUIET), (first, 0.085, _BRIGHT), (second, 0.055, _QUIET)]
    inks = [(lettered(text, round(share * short), most), colour) for text, share, colour in lines if text]
    gap = round(0.06 * short)
    top = (size.height - sum(ink.shape[0] for ink, _ in inks) - gap * (len(inks) - 1)) // 2
    for ink, colour in inks:
        _write(image, ink, colour, (size.width - ink.shape[1]) // 2, top)
        top += ink.shape[0] + gap
    return image


def _write(image: Image, ink: Coverage, colour: np.ndarray, left: int, top: int) -> None:
    there = image[top : top + ink.shape[0], left : left + ink.shape[1]]
    share = ink[..., None].astype(np.float32) / 255
    there[:] = np.round(there * (1 - share) + colour * share).astype(np.uint8)
