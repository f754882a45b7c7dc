"""The file that tells a Linux desktop who livecam is: its portals serve nobody whom they cannot name.

Source: freedesktop.org's Desktop Entry Specification, version 1.5, and xdg-desktop-portal's documentation of
``org.freedesktop.host.portal.Registry``: the name of the file is the identifier that a program registers with.
"""

from pathlib import Path
from typing import Final

from livecam.app.service.manager import Job, remove_file, write_whole
from livecam.control.portal import APPLICATION

_TEXT: Final = """\
# Written by `livecam service install`; `livecam service uninstall` removes it.
[Desktop Entry]
Type=Application
Name=livecam
Comment=A camera that wears another face
Icon=camera-web
Exec={command}
Terminal=true
NoDisplay=true
"""
_RESERVED: Final = frozenset(" \t\n\"'\\><~|&;$*?#()`")


class DesktopEntry:
    """The file, in the user's own folder.

    Args:
        folder: Of desktop entries, such as ``~/.local/share/applications``.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / f"{APPLICATION}.desktop"

    def write(self, job: Job) -> None:
        """Write it, for what `job` runs: a program that is not there has no name either.

        Raises:
            LivecamError: The disk refused.
        """
        write_whole(self._path, _TEXT.format(command=" ".join(quoted(word) for word in job.command)).encode())

    def remove(self) -> None:
        """Remove it; that there was none is no error.

        Raises:
            LivecamError: The disk refused.
        """
        remove_file(self._path)


def quoted(word: str) -> str:
    """`word` as a desktop reads it back from the key ``Exec``: quoted there, then escaped as every text of the file."""
    word = word.replace("%", "%%")
    if word and not _RESERVED & set(word):
        return word
    for mark in '\\"`$':
        word = word.replace(mark, f"\\{mark}")
    # A backslash of the quoting is itself one in the file.
    return '"' + word.replace("\\", "\\\\").replace("\n", "\\n") + '"'
