"""The sinks of a run by what they are called, and how they come and go while it lasts."""

import threading
from collections.abc import Callable, Sequence
from typing import Protocol

from livecam.app.registry import make_sink
from livecam.config.nearest import nearest
from livecam.core.seams import Sink
from livecam.core.spec import SinkWish, Spec
from livecam.errors import LivecamError, SinkError
from livecam.output.member import Role
from livecam.output.tee import Tee

_SECRET = "?token="


class Outlets(Protocol):
    """Where pictures go. Any thread."""

    def add(self, spec: Spec) -> str:
        """Send there too; the names of what was added, with their secrets.

        Raises:
            LivecamError: It cannot be opened, or is there already; nothing changed.
        """
        ...

    def remove(self, name: str) -> str:
        """Send there no more; the name of what was removed.

        Args:
            name: A sink's own name, its spec, or its kind where there is one of that kind.

        Raises:
            LivecamError: It is not there, or is the last one; nothing changed.
        """
        ...

    def follow(self, specs: Sequence[Spec]) -> str:
        """Send to those of a configuration, and no more to those of the one before; what changed, in a sentence.

        Raises:
            LivecamError: One cannot be opened; those before it are open, and none was left.
        """
        ...

    def bring(self, sink: Sink, listens: bool) -> None:
        """Send to `sink` too, beside the ways out; see `Tee.add`.

        Args:
            sink: Opened here.
            listens: It only listens, and is not told of among the sinks.

        Raises:
            LivecamError: It cannot be opened; nothing changed.
        """
        ...

    def take(self, sink: Sink) -> None:
        """Send to `sink` no more; see `Tee.remove`."""
        ...


class TeeOutlets:
    """Those of a tee in this process.

    Args:
        tee: Sends.
        sinks: What it was made with, by spec.
        wish: Told to every sink.
        chosen: The specs that one stands for; only ``auto`` stands for others.
    """

    def __init__(
        self,
        tee: Tee,
        sinks: Sequence[tuple[Spec, Sink]],
        wish: SinkWish,
        chosen: Callable[[Spec], Sequence[Spec]],
    ) -> None:
        self._tee = tee
        self._wish = wish
        self._chosen = chosen
        self._sinks = list(sinks)
        self._configured = {spec.text for spec, _ in sinks}
        self._lock = threading.Lock()

    def add(self, spec: Spec) -> str:
        """See `Outlets`."""
        with self._lock:
            # With its secret, this once: whoever asked has to find it.
            return " and ".join([self._added(one).name for one in self._chosen(spec)])

    def remove(self, name: str) -> str:
        """See `Outlets`."""
        with self._lock:
            return self._removed(*self._found(name))

    def follow(self, specs: Sequence[Spec]) -> str:
        """See `Outlets`."""
        with self._lock:
            wanted = {one.text: one for spec in specs for one in self._chosen(spec)}
            there = {spec.text for spec, _ in self._sinks}
            said = [
                f"Sent to {public(self._added(one).name)} too." for text, one in wanted.items() if text not in there
            ]
            left = [pair for pair in self._sinks if pair[0].text in self._configured - wanted.keys()]
            said += [f"No more sent to {self._removed(*pair)}." for pair in left]
            self._configured = set(wanted)
        return " ".join(said) or "The sinks are those that were there."

    def bring(self, sink: Sink, listens: bool) -> None:
        """See `Outlets`."""
        self._tee.add(sink, Role.LISTENER if listens else Role.GUEST)

    def take(self, sink: Sink) -> None:
        """See `Outlets`."""
        self._tee.remove(sink)

    def _added(self, spec: Spec) -> Sink:
        if spec.text in {known.text for known, _ in self._sinks}:
            raise SinkError(f"Pictures are sent to {spec.text} already.")
        sink = make_sink(spec, self._wish)
        self._tee.add(sink)
        self._sinks.append((spec, sink))
        return sink

    def _removed(self, spec: Spec, sink: Sink) -> str:
        told = public(sink.name)
        self._tee.remove(sink)
        self._sinks.remove((spec, sink))
        return told

    def _found(self, name: str) -> tuple[Spec, Sink]:
        exact = [(spec, sink) for spec, sink in self._sinks if name in (spec.text, sink.name, public(sink.name))]
        found = exact or [(spec, sink) for spec, sink in self._sinks if spec.kind == name]
        if len(found) == 1:
            return found[0]
        names = [public(sink.name) for _, sink in self._sinks]
        if found:
            raise SinkError(f"There are several sinks named {name}.", f"Name one of {', '.join(names)}.")
        raise SinkError(f"Pictures are not sent to {name!r}.", nearest(name, names))


class FixedOutlets:
    """Those of the output process, which keeps the sinks that it was started with."""

    def add(self, spec: Spec) -> str:
        """See `Outlets`."""
        raise self._refusal(f"Start again with --sink {spec.text} beside the others, or without --output-process.")

    def remove(self, name: str) -> str:
        """See `Outlets`."""
        raise self._refusal(f"Start again without {name}, or without --output-process.")

    def follow(self, specs: Sequence[Spec]) -> str:
        """See `Outlets`."""
        raise self._refusal("Start again to change them, or without --output-process.")

    def bring(self, sink: Sink, listens: bool) -> None:
        """See `Outlets`."""
        raise self._refusal("Start again without --output-process; a recording can also be a sink: --sink record:PATH.")

    def take(self, sink: Sink) -> None:
        """See `Outlets`."""
        raise self._refusal("Start again without --output-process.")

    def _refusal(self, next_step: str) -> LivecamError:
        return SinkError("The output process keeps the sinks that it was started with.", next_step)


def public(name: str) -> str:
    """A sink's name without its secret."""
    address, found, rest = name.partition(_SECRET)
    return address + rest[len(rest.split(":")[0].split(" ")[0]) :] if found else name
