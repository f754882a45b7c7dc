"""The terms of the studio's public weights, in short; what counts is what stands at their place.

Read in the licence files and READMEs of the repositories named.
"""

from typing import Final

from livecam.inference.recipe import Licence

BFL: Final = "Black Forest Labs"

DEV: Final = Licence(
    name="FLUX.1 [dev] non-commercial 1.1.1",
    holder=BFL,
    commercial=False,
    limits="Non-commercial and non-production use of the model; pictures may be used, but not to train a model that "
    "competes with it. Paragraph 2(e): filter content, and say that pictures were made by AI. Paragraph 4(a): no "
    "surveillance, (iv) no biometric processing, and no violation of somebody's rights, those in a digital replica "
    "of a person among them. A face recogniser's vector steers this backend: whether that is biometric processing in "
    "the sense of the licence is for you to judge.",
    text="LICENSE.md in black-forest-labs/FLUX.1-dev",
)
XLABS: Final = Licence(
    "FLUX.1 [dev] non-commercial 1.1.1", "XLabs AI", False, "As the base it was trained on.", "XLabs-AI/flux-ip-adapter"
)
PULID: Final = Licence(
    name="Apache-2.0",
    holder="ByteDance",
    commercial=True,
    limits="The weights are free; the base, and the face recogniser they were trained with, are not.",
    text="LICENSE in ToTheBeginning/PuLID",
)
CLIP: Final = Licence(
    "MIT",
    "OpenAI",
    True,
    "Its model card calls every deployed use out of scope, and face recognition above all.",
    "openai/CLIP",
)
EVA: Final = Licence("MIT", "BAAI", True, "", "QuanSun/EVA-CLIP")
FACEXLIB: Final = Licence("MIT", "the authors of facexlib", True, "", "LICENSE in xinntao/facexlib")
INFINITE_YOU: Final = Licence(
    "CC-BY-NC-4.0", "ByteDance", False, "Academic research only, says its README.", "LICENSE in ByteDance/InfiniteYou"
)
OPENRAIL: Final = Licence(
    name="CreativeML OpenRAIL++-M",
    holder="Stability AI",
    commercial=True,
    limits="Attachment A lists what it must not be used for, such as harming, defaming or harassing somebody, or "
    "passing off what it makes as true. Models derived from it may have narrower terms: read those of yours.",
    text="LICENSE.md in stabilityai/stable-diffusion-xl-base-1.0",
)
INSTANTID: Final = Licence(
    name="InstantID research checkpoints (code: Apache-2.0)",
    holder="InstantX",
    commercial=False,
    limits="The checkpoints are for research only, says the README, and the recogniser they need (antelopev2) is for "
    "non-commercial research only.",
    text="Disclaimer of the README of InstantID/InstantID",
)
FACEID: Final = Licence(
    name="research only",
    holder="Tencent AI Lab (IP-Adapter FaceID) or InstantX (InstantID)",
    commercial=False,
    limits="Research only, not for commercial use: they were trained with InsightFace's recognisers.",
    text="READMEs of h94/IP-Adapter-FaceID and InstantID/InstantID",
)
