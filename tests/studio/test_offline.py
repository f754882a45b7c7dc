"""The studio's libraries are told to stay offline, or nothing is loaded."""

import os

import pytest

from livecam.errors import StudioError
from livecam.studio.offline import DROPPED, QUIET, READERS, SWITCHES, go_offline


def test_everything_that_talks_is_switched_off() -> None:
    environment = {"HF_HUB_OFFLINE": "0", "HF_TOKEN": "secret", "https_proxy": "proxy:1", "PATH": "/bin"}
    go_offline(environment, ())
    assert environment == {**SWITCHES, **QUIET, "PATH": "/bin"}
    assert {"HF_TOKEN", "HTTPS_PROXY", "all_proxy"} <= set(DROPPED)


def test_warnings_of_what_the_studio_does_not_use_are_off_unless_they_are_wanted() -> None:
    environment = {"DIFFUSERS_VERBOSITY": "info"}
    go_offline(environment, ())
    assert environment["TRANSFORMERS_VERBOSITY"] == "error"
    assert environment["DIFFUSERS_VERBOSITY"] == "info"


def test_it_may_be_said_twice_even_after_the_libraries_are_there() -> None:
    environment: dict[str, str] = {}
    go_offline(environment, ())
    go_offline(environment, READERS)
    assert environment == {**SWITCHES, **QUIET}


@pytest.mark.parametrize("library", READERS)
def test_a_library_that_was_there_first_is_refused(library: str) -> None:
    environment: dict[str, str] = {}
    with pytest.raises(StudioError, match=library):
        go_offline(environment, {library})
    assert environment == {}


def test_without_arguments_it_is_about_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*SWITCHES, *DROPPED):
        monkeypatch.setenv(name, "")
    go_offline(imported=())
    assert {name: os.environ.get(name) for name in (*SWITCHES, *DROPPED)} == {**SWITCHES, **dict.fromkeys(DROPPED)}
