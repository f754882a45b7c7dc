"""What of a configuration a running daemon follows when it is read again, and how."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from livecam.app.outlets import Outlets
from livecam.app.presets import Presets
from livecam.app.reload import Apply
from livecam.config import Config, LabelConfig
from livecam.control.desk import told
from livecam.core.frame import NS_PER_MS
from livecam.core.seams import ControlPort
from livecam.core.settings import (
    Command,
    Mode,
    SetBlend,
    SetEyes,
    SetLabel,
    SetMode,
    SetOthers,
    SetPersona,
    SetShape,
    SetSteadiness,
)

_COMMANDS: Final[Mapping[str, Callable[[Config], Command]]] = {
    "face.persona": lambda config: SetPersona(config.face.persona),
    "face.shape": lambda config: SetShape(config.face.shape),
    "face.eyes": lambda config: SetEyes(config.face.eyes),
    "face.steadiness": lambda config: SetSteadiness(config.face.steadiness),
    "face.others": lambda config: SetOthers(config.face.others),
    "neural.blend": lambda config: SetBlend(config.neural.blend),
    "label.shown": lambda config: SetLabel(config.label.shown),
    "privacy.passthrough": lambda config: SetMode(Mode.PASSTHROUGH if config.privacy.passthrough else Mode.SWAP),
}
"""Settings that are a command to the settings in force, by their paths."""


def followed(
    port: ControlPort,
    source: Callable[[str], str],
    outlets: Outlets,
    presets: Presets,
    hold: Callable[[int], None] | None,
    repaint: Callable[[Config], None] | None = None,
    relabel: Callable[[LabelConfig], str] = lambda _: "",
    govern: Apply = lambda _: "",
) -> dict[str, Apply | None]:
    """What follows which settings, for a `Reloader`.

    Args:
        port: Takes commands.
        source: Takes frames from elsewhere.
        outlets: Where pictures go.
        presets: What swaps.
        hold: Tells the gate how old a picture may be, ns; None where it cannot be told.
        repaint: Gives the gate another slate and card; None where that cannot be done.
        relabel: Has the label say something else; what it says now.
        govern: Gives up quality otherwise.
    """

    def networks(config: Config) -> str:
        return presets.change(replace(presets.current.config, neural=config.neural))

    def around(config: Config) -> str:
        # The preset that was chosen meanwhile stays.
        now = presets.current.config
        return presets.change(replace(now, face=replace(now.face, hands=config.face.hands), people=config.people))

    def kept(config: Config) -> str:
        assert hold is not None, "it is not followed otherwise"
        hold(int(config.privacy.hold_ms * NS_PER_MS))
        return f"Pictures are held for {config.privacy.hold_ms:g} ms."

    def slate(config: Config) -> str:
        assert repaint is not None, "it is not followed otherwise"
        repaint(config)
        return "The slate is the new one."

    def label(config: Config) -> str:
        said = relabel(config.label)
        if repaint is not None:
            # The card says the same words.
            repaint(config)
        return said

    slate_follows = slate if repaint is not None else None
    return {
        **{path: _commanding(port, make) for path, make in _COMMANDS.items()},
        "source.spec": lambda config: source(config.source.spec.text),
        "output.sinks": lambda config: outlets.follow(config.output.sinks),
        "output.recordings": lambda config: "Recordings go to the new folder.",
        "bank.favourites": lambda config: "The favourites are the new ones.",
        "privacy.hold_ms": kept if hold is not None else None,
        "privacy.slate_text": slate_follows,
        "privacy.slate_picture": slate_follows,
        "label.text": label,
        "label.language": label,
        "governor": govern,
        "neural": networks,
        "neural.force_blend": None,
        "face.hands": around,
        "people": around,
    }


def _commanding(port: ControlPort, make: Callable[[Config], Command]) -> Apply:
    def apply(config: Config) -> str:
        command = make(config)
        return told(command, port.submit(command).settings)

    return apply
