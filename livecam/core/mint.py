"""The one key that turns a finished picture into a cleared one.

Only `livecam.core.cleared` (which checks it) and `livecam.privacy.gate` (which holds it) may import this module;
import-linter keeps it so.
"""

from typing import Final


class Mint:
    """Proof that the gate made a decision. One instance exists."""

    __slots__ = ()


MINT: Final = Mint()
