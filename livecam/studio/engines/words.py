"""The words a base is told, as its text encoder sees them; the encoder is in memory only while it reads."""

from pathlib import Path
from typing import Final

import torch
from diffusers import Flux2KleinInpaintPipeline
from transformers import AutoTokenizer, Qwen3ForCausalLM

from livecam.errors import StudioError
from livecam.studio.engines.bases import load_network
from livecam.studio.engines.placing import beside, dtype_of, empty
from livecam.studio.engines.published import read
from livecam.studio.terms import Device

__all__ = ["EXTRA", "Words"]

EXTRA: Final = "words"
"""Name in `Weights.extras` of a file with what is made of words, by themselves as keys. For tests and benchmarks, which
have no encoder: nobody can register one."""


class Words:
    """What FLUX.2's text encoder, Qwen3 of 4 B parameters, makes of words; each is read once.

    Args:
        base: Folder of the base model; ``text_encoder`` and ``tokenizer`` in it may be missing.
        kept: The file `EXTRA`, if there is one.
        device: Where it is read.
    """

    def __init__(self, base: Path, kept: Path | None, device: Device) -> None:
        self._base = base
        self._device = device
        self._known = {} if kept is None else read(kept)

    def of(self, words: str, pipeline: Flux2KleinInpaintPipeline) -> torch.Tensor:
        """(1, L, D) on the device, in its dtype.

        Raises:
            StudioError: The words are not kept, and there is no text encoder to read them.
            StudioMemory: It does not fit.
        """
        if words not in self._known:
            self._known[words] = self._read(words, pipeline)
        return self._known[words].to(self._device.name, dtype_of(self._device))

    def forget(self) -> None:
        """Free what was read."""
        self._known.clear()

    def _read(self, words: str, pipeline: Flux2KleinInpaintPipeline) -> torch.Tensor:
        if not (self._base / "text_encoder").is_dir():
            raise StudioError(
                f"{self._base} has no text_encoder, which would have to read these words: {words[:60]!r}.",
                "Use the base with its text encoder, or leave the prompt away.",
            )
        encoder = load_network(Qwen3ForCausalLM, self._base / "text_encoder", self._device)
        back = beside(encoder, self._device)
        tokenizer = AutoTokenizer.from_pretrained(self._base / "tokenizer", local_files_only=True)
        pipeline.register_modules(text_encoder=encoder, tokenizer=tokenizer)
        try:
            with torch.no_grad():
                seen, _ = pipeline.encode_prompt(words, device=torch.device(self._device.name))
        finally:
            pipeline.register_modules(text_encoder=None, tokenizer=None)
            back()
            empty()
        return seen.cpu()
