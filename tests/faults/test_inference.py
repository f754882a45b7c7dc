"""Faults of the networks: whatever runs them raises, hangs or lies."""

import pytest

from tests.faults.book import Book
from tests.faults.enduring import Fault, endure
from tests.faults.rig import Run

pytestmark = pytest.mark.faults

# Whose network hangs first: the wearer's, or that of the watch beside it.
_HANGS = r"Inference has been busy with one frame|The watch for other faces has not answered"

FAULTS = {
    "exception": Fault("inference exception", r"inference failed and .* FAIL : injected", 2.0),
    "bug": Fault("inference exception of another kind", r"inference failed and .*ZeroDivisionError", 2.0),
    "hang": Fault("inference hang, shorter than 2 s", _HANGS, 2.0, lasts_s=1.4),
    "nan": Fault("inference NaN", r"landmark network answered with values that are no numbers", 2.0),
    "shape": Fault("inference wrong shape", r"inference failed and .*shape", 2.0),
    "memory": Fault("inference out of memory", r"inference failed and .*Unable to allocate", 2.0),
    "gpu": Fault("GPU error", r"The networks are loaded anew, because they fail: .*CUDA failure 700", 4.0),
}


@pytest.mark.parametrize("word", FAULTS)
def test_networks_fail_and_come_back(standing: Run, book: Book, word: str) -> None:
    endure(standing, book, FAULTS[word], lambda: standing.put("inference", word), lambda: standing.put("inference"))
