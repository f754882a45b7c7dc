"""How the command line ends its process."""

import os
import threading
from collections.abc import Iterator
from importlib import import_module

import pytest

ROOT = import_module("livecam.cli.root")


class Left(Exception):
    """Stands for a process that has ended."""


def ends_with(code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def root(prog_name: str) -> None:
        raise SystemExit(code)

    def leave(status: int) -> None:
        raise Left(status)

    monkeypatch.setattr(ROOT, "root", root)
    monkeypatch.setattr(os, "_exit", leave)
    ROOT.main()


@pytest.fixture(autouse=True)
def only_mine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads that other tests of this process have left behind are theirs."""
    before, every = set(threading.enumerate()), threading.enumerate
    monkeypatch.setattr(threading, "enumerate", lambda: [thread for thread in every() if thread not in before])


@pytest.fixture
def stuck(only_mine: None) -> Iterator[None]:
    """A thread of a run that does not end, as while it loads a network."""
    over = threading.Event()
    thread = threading.Thread(target=over.wait, name="inference", daemon=True)
    thread.start()
    yield
    over.set()
    thread.join()


@pytest.mark.usefixtures("stuck")
@pytest.mark.parametrize("code", [0, 2])
def test_a_thread_left_behind_does_not_turn_an_exit_code_into_an_abort(
    code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Left, match=str(code)):
        ends_with(code, monkeypatch)


@pytest.mark.parametrize("code", [0, 2])
def test_otherwise_the_process_ends_as_any_other(code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SystemExit):
        ends_with(code, monkeypatch)
