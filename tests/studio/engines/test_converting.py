"""Pickles as they are published become safetensors; those that are programs do nothing."""

import os
import pickle
import subprocess
import sys
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytestmark = pytest.mark.studio
torch = pytest.importorskip("torch")
pytest.importorskip("safetensors")

from safetensors.torch import load_file  # noqa: E402 - after the skip

from livecam.errors import StudioError  # noqa: E402
from livecam.studio.convert import convert as convert_apart  # noqa: E402
from livecam.studio.engines import converting  # noqa: E402
from livecam.studio.engines.converting import convert, limits_for, tensors_of  # noqa: E402
from livecam.studio.tensors import read_header  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable


class Program:
    """A pickle of this runs `name` with `arguments` when it is read by a careless reader."""

    def __init__(self, function: "Callable[..., object]", *arguments: object) -> None:
        self.function, self.arguments = function, arguments

    def __reduce__(self) -> tuple["Callable[..., object]", tuple[object, ...]]:
        return self.function, self.arguments


def saved(path: Path, held: object, **options: bool) -> Path:
    torch.save(held, path, **options)
    return path


def refused(source: Path) -> str:
    with pytest.raises(StudioError) as told:
        convert(source, source.with_suffix(".safetensors"), "")
    assert not source.with_suffix(".safetensors").exists()
    return told.value.what


def test_an_adapter_is_converted_in_a_process_of_its_own(tmp_path: Path) -> None:
    """As InstantID's ip-adapter.bin: mappings in a mapping; tensors that share memory, or see a part of it."""
    shared = torch.arange(6.0)
    held = {
        "image_proj": OrderedDict(latents=shared.view(1, 2, 3), part=shared[2:4], turned=torch.ones(2, 3).T),
        "ip_adapter": {"1.to_k_ip.weight": torch.full((2, 2), 0.5, dtype=torch.bfloat16), "scale": torch.tensor(3)},
    }
    done = convert_apart(saved(tmp_path / "ip-adapter.bin", held), tmp_path / "out.safetensors")
    found = load_file(tmp_path / "out.safetensors")
    assert done.tensors == len(found) == 5
    assert torch.equal(found["image_proj.part"], torch.tensor([2.0, 3.0]))
    assert torch.equal(found["image_proj.turned"], torch.ones(3, 2))
    assert found["ip_adapter.1.to_k_ip.weight"].dtype == torch.bfloat16
    metadata = read_header(tmp_path / "out.safetensors").metadata
    assert metadata["source"] == "ip-adapter.bin"
    assert len(metadata["source_sha256"]) == 64


def test_a_program_does_nothing(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    source = saved(tmp_path / "evil.bin", {"a": Program(os.system, f"touch {mark}")})
    assert "something other than tensors" in refused(source)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["evil.bin"]


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("function", [eval, os.unlink, subprocess.call, pickle.loads])
def test_programs_are_refused_in_both_of_torchs_forms(
    tmp_path: Path, zipped: bool, function: "Callable[..., object]"
) -> None:
    source = saved(tmp_path / "evil.pt", {"a": Program(function, "x")}, _use_new_zipfile_serialization=zipped)
    assert "something other than tensors" in refused(source)


def test_a_plain_pickle_and_junk_are_refused(tmp_path: Path) -> None:
    for content in (pickle.dumps({"a": Program(os.system, "true")}, protocol=2), b"", b"junk", b"PK\x03\x04junk"):
        source = tmp_path / "x.bin"
        source.write_bytes(content)
        assert "something other than tensors" in refused(source)


def test_the_older_form_is_read_too(tmp_path: Path) -> None:
    source = saved(tmp_path / "eva.pt", {"visual.pos_embed": torch.ones(1, 5, 2)}, _use_new_zipfile_serialization=False)
    assert convert(source, tmp_path / "eva.safetensors", "ab") == 1


@pytest.mark.parametrize("wrapper", ["state_dict", "module", "model"])
def test_what_trainers_put_around_a_network_is_taken_away(wrapper: str) -> None:
    assert tensors_of({wrapper: {"a.b": torch.ones(1)}}).keys() == {"a.b"}
    assert tensors_of({wrapper: {"a": torch.ones(1)}, "b": torch.ones(1)}).keys() == {f"{wrapper}.a", "b"}


@pytest.mark.parametrize(
    ("held", "told"),
    [
        ({"a": torch.ones(1) if torch else 0, "epoch": 3}, "'epoch' is no tensor, but of the type int"),
        ({"a": [1]}, "'a' is no tensor, but of the type list"),
        ([], "'What it holds' is no tensor"),
        ({}, "no tensors"),
        ({3: torch.ones(1)}, "'3' is no name"),
        ({"a\n": torch.ones(1)}, "is no name"),
        ({"__metadata__": torch.ones(1)}, "is no name"),
        ({"a": torch.ones(2, 2).to_sparse()}, "of a kind that safetensors does not keep"),
        ({"a": torch.ones(2, dtype=torch.complex64)}, "of a kind that safetensors does not keep"),
        ({"a.b": torch.ones(1), "a": {"b": torch.ones(1)}}, "'a.b' twice"),
    ],
)
def test_what_is_no_tensor_is_named(held: object, told: str) -> None:
    with pytest.raises(StudioError) as error:
        tensors_of(held)
    assert told in error.value.what


def test_mappings_without_end_are_refused() -> None:
    held: dict[str, object] = {}
    held["a"] = held
    with pytest.raises(StudioError, match="no tensor"):
        tensors_of(held)


CONFINED = """
import sys, resource
from livecam.studio.engines.converting import confine, leave_network, limits_for
alone = leave_network()
import socket, subprocess, os
confine(limits_for(1000))
def attempt(action):
    try:
        action()
    except (PermissionError, OSError) as error:
        return type(error).__name__ + str(error)
    return "done"
tried = [
    lambda: socket.create_connection(("127.0.0.1", 9)),
    lambda: socket.getaddrinfo("localhost", 80),
    lambda: subprocess.run(["true"]),
    lambda: os.system("true"),
    lambda: os.fork(),
    lambda: open(sys.argv[1], "w"),
    lambda: os.open(sys.argv[1], os.O_CREAT | os.O_WRONLY),
    lambda: os.remove(sys.argv[0]),
]
said = [attempt(one) for one in tried]
assert all("not allowed" in one or "may be written" in one for one in said), said
assert open("/dev/null").read() == ""
assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == 2000 + (1 << 20)
if alone:
    assert [name for _, name in socket.if_nameindex()] in ([], ["lo"])
print("confined")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the limits are those of Linux")
def test_the_process_can_do_nothing_else(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", CONFINED, str(tmp_path / "file")], capture_output=True, text=True, check=False
    )
    assert done.stdout == "confined\n", done.stderr
    assert not list(tmp_path.iterdir())


def test_limits_grow_with_the_file() -> None:
    assert limits_for(1 << 30)["RLIMIT_AS"] == converting.SPARE + (4 << 30)
    assert limits_for(0)["RLIMIT_CORE"] == 0
