"""What a persona changes when it is worn: its own settings, in the same step as itself; its own preset, soon after."""

import logging
from collections.abc import Collection
from dataclasses import replace
from typing import Final

from livecam.app.presets import Presets, with_preset
from livecam.app.reload import Reloader
from livecam.config import Paths
from livecam.core.settings import Command, Reply, SetBlend, SetPersona, SetShape, SettingsCell
from livecam.errors import LivecamError
from livecam.faces.worn import USUAL, WornAs, read_worn

log = logging.getLogger(__name__)

_NETWORKS: Final = frozenset(
    f"neural.{name}" for name in ("preset", "detector", "swapper", "boost", "enhancer", "occlusion", "regions")
)
"""Settings beside which a persona's own preset has no say."""


class Dresser:
    """Has personas worn as each is to be.

    Args:
        paths: Where personas are.
        presets: What swaps.
        reloader: Knows what is usual.
    """

    def __init__(self, paths: Paths, presets: Presets, reloader: Reloader) -> None:
        self._paths = paths
        self._presets = presets
        self._reloader = reloader
        self._due: WornAs | None = None

    def begin(self, cell: SettingsCell, asked: Collection[str]) -> None:
        """Have the persona of a run's beginning worn as it is to be; its preset follows by `look`.

        Args:
            cell: The settings in force. Nothing runs yet.
            asked: Paths of settings that were asked for by name, and go before what a persona has of its own.
        """
        try:
            worn = self._worn(cell.current.persona)
            commands: list[Command] = []
            if worn.blend is not None and "neural.blend" not in asked:
                commands.append(SetBlend(worn.blend))
            if worn.shape is not None and "face.shape" not in asked:
                commands.append(SetShape(worn.shape))
            if commands:
                cell.submit(*commands)
        except (LivecamError, ValueError) as error:
            log.warning("What %s has of its own is not used: %s", cell.current.persona, error)
            return
        preset = worn.preset if _NETWORKS.isdisjoint(asked) else None
        colour = worn.colour if "neural.colour" not in asked else None
        if preset is not None or colour is not None:
            self._due = WornAs(preset=preset, colour=colour)

    def look(self) -> None:
        """Have the preset of the beginning's persona take over, once there is something to take over from."""
        if self._due is not None and self._presets.current.wearer:
            due, self._due = self._due, None
            self._change_preset(due, USUAL)

    def wear(self, command: SetPersona, cell: SettingsCell) -> Reply:
        """Wear a persona that is ready, with what it has of its own; no frame sees half of it. Any thread.

        Raises:
            PersonaError: Its own settings cannot be read; nothing changed.
            ValueError: One is out of range; nothing changed.
        """
        self._due = None
        worn, before = self._worn(command.name), self._worn_now(cell)
        reply = cell.submit(*self._commands(worn, before), command)
        self._change_preset(worn, before)
        return reply

    def _commands(self, worn: WornAs, before: WornAs) -> tuple[Command, ...]:
        if worn == before == USUAL:
            return ()
        from livecam.app.bank import dressing  # brings the networks

        return dressing(worn, before, self._reloader.config.settings)

    def _change_preset(self, worn: WornAs, before: WornAs) -> None:
        usual, now = self._reloader.config, self._presets.current.config
        preset = worn.preset or (usual.neural.preset if before.preset is not None else now.neural.preset)
        wanted = now if preset is now.neural.preset else with_preset(now, usual, preset)
        colour = worn.colour if worn.colour is not None else usual.neural.colour if before.colour is not None else None
        if colour is not None and wanted.neural.chain.swapper:
            wanted = replace(wanted, neural=replace(wanted.neural, colour=colour))
        if wanted == now:
            return
        try:
            self._presets.change(wanted, patience_s=0.0)
        except LivecamError as error:
            log.warning("The preset %s of this persona is not used: %s", preset, error)

    def _worn(self, name: str) -> WornAs:
        return read_worn(self._paths.personas / name)

    def _worn_now(self, cell: SettingsCell) -> WornAs:
        try:
            return self._worn(cell.current.persona)
        except LivecamError:
            # What is damaged was refused when it was to be worn, or became so since; nothing is known to go back from.
            return USUAL
