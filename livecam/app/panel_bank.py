"""The face bank, as the panel shows it."""

import base64
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from livecam.app.auditing import audit_once
from livecam.app.consented import BUILT_IN
from livecam.app.taps import CameraTap
from livecam.config import Config, Paths
from livecam.config.policy_file import installed
from livecam.config.presets import PresetName
from livecam.control.desk import Json
from livecam.control.web.port import Naming, Renewal
from livecam.core.persona import Basis
from livecam.errors import ConsentRefused, PersonaError
from livecam.faces.consent_terms import STATED, Terms, parsed_expiry, parsed_scope
from livecam.faces.consents import Change, Consents

if TYPE_CHECKING:
    from livecam.faces.bank import Card, FaceBank
    from livecam.faces.drafts import Draft
    from livecam.faces.quality import Quality


class PanelBank:
    """The personas of a run. Its networks are loaded when a photo is first looked at.

    Args:
        config: Of the run.
        paths: Where personas are.
        camera: Gives a frame of the camera.
        worn: The name of the persona that is worn.
        changed: Told the name of a persona that was made, changed or removed.
    """

    def __init__(
        self,
        config: Config,
        paths: Paths,
        camera: CameraTap,
        worn: Callable[[], str],
        changed: Callable[[str], None],
    ) -> None:
        self._config = config
        self._camera = camera
        self._paths = paths
        self._worn = worn
        self._changed = changed
        self._made: FaceBank | None = None
        self._making = threading.Lock()

    def mark(self) -> object:
        """See `Bank`. A persona that comes or goes changes the folder of all."""
        return tuple(_changed_ns(path) for path in (self._paths.personas, self._paths.data / "favourites.json"))

    def cards(self) -> Sequence[Mapping[str, Json]]:
        """See `Bank`."""
        worn = self._worn()
        return [_shown(card, worn) for card in self._bank().cards()]

    def thumbnail(self, name: str) -> bytes:
        """See `Bank`."""
        return self._bank().thumbnail(name)

    def draft(self, data: bytes, filename: str) -> Mapping[str, Json]:
        """See `Bank`."""
        return _drafted(self._bank().draft(data, filename))

    def shot(self) -> Mapping[str, Json]:
        """See `Bank`."""
        return _drafted(self._bank().draft_image(self._camera.shot()))

    def add(self, naming: Naming) -> str:
        """See `Bank`."""
        basis = _ground(naming.basis)
        scope = parsed_scope(",".join(naming.scope)) if naming.scope else None
        terms = Terms(basis, naming.subject, scope, parsed_expiry(naming.expires) if naming.expires else "")
        said = self._bank().add_on(terms, naming.name, naming.drafts, replace=naming.replace)
        self._changed(naming.name)
        return said

    def remove(self, name: str) -> str:
        """See `Bank`. The persona that is worn stays."""
        if name == self._worn():
            raise PersonaError(f"{name} is being worn.", "Wear another one first.")
        said = self._bank().remove(name)
        self._changed(name)
        return said

    def revoke(self, name: str) -> str:
        """See `Bank`. It waits for no network; the run follows by the record itself, within a second."""
        if name == BUILT_IN:
            raise ConsentRefused(f"{BUILT_IN!r} is drawn: nobody has that face, and nobody has to consent.")
        self._consents().revoke(name)
        return f"The consent for {name} is taken back."

    def renew(self, name: str, renewal: Renewal) -> str:
        """See `Bank`. It waits for no network; what is worn follows by the record itself, within a second."""
        from livecam.faces.renewing import renew  # reads photos, which the start does not wait for

        change = Change(
            basis=None if renewal.basis is None else _ground(renewal.basis),
            subject=renewal.subject,
            scope=None if renewal.scope is None else parsed_scope(",".join(renewal.scope)),
            expires=None if renewal.expires is None else parsed_expiry(renewal.expires),
        )
        renewed = renew(self._paths.personas, name, change, self._consents())
        if renewed.migrated:
            self._changed(name)
        return f"The consent for {name} is renewed."

    def _consents(self) -> Consents:
        enabled, required = self._config.audit.enabled, installed().audit_required
        return Consents(self._paths.personas, note=partial(audit_once, self._paths, enabled=enabled, required=required))

    def change(self, name: str, worn_as: Mapping[str, Json]) -> str:
        """See `Bank`."""
        bank, said = self._bank(), []
        own = {key: value for key, value in worn_as.items() if key != "favourite"}
        if own:
            worn = bank.worn_as(name)
            preset = own.pop("preset", worn.preset)
            shares = {key: _share(value) for key, value in own.items()}
            worn = replace(worn, preset=None if preset is None else PresetName(str(preset)), **shares)
            said.append(bank.change(name, worn))
            self._changed(name)
        if "favourite" in worn_as:
            number = worn_as["favourite"]
            said.append(bank.favourite(name, number if isinstance(number, int) else None))
        return " ".join(said) or "Nothing was to be changed."

    def _bank(self) -> "FaceBank":
        from livecam.app.bank import face_bank  # brings the networks' runtime, which the start does not wait for

        with self._making:
            if self._made is None:
                self._made = face_bank(self._config, self._paths)
            return self._made


def _ground(basis: str) -> Basis:
    if basis not in list(STATED):
        raise PersonaError(f"{basis!r} is no ground to wear a face.", f"Known: {', '.join(STATED)}.")
    return Basis(basis)


def _changed_ns(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _shown(card: "Card", worn: str) -> Mapping[str, Json]:
    own = card.worn_as
    return {
        "name": card.name,
        "built_in": card.built_in,
        "worn": card.name == worn,
        "photos": card.photos,
        "basis": card.basis,
        "subject": card.subject,
        "scope": list(card.scope),
        "expires": card.expires,
        "revoked": card.revoked,
        "added": card.added,
        "problem": card.problem,
        "favourite": card.favourite,
        "preset": None if own.preset is None else str(own.preset),
        "blend": own.blend,
        "colour": own.colour,
        "shape": own.shape,
        "quality": None if card.quality is None else _quality(card.quality),
    }


def _drafted(draft: "Draft") -> Mapping[str, Json]:
    thumbnail = f"data:image/jpeg;base64,{base64.b64encode(draft.thumbnail).decode()}"
    quality = _quality(draft.quality)
    return {"draft": draft.id, "quality": quality, "advice": list(draft.quality.advice), "thumbnail": thumbnail}


def _quality(quality: "Quality") -> Mapping[str, Json]:
    return {
        "pixels": quality.pixels,
        "sharpness": quality.sharpness,
        "yaw": quality.yaw,
        "pitch": quality.pitch,
        "mark": round(quality.mark, 3),
        "advice": list(quality.advice),
    }


def _share(value: Json) -> float | None:
    return float(value) if isinstance(value, int | float) else None
