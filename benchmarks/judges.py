"""The judge of the developer's benchmarks is that of ``livecam bench quality``: dlib, from the group ``judges``."""

from livecam.bench.quality.dlib_judge import SAME_PERSON, Verdict
from livecam.bench.quality.dlib_judge import DlibJudge as Judge

__all__ = ["SAME_PERSON", "Judge", "Verdict"]
