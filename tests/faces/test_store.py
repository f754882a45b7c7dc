"""Folders for their owner alone."""

import os
import sys
from pathlib import Path

import pytest

from livecam.errors import PersonaError
from livecam.faces.store import make_home


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
def test_the_folders_above_are_made_for_the_owner_too_and_what_is_there_stays(tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.mkdir()
    there.chmod(0o755)
    before = os.umask(0o022)
    try:
        make_home(there / "livecam" / "personas")
        make_home(there / "livecam" / "personas")
    finally:
        os.umask(before)
    modes = [path.stat().st_mode & 0o777 for path in (there, there / "livecam", there / "livecam" / "personas")]
    assert modes == [0o755, 0o700, 0o700]


def test_a_file_in_the_way_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PersonaError, match=r"personas cannot be written"):
        make_home(tmp_path / "file" / "personas")
