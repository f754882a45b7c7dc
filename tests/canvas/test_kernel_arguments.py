import ctypes
import re

import pytest

from livecam.canvas.kernels import arguments, chain_arguments, digest, source
from livecam.canvas.kernels.arguments import KERNELS
from tests.canvas.host_kernels import HostKernels

STRUCTURES = {
    name: value
    for module in (arguments, chain_arguments)
    for name, value in vars(module).items()
    if isinstance(value, type) and issubclass(value, ctypes.Structure) and value is not ctypes.Structure
}


@pytest.mark.parametrize("name", STRUCTURES)
def test_both_sides_see_the_same_structure(kernels: HostKernels, name: str) -> None:
    assert kernels.size_of(name) == ctypes.sizeof(STRUCTURES[name])


@pytest.mark.parametrize("name", STRUCTURES)
def test_fields_come_in_the_order_of_the_source(name: str) -> None:
    found = re.search(rf"^struct {name} {{(.*?)^}};", source(), re.MULTILINE | re.DOTALL)
    assert found is not None
    body = re.sub(r"//.*|\[\w+\]|\*", "", found[1])
    declared = [word for line in body.split(";") for word in re.findall(r"(\w+)\s*(?:,|$)", line.strip())]
    assert declared == [field[0] for field in STRUCTURES[name]._fields_]


def test_every_kernel_is_listed_with_what_it_takes() -> None:
    declared = re.findall(r"^KERNEL\((\w+), (\w+)\) {", source(), re.MULTILINE)
    assert dict(declared) == {name: structure.__name__ for name, structure in KERNELS.items()}


def test_the_source_is_one_text_with_each_file_once() -> None:
    text = source()
    assert '#include "' not in text
    assert text.count("DEVICE u16 half_of") == 1
    assert len(digest(text)) == 64
    assert digest(text) != digest(text + " ")
