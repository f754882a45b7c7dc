"""The command line. `main` is what the ``livecam`` script calls."""

from livecam.cli.root import main, root

__all__ = ["main", "root"]
