"""What folders in diffusers' layout consist of."""

from typing import Final

from livecam.studio.layouts import Component, Form

TOKENIZER: Final = (("tokenizer_config.json",), ("tokenizer.json", "vocab.json", "spiece.model"))
CONFIG: Final = (("config.json",),)
SCHEDULER: Final = (("scheduler_config.json",),)
DIFFUSION: Final = "diffusion_pytorch_model"


def network(folder: str, name: str, form: Form) -> Component:
    """A network of diffusers'."""
    return Component(folder, frozenset({name}), DIFFUSION, CONFIG, form)


def text_encoder(folder: str, *names: str) -> Component:
    """A network of transformers'."""
    return Component(folder, frozenset(names), "model", CONFIG, library="transformers")


def tokenizer(folder: str, *names: str) -> Component:
    """What cuts a text into words' parts; transformers 5 writes down one class for most."""
    return Component(
        folder,
        frozenset({*names, "TokenizersBackend", "PreTrainedTokenizerFast"}),
        needs=TOKENIZER,
        library="transformers",
    )


FLOW: Final = Component("scheduler", frozenset({"FlowMatchEulerDiscreteScheduler"}), needs=SCHEDULER)
CLIP_TOKENIZER: Final = ("CLIPTokenizer", "CLIPTokenizerFast")
DIFFUSION_SCHEDULERS: Final = Component(
    "scheduler",
    frozenset(
        {
            "EulerDiscreteScheduler",
            "EulerAncestralDiscreteScheduler",
            "DDIMScheduler",
            "DPMSolverMultistepScheduler",
            "DPMSolverSinglestepScheduler",
            "PNDMScheduler",
            "UniPCMultistepScheduler",
        }
    ),
    needs=SCHEDULER,
)
"""What models derived from Stable Diffusion XL come with."""
