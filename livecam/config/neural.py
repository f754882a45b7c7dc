"""Settings of the neural swap."""

from dataclasses import dataclass, field

from livecam.config.compound import Otherwise
from livecam.config.kinds import Choice, Number, Switch, Text
from livecam.config.presets import PRESETS, Preset, PresetName
from livecam.config.setting import about

_NAME = Otherwise(Text(60), "preset")
_OR_NONE = "; `none` for none, `preset` for the preset's."


@dataclass(frozen=True, slots=True)
class NeuralConfig:
    """Which networks swap. `None` stands for the preset's, "none" for none."""

    preset: PresetName = field(
        default=PresetName.MESH,
        metadata=about(
            Choice(PresetName),
            "--preset",
            "Which networks swap. mesh needs no weights; for the others see `livecam models list`.",
        ),
    )
    detector: str | None = field(
        default=None,
        metadata=about(_NAME, "--detector", f"Recipe of the network that finds faces{_OR_NONE}"),
    )
    swapper: str | None = field(
        default=None,
        metadata=about(_NAME, "--swapper", "Recipe of the network that swaps; `preset` for the preset's."),
    )
    boost: float | None = field(
        default=None,
        metadata=about(
            Otherwise(Number(1, 8, "times"), "preset"),
            "--boost",
            "Pixel boost: the swapper works at so many times its resolution, in so many squared passes.",
        ),
    )
    enhancer: str | None = field(
        default=None,
        metadata=about(_NAME, "--enhancer", f"Recipe of the network that sharpens{_OR_NONE}"),
    )
    small_enhancer: str = field(
        default="none",
        metadata=about(
            Text(60),
            "--small-enhancer",
            "Recipe of a quicker network that takes the enhancer's place when there is not enough time; "
            "`none` for none.",
        ),
    )
    blend: float = field(
        default=0.7,
        metadata=about(
            Number(0, 1),
            "--blend",
            "How much of the enhancer shows. Above 0.85 the face turns to plastic, so that --force-blend is needed.",
        ),
    )
    force_blend: bool = field(
        default=False,
        metadata=about(Switch(), "--force-blend", "Allow a blend above 0.85."),
    )
    fidelity: float | None = field(
        default=None,
        metadata=about(
            Otherwise(Number(0, 1), "recipe"),
            "--fidelity",
            "How closely CodeFormer keeps to its input: 0 invents most, 1 least.",
        ),
    )
    occlusion: str | None = field(
        default=None,
        metadata=about(_NAME, "--occlusion", f"Recipe of the network that keeps hands and cups in front{_OR_NONE}"),
    )
    regions: str | None = field(
        default=None,
        metadata=about(_NAME, "--regions", f"Recipe of the network that tells face from hair{_OR_NONE}"),
    )
    mask_blur: float = field(
        default=0.3,
        metadata=about(Number(0, 1), "--mask-blur", "Softness of the swapped square's edge, as a share of its half."),
    )
    colour: float = field(
        default=0.5,
        metadata=about(
            Number(0, 1), "--colour", "How far the swapped face takes on the colours of yours: 0 not at all, 1 all."
        ),
    )
    steady_texture: bool = field(
        default=False,
        metadata=about(
            Switch(),
            "--steady-texture",
            "Keep texture that an enhancer invents from crawling; about 4 ms a frame at 512 px, on the processor only.",
        ),
    )
    identity_gate: bool = field(
        default=True,
        metadata=about(
            Switch(),
            "--identity-gate",
            "Show less of the enhancer where it makes the face less the persona's: the swapper's recogniser compares, "
            "about once a second, beside the frames. Live only.",
        ),
    )
    keep_mouth: bool = field(
        default=False,
        metadata=about(Switch(), "--keep-mouth", "Show the inside of your own mouth when it is open."),
    )
    angles: bool = field(
        default=False,
        metadata=about(
            Switch(),
            "--angles",
            "Swap with the vector of a persona's identity pack that fits the angle of your head, where it has a pack; "
            "see `livecam faces views`.",
        ),
    )

    @property
    def chain(self) -> Preset:
        """The preset with what was named instead."""
        preset = PRESETS[self.preset]
        enhancer, small = _chosen(self.enhancer, preset.enhancer), _chosen(self.small_enhancer, "")
        return Preset(
            summary=preset.summary,
            detector=_chosen(self.detector, preset.detector),
            swapper=_chosen(self.swapper, preset.swapper),
            boost=preset.boost if self.boost is None else round(self.boost),
            enhancer=enhancer,
            blend=self.blend,
            occlusion=_chosen(self.occlusion, preset.occlusion),
            regions=_chosen(self.regions, preset.regions),
            small_enhancer=small if enhancer and small != enhancer else "",
            cost=preset.cost,
        )


def _chosen(own: str | None, preset: str) -> str:
    """What the user named, or the preset's; "" for none."""
    named = preset if own is None else own
    return "" if named == "none" else named
