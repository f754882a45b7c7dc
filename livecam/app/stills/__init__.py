"""Stills as the studio makes them: how faces are seen, who may be shown, and what every picture carries that leaves.

>>> from livecam.app.stills import open_stills
>>> from livecam.config import Paths, load
>>> stills = open_stills(load().config, Paths.find())
>>> ann = stills.likeness("ann")
"""

from livecam.app.stills.opening import Stills, open_stills
from livecam.app.stills.publishing import Told

__all__ = ["Stills", "Told", "open_stills"]
