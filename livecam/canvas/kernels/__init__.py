"""The frame's kernels: CUDA C++ in one text, which a host compiler takes too.

`source` needs no GPU, no CUDA library and no compiler; `nvrtc` compiles it, and the tests run it as plain loops.
"""

import hashlib
import re
from importlib.resources import files
from importlib.resources.abc import Traversable

ARCHITECTURES = ("sm_75", "sm_86", "sm_89", "sm_90", "sm_120")
"""GPUs that the kernels are compiled for in the tests: RTX 20, 30, 40, H100 and H200, RTX 50."""

_INCLUDE = re.compile(r'^#include "(\w+\.cuh)"$')


def source() -> str:
    """All kernels as one text that includes nothing of its own."""
    return "\n".join(_lines(files(__name__), "kernels.cu", set())) + "\n"


def digest(text: str) -> str:
    """SHA-256 of `text`, hexadecimal: what compiled kernels are kept under, beside the compiler's version."""
    return hashlib.sha256(text.encode()).hexdigest()


def _lines(folder: Traversable, name: str, seen: set[str]) -> list[str]:
    """The lines of the file `name` with what it includes in place, each once; compilers are told where they are."""
    seen.add(name)
    lines = [f'#line 1 "{name}"']
    for number, line in enumerate((folder / name).read_text(encoding="utf-8").splitlines(), start=1):
        included = _INCLUDE.match(line)
        if included and included[1] not in seen:
            lines += [*_lines(folder, included[1], seen), f'#line {number + 1} "{name}"']
        else:
            lines.append("" if included or line == "#pragma once" else line)
    return lines
