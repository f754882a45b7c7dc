"""Reads one pickle of tensors in a process of its own: ``python -m livecam.studio.engines.converting``.

Adapters are published as pickles, which are programs. torch's restricted reader (``weights_only``) makes nothing but
tensors of them. Should that fail to hold, this process has no network where the system lets it give that up, its Python
code reaches none anyway, starts no other program and writes no file, and it may take only so much time, memory and
disk. `livecam.studio.convert` starts it, tells it what to do on its command line, and reads one line of JSON.
"""

import ctypes
import json
import os
import pickle
import struct
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from livecam.errors import StudioError
from livecam.studio.offline import go_offline

if TYPE_CHECKING:
    import torch

Limits: TypeAlias = Mapping[str, int]
"""The most there may be, by the names of the module `resource`."""

CPU_S: Final = 1800
SPARE: Final = 24 << 30
"""Bytes of address space beside the file's: torch maps far more than it uses."""

MOST: Final = 50_000
DEEPEST: Final = 16
"""Tensors, and mappings in each other."""

WRAPPERS: Final = ("state_dict.", "module.", "model.")
"""Names under which trainers put all of a network; taken away where everything stands under one of them."""

FORBIDDEN: Final = (
    *("socket.", "subprocess.", "webbrowser.", "ftplib.", "smtplib.", "urllib.", "ctypes.dlopen", "shutil."),
    *("os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.kill", "os.startfile", "os.truncate"),
    *("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.chmod", "os.chown", "os.utime"),
)
"""What this process may not do any more, by the beginnings of Python's audit events."""

_DAMAGES: Final = (
    *(pickle.UnpicklingError, struct.error, EOFError, RuntimeError, ValueError),
    *(LookupError, ArithmeticError, AttributeError, AssertionError, TypeError),
)
"""What torch's reader raises over files that are not what it reads."""

_WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_OWN_NETWORK: Final = 0x10000000 | 0x40000000
"""CLONE_NEWUSER | CLONE_NEWNET of linux/sched.h: a network without interfaces, and no rights over any other."""


def convert(source: Path, target: Path, digest: str) -> int:
    """Write the tensors in the pickle `source` to the safetensors file `target`; gives how many.

    Args:
        source: A file that ``torch.save`` wrote: a mapping of tensors, or of such mappings.
        target: Is overwritten.
        digest: SHA-256 of `source`, which is written down in `target`.

    Raises:
        StudioError: It holds something else.
        OSError: The disk refused.
    """
    from safetensors.torch import save_file

    tensors = tensors_of(_loaded(source))
    save_file(tensors, target, metadata={"format": "pt", "source": source.name, "source_sha256": digest})
    return len(tensors)


def tensors_of(held: object) -> "dict[str, torch.Tensor]":
    """The tensors in `held` by their names, those of mappings in mappings joined by dots.

    Raises:
        StudioError: There are none, too many, or something that is no tensor.
    """
    found: dict[str, torch.Tensor] = {}
    for name, tensor in _flat(held, ""):
        if name in found or len(found) >= MOST:
            raise StudioError(f"It holds {name[:80]!r} twice, or more than {MOST:,} tensors.")
        found[name] = tensor
    if not found:
        raise StudioError("It holds no tensors.")
    for wrapper in WRAPPERS:
        if all(name.startswith(wrapper) for name in found):
            return {name.removeprefix(wrapper): tensor for name, tensor in found.items()}
    return found


def _flat(held: object, prefix: str) -> "Iterator[tuple[str, torch.Tensor]]":
    import torch

    if isinstance(held, torch.Tensor):
        if held.layout is not torch.strided or held.is_quantized or held.is_complex():
            raise StudioError(f"{prefix[:-1][:80]!r} is a tensor of a kind that safetensors does not keep.")
        # On its own: tensors that share memory, or see a part of it only, cannot be written as they are.
        yield prefix[:-1], held.detach().clone(memory_format=torch.contiguous_format)
    elif isinstance(held, Mapping) and prefix.count(".") < DEEPEST:
        for name, value in held.items():
            if not isinstance(name, str) or not name.isprintable() or name == "__metadata__":
                raise StudioError(f"{str(name)[:80]!r} is no name of a tensor.")
            yield from _flat(value, f"{prefix}{name}.")
    else:
        raise StudioError(
            f"{prefix[:-1][:80] or 'What it holds'!r} is no tensor, but of the type {type(held).__name__}."
        )


def _loaded(source: Path) -> object:
    """What is in the pickle, by the reader that makes tensors and plain containers only."""
    import torch

    try:
        # Only files of torch's newer form can be mapped instead of read.
        with source.open("rb") as file:
            zipped = file.read(4) == b"PK\x03\x04"
        return torch.load(source, map_location="cpu", weights_only=True, mmap=zipped)
    except _DAMAGES as error:
        # What torch says goes on for a page, and tells how to run the program all the same.
        raise StudioError("It holds something other than tensors, or is no such file.") from error


def confine(limits: Limits) -> None:
    """Give up what this process does not need: network, programs, writing through Python, and more than `limits`.

    To be called after torch was imported, whose import does some of that.
    """
    if sys.platform != "win32":
        import resource

        for name, most in limits.items():
            kind = vars(resource).get(name)
            if isinstance(kind, int):
                hard = resource.getrlimit(kind)[1]
                bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
                # Not every system bounds everything; the restricted reader is what is relied upon.
                with suppress(ValueError, OSError):
                    resource.setrlimit(kind, (bound, bound))
    sys.addaudithook(_watch)


def leave_network() -> bool:
    """Go into a network without interfaces; says whether the system let us. Before there is a second thread."""
    if sys.platform != "linux":
        return False
    return ctypes.CDLL(None, use_errno=True).unshare(_OWN_NETWORK) == 0


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    if event.startswith(FORBIDDEN):
        raise PermissionError(f"{event} is not allowed while a pickle is read")
    if event == "open":
        mode, flags = arguments[1], arguments[2]
        if (isinstance(mode, str) and set(mode) & set("wxa+")) or (isinstance(flags, int) and flags & _WRITING):
            raise PermissionError("no file may be written while a pickle is read")


def limits_for(size: int) -> Limits:
    """What reading a file of `size` bytes may take at most."""
    return {
        "RLIMIT_AS": SPARE + 4 * size,
        "RLIMIT_CPU": CPU_S,
        "RLIMIT_FSIZE": 2 * size + (1 << 20),
        "RLIMIT_CORE": 0,
    }


def main() -> int:
    """Convert what the command line names: source, target, SHA-256 of the source.

    Returns:
        The exit status.
    """
    source, target, digest = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    go_offline()
    alone = leave_network()
    import safetensors.torch
    import torch

    torch.set_num_threads(1)
    confine(limits_for(source.stat().st_size))
    try:
        told: dict[str, object] = {"tensors": convert(source, target, digest), "alone": alone}
    except (StudioError, OSError, MemoryError, safetensors.SafetensorError) as error:
        told = {"failed": error.what if isinstance(error, StudioError) else f"It cannot be converted: {error}."}
    sys.stdout.write(json.dumps(told) + "\n")
    return 1 if "failed" in told else 0


if __name__ == "__main__":
    sys.exit(main())
