"""What a persona changes when it is worn: its own settings, in the same step as itself; its own preset, soon after."""

import logging
from dataclasses import replace

from livecam.app.presets import Presets, with_preset
from livecam.app.reload import Reloader
from livecam.config import Paths
from livecam.core.settings import Command, Reply, SetPersona, SettingsCell
from livecam.errors import LivecamError
from livecam.faces.worn import USUAL, WornAs, read_worn

log = logging.getLogger(__name__)


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

    def wear(self, command: SetPersona, cell: SettingsCell) -> Reply:
        """Wear a persona that is ready, with what it has of its own; no frame sees half of it. Any thread.

        Raises:
            PersonaError: Its own settings cannot be read; nothing changed.
            ValueError: One is out of range; nothing changed.
        """
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
