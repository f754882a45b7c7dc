"""``livecam`` in a process of its own whose bounds are long, as those of the tests that run it in theirs."""

import sys

from tests.app.conftest import BOUNDS
from tests.patience import OUTPUTS, RUN

_CODE = """
import sys
from importlib import import_module
from livecam.cli import main
for bound in sys.argv.pop(1).split(","):
    module, _, name = bound.rpartition(".")
    setattr(import_module(module), name, 60.0)
main()
"""


def patient() -> list[str]:
    """The command; its words come behind it."""
    return [sys.executable, "-c", _CODE, ",".join((*OUTPUTS, *RUN, *BOUNDS))]
