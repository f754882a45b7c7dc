"""What an administrator allows: a frozen set of rules, asked before anything is done that they could forbid.

All methods are pure. Tightening is never refused: whoever wants the label on, the passthrough off or the slate out,
gets it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from livecam.config.label import Language
from livecam.core.persona import Basis, Persona
from livecam.core.settings import Command, Mode, Resume, SetLabel, SetMode, SetPersona, Settings

FORBIDS: Final = "Your organisation's policy forbids"

OUTPUTS: Final = (
    "virtualcam",
    "v4l2",
    "pipewire",
    "web",
    "stream",
    "record",
    "snapshot",
    "swap",
    "studio",
    "panel",
    "memory",
    "stamps",
    "null",
    "auto",
)
"""What may be named as an output: the kinds of sinks, ``snapshot``, ``swap`` for files, ``studio`` for the studio's,
``panel`` for its previews."""

_FILES: Final = frozenset({"record", "snapshot", "swap", "studio"})
"""Pictures that are kept."""

_ALWAYS: Final = frozenset({"null", "memory", "stamps", "auto"})
"""They show nobody anything, or stand for others that are asked for by themselves."""

_DIGEST_LENGTH: Final = 64


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules. The defaults forbid nothing.

    Attributes:
        label_required: The label cannot be switched off.
        label_text: What it says; None leaves that to the user.
        label_language: In which language it speaks; None leaves that to the user.
        mark_enabled: Swapped pictures carry the invisible mark. Nothing else can take it away.
        personas: Names of those that may be worn, their digests, or those of all their photos; empty for all.
        passthrough: The bare face may be sent, openly.
        outputs: Of `OUTPUTS`, or ``plugin:KIND`` for a driver of somebody else's; empty for all.
        bases: On what ground a persona may be worn; empty for every one.
        audit_required: Nothing runs without the audit log.
        audit_keep_days: So long the log is kept; None leaves that to the user.
        recordings: Files may be made: by ``record``, ``snapshot``, ``record:`` sinks, ``livecam swap`` and the studio.
        recordings_keep_days: Recordings and snapshots in the recordings folder are deleted after; None keeps them.
        provenance_required: Files are signed, or not made.
        nudity: Networks that look for nudity; empty leaves that to the user.
        minors: The network that estimates the age of who a persona shows; None leaves that to the user.
        place: Where the rules were read; None where there are none.
        digest: SHA-256 of that file, hex; "" for none.
    """

    label_required: bool = False
    label_text: str | None = None
    label_language: Language | None = None
    mark_enabled: bool = True
    personas: tuple[str, ...] = ()
    passthrough: bool = True
    outputs: tuple[str, ...] = ()
    bases: tuple[str, ...] = ()
    audit_required: bool = False
    audit_keep_days: float | None = None
    recordings: bool = True
    recordings_keep_days: float | None = None
    provenance_required: bool = False
    nudity: tuple[str, ...] = ()
    minors: str | None = None
    place: Path | None = None
    digest: str = ""

    def locks(self) -> Iterator[tuple[str, object]]:
        """Settings that are as the policy says, whatever the user wrote: path and typed value."""
        given: dict[str, object] = {
            "label.text": self.label_text,
            "label.language": self.label_language,
            "audit.keep_days": self.audit_keep_days,
            "safety.nudity": self.nudity or None,
            "safety.minors": self.minors,
        }
        yield from ((path, value) for path, value in given.items() if value is not None)
        switched = (
            ("label.shown", True, self.label_required),
            ("privacy.passthrough", False, not self.passthrough),
            ("audit.enabled", True, self.audit_required),
            ("provenance.sign", True, self.provenance_required),
            ("panel.enabled", False, not self.allows_output("panel")),
            # A limit of the user's own would make the look a blind one.
            ("safety.nudity_limit", None, bool(self.nudity)),
        )
        yield from ((path, value) for path, value, locked in switched if locked)

    def allows_output(self, kind: str) -> bool:
        """Whether pictures may go there: the kind of a sink, or another word of `OUTPUTS`."""
        if kind in _FILES and not self.recordings:
            return False
        named = kind if kind in OUTPUTS else f"plugin:{kind}"
        return not self.outputs or kind in _ALWAYS or named in self.outputs

    def allows_name(self, name: str) -> bool:
        """Whether a persona of that name may be worn, as far as its name tells."""
        return not self.personas or name in self.personas or any(len(one) == _DIGEST_LENGTH for one in self.personas)

    def refusal_of_output(self, kind: str) -> str:
        """Why pictures may not go there, in a sentence; "" where they may."""
        if self.allows_output(kind):
            return ""
        if kind in _FILES and not self.recordings:
            return f"{FORBIDS} to keep pictures in files."
        return f"{FORBIDS} to send pictures to {kind!r}. Allowed: {', '.join(self.outputs)}."

    def refusal_of_persona(self, persona: Persona) -> str:
        """Why `persona` may not be worn, in a sentence; "" where it may."""
        if not self._allows(persona):
            return self.refusal_of_name(persona.name)
        if self.bases and str(persona.consent.basis) not in self.bases:
            told = f"{FORBIDS} the persona {persona.name!r}: its consent is {str(persona.consent.basis)!r}"
            return f"{told}, and has to be {' or '.join(self.bases)}."
        return ""

    def refusal_of(self, command: Command, settings: Settings) -> str:
        """Why `command` may not be followed under `settings`, in a sentence; "" where it may."""
        match command:
            case SetLabel(shown=False) if self.label_required:
                return f"{FORBIDS} to switch the label off."
            case SetMode(mode=Mode.PASSTHROUGH) if not self.passthrough:
                return f"{FORBIDS} to send your own face."
            case SetPersona(name) if not self.allows_name(name):
                return self.refusal_of_name(name)
            case Resume() if not self.allows_name(settings.persona) and settings.mode is Mode.SWAP:
                return self.refusal_of_name(settings.persona)
            case _:
                return ""

    def lines(self) -> Iterator[tuple[str, str]]:
        """What is locked, for a table: a key of the policy file, and what it says; nothing for what it leaves open."""
        for key, field, usual in _TOLD:
            value: object = getattr(self, field)
            if value != usual:
                yield key, ", ".join(value) if isinstance(value, tuple) else _worded(value)

    def _allows(self, persona: Persona) -> bool:
        photos = persona.consent.photo_digests
        return (
            not self.personas
            or bool({persona.name, persona.digest} & set(self.personas))
            or (bool(photos) and set(photos) <= set(self.personas))
        )

    def refusal_of_name(self, name: str) -> str:
        """Why no persona of that name may be worn, in a sentence."""
        return f"{FORBIDS} the persona {name!r}. Allowed: {', '.join(_short(one) for one in self.personas)}."


_TOLD: Final = (
    ("label.required", "label_required", False),
    ("label.text", "label_text", None),
    ("label.language", "label_language", None),
    ("mark.enabled", "mark_enabled", True),
    ("personas.allowed", "personas", ()),
    ("passthrough.allowed", "passthrough", True),
    ("outputs.allowed", "outputs", ()),
    ("consent.required_basis", "bases", ()),
    ("audit.required", "audit_required", False),
    ("audit.keep_days", "audit_keep_days", None),
    ("recordings.allowed", "recordings", True),
    ("recordings.keep_days", "recordings_keep_days", None),
    ("provenance.required", "provenance_required", False),
    ("content.nudity", "nudity", ()),
    ("content.minors", "minors", None),
)


def _worded(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _short(name: str) -> str:
    return f"{name[:12]}…" if len(name) == _DIGEST_LENGTH else name


BASES: Final = tuple(str(basis) for basis in Basis)
"""What may be required of a consent."""
