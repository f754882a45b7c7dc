"""Settings of the visible label."""

from dataclasses import dataclass, field
from enum import StrEnum

from livecam.config.kinds import Choice, Switch, Text
from livecam.config.setting import about


class Language(StrEnum):
    """In which the label speaks, unless it was given words of its own."""

    EN = "en"
    DE = "de"
    ES = "es"
    FR = "fr"
    IT = "it"
    NL = "nl"
    PL = "pl"
    PT = "pt"


@dataclass(frozen=True, slots=True)
class LabelConfig:
    """What tells people that the picture is not the camera's."""

    shown: bool = field(
        default=True,
        metadata=about(
            Switch(),
            "--label",
            "Write on every swapped picture that it was modified by AI. Who sends it without has to disclose it in "
            "another way where the law asks for that.",
        ),
    )
    text: str = field(
        default="",
        metadata=about(Text(40), "--label-text", "Words of the label; empty for those of the language."),
    )
    language: Language = field(
        default=Language.EN,
        metadata=about(Choice(Language), "--label-language", "Language of the label's own words."),
    )
