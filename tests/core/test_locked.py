"""A lock that processes share, and threads too."""

import os
from pathlib import Path

import pytest

from livecam.core.locked import locked, take


def test_one_holds_it_and_the_next_waits(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with locked(path, 1.0), pytest.raises(TimeoutError, match="is held"), locked(path, 0.02):
        pass
    with locked(path, 0.0):
        assert take(path) is None


def test_it_is_free_again_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="oh"), locked(tmp_path / "lock", 1.0):
        raise ValueError("oh")
    held = take(tmp_path / "lock")
    assert held is not None
    os.close(held)


def test_a_link_is_not_followed_and_no_folder_is_made(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for name in ("link", "none/lock"):
        with pytest.raises(OSError, match=r"lock|link|none"):
            take(tmp_path / name)
    assert not (tmp_path / "elsewhere").exists()
