"""The composition root: the only place where concrete classes meet.

>>> from livecam.app import run
>>> from livecam.config import load
>>> report = run(load({"source.spec": "synthetic", "output.sinks": "memory", "run.seconds": "5"}).config)
"""

from livecam.app.assemble import persona_library
from livecam.app.daemon import Daemon
from livecam.app.registry import SINKS, SOURCES
from livecam.app.running import run
from livecam.core.settings import Panic, Resume, SetMode, SetPersona
from livecam.runtime.report import Report, Status

__all__ = [
    "SINKS",
    "SOURCES",
    "Daemon",
    "Panic",
    "Report",
    "Resume",
    "SetMode",
    "SetPersona",
    "Status",
    "persona_library",
    "run",
]
