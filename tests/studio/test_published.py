"""What is said of the public weights holds together, and refuses another model's files."""

import os
import re
from pathlib import Path

import pytest

from livecam.errors import StudioError
from livecam.inference.licences import terms_of
from livecam.inference.recognisers import RECOGNISERS
from livecam.studio.backends import CAPS
from livecam.studio.layouts import BASE, Component, Form, Layout, Part, closest, fitting
from livecam.studio.published import LAYOUTS, layout_of, needs_weights
from livecam.studio.registering import look
from livecam.studio.tensors import Tensor
from livecam.studio.terms import DEFAULT, Slot
from tests.studio.model_files import header_bytes, write

PARTS = [(layout, part) for layout in LAYOUTS.values() for part in (layout.base, *layout.parts.values())]


def tensors_of(form: Form) -> dict[str, Tensor]:
    """A file of that form, as published."""
    return {
        form.prefixes[0] + key: Tensor("BF16", tuple(1 if dim is None else dim for dim in dims))
        for key, dims in form.shapes.items()
    }


def forms_of(part: Part, layout: Layout) -> tuple[Form, ...]:
    folders = layout.components if part.name == BASE else (part.folder,) if part.folder else ()
    return (*part.forms, *(folder.form for folder in folders if folder and folder.form))


def file_of(form: Form, path: Path) -> Path:
    """A safetensors file of that form, whose data is a hole in the disk."""
    at, entries = 0, dict[str, object]()
    for name, tensor in tensors_of(form).items():
        entries[name] = {"dtype": tensor.dtype, "shape": list(tensor.shape), "data_offsets": [at, at + tensor.size]}
        at += tensor.size
    write(path, header_bytes(entries))
    os.truncate(path, path.stat().st_size + at)
    return path


def folder_of(component: Component, folder: Path) -> Path:
    """A folder with what `component` needs."""
    name = sorted(component.classes)[0]
    for group in component.needs:
        write(folder / group[0], {"_class_name": name})
    if component.stem:
        form = component.form or Form("any", {"a": (1,)})
        file_of(form, folder / f"{component.stem}.safetensors")
    return folder


def base_of(layout: Layout, folder: Path) -> Path:
    """A base as published, with the few keys that it is known by."""
    index = {part.folder: [part.library, sorted(part.classes)[0]] for part in layout.components}
    write(folder / "model_index.json", {"_class_name": sorted(layout.pipelines)[0], **index})
    for part in layout.components:
        folder_of(part, folder / part.folder)
    return folder


@pytest.mark.parametrize("name", LAYOUTS)
def test_everything_that_is_published_can_be_registered_together(name: str, tmp_path: Path) -> None:
    layout = LAYOUTS[name]
    given = {BASE: base_of(layout, tmp_path / "base")}
    for part in layout.parts.values():
        place = tmp_path / f"{part.name}.safetensors"
        given[str(part.name)] = (
            folder_of(part.folder, tmp_path / part.name) if part.folder else file_of(part.forms[0], place)
        )
    assert look(name, given).places.keys() == given.keys()
    for part in layout.parts.values():
        for need in part.needs:
            with pytest.raises(StudioError, match=f"Add --extra {need}"):
                look(name, {part_name: path for part_name, path in given.items() if part_name != need})


def test_every_backend_but_the_tiny_one_has_a_layout() -> None:
    assert {name for name in CAPS if needs_weights(name)} == set(LAYOUTS) == set(CAPS) - {"tiny"}
    with pytest.raises(StudioError, match="tiny needs no weights"):
        layout_of("tiny")
    with pytest.raises(StudioError, match="There is no studio backend"):
        layout_of("none")


@pytest.mark.parametrize("name", LAYOUTS)
def test_slots_and_what_is_missing_are_all_slots(name: str) -> None:
    layout, caps = LAYOUTS[name], CAPS[name]
    assert layout.parts.keys() & set(Slot) == caps.slots
    assert layout.missing.keys() == set(Slot) - caps.slots
    assert all(need in layout.parts for part in layout.parts.values() for need in part.needs)
    assert layout.base.licence.name == caps.licence
    assert layout.base.licence.commercial == caps.commercial


def test_only_the_default_asks_for_nothing_and_is_free() -> None:
    assert [layout.name for layout in LAYOUTS.values() if not layout.opt_in] == [DEFAULT]
    assert LAYOUTS[DEFAULT].base.licence.name == "Apache-2.0"
    assert not LAYOUTS[DEFAULT].parts


def test_what_the_narrow_licences_forbid_is_said() -> None:
    dev = terms_of(LAYOUTS["flux1"].base.licence)
    assert "NOT allowed" in dev
    assert "(iv) no biometric processing" in dev
    narrow = {part.name for layout, part in PARTS if layout.name != "flux1" and not part.licence.commercial}
    assert narrow == {Slot.TOKENS, Slot.LANDMARKS, "resampler"}


def test_no_address_is_written_anywhere() -> None:
    told = " ".join(f"{part} {part.licence}" for _, part in PARTS)
    assert "://" not in told
    assert not re.search(r"\b(www\.|\.(com|co|net)\b)", told)
    assert all(re.fullmatch(r"[\w.-]+/[\w.-]+", part.source) for _, part in PARTS)


@pytest.mark.parametrize(("layout", "part"), PARTS, ids=lambda held: str(held.name))
def test_a_published_file_fits_its_own_place_and_no_other(layout: Layout, part: Part) -> None:
    for form in forms_of(part, layout):
        assert fitting((form,), tensors_of(form)) is form
        for other_layout, other in PARTS:
            for place in forms_of(other, other_layout):
                if place.shapes.keys() != form.shapes.keys() and place is not form:
                    assert fitting((place,), tensors_of(form)) is None, (form.name, place.name)


def test_an_adapter_of_another_base_is_told_by_key_or_shape() -> None:
    faceid = LAYOUTS["sdxl-instantid"].parts[Slot.TOKENS].forms[0]
    flux = LAYOUTS["flux1"].parts
    assert closest(flux[Slot.TOKENS].forms, tensors_of(faceid)).startswith("it has no key")
    instantid = LAYOUTS["sdxl-instantid"].parts["resampler"].forms[0]
    assert closest(flux["resampler"].forms, tensors_of(instantid)) == (
        "'image_proj.latents' is 1 x 16 x 1280 and must be 1 x 8 x 1280"
    )


def test_the_9b_is_not_taken_for_the_free_4b() -> None:
    form = LAYOUTS["klein4b"].components[0].form
    assert form is not None
    nine = {**tensors_of(form), "x_embedder.weight": Tensor("BF16", (4096, 128))}
    assert closest((form,), nine) == "'x_embedder.weight' is 4096 x 128 and must be 3072 x 128"
    assert "9B" in form.hint


def test_schnell_is_not_taken_for_dev() -> None:
    form = LAYOUTS["flux1"].components[0].form
    assert form is not None
    schnell = {name: tensor for name, tensor in tensors_of(form).items() if "guidance" not in name}
    assert "guidance_embedder" in closest((form,), schnell)


@pytest.mark.parametrize(("layout", "part"), PARTS, ids=lambda each: each.name)
def test_whose_vectors_an_adapter_knows_is_a_recogniser_that_can_be_had(layout: Layout, part: Part) -> None:
    known = {form.vectors for form in forms_of(part, layout)}
    assert known <= {"", *RECOGNISERS}
    brings = "arcface" in part.needs
    assert bool(known - {""}) == ((bool(part.recogniser) and not brings) or part.fills is not None)
    assert all(name in part.recogniser for name in known - {"", "glintr100"})
