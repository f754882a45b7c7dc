"""How many read a sink, whichever it is."""

from livecam.core.readers import Readable
from livecam.core.seams import Sink


def readers_of(sink: Sink) -> int | None:
    """Applications that read `sink` now; None where nobody can tell, which is to be taken for being read.

    Files are written for whoever comes later, datagrams go to whoever listens, and OBS's virtual camera on Windows and
    macOS says nothing about its readers.
    """
    return sink.readers if isinstance(sink, Readable) else None
