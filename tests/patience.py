"""What tests need so that none fails for what else the machine does: time, and ports."""

import os
import secrets
import socket
from collections.abc import Iterable
from contextlib import suppress

import pytest

UNHURRIED_S = 60.0
"""Ample for whatever ends by itself, on a machine twenty times as slow as any."""

OUTPUTS = (
    "livecam.output.local_server._START_S",
    "livecam.output.pipewire_feeder._END_S",
    "livecam.output.pipewire_feeder._EXIT_S",
    "livecam.output.preview_app._SNAPSHOT_S",
    "livecam.output.record._FLUSH_S",
    "livecam.output.stream._STOP_S",
    "livecam.output.tee._CLOSE_S",
    "livecam.output.tee._TURN_S",
)
"""Of the sinks."""

RUN = (
    "livecam.runtime.supervisor.CLOSE_S",
    "livecam.runtime.supervisor.LAST_S",
    "livecam.runtime.supervisor.STOP_S",
)
"""Of a run's threads."""

_GIVEN = set[int]()
"""Ports that were given here before."""


def free_port(kind: socket.SocketKind) -> int:
    """One of this machine that the system gives to nobody who does not ask for it by its number; another each time.

    Those from 32768 on it gives to whoever asks for any. What runs beside this draws from the other half: a test whose
    server is away for a while would meet that of another.
    """
    half = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 2
    while True:
        port = 20_000 + 2 * secrets.randbelow(6_000) + half
        with socket.socket(socket.AF_INET, kind) as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            if port not in _GIVEN:
                _GIVEN.add(port)
                return port


def wait_longer(monkeypatch: pytest.MonkeyPatch, bounds: Iterable[str]) -> None:
    """Let `bounds`, such as ``package.module.NAME``, be long. Tests that are about one of them set it themselves."""
    for bound in bounds:
        monkeypatch.setattr(bound, UNHURRIED_S)
