"""What each backend consists of: the words. The published files themselves are in `livecam.studio.published`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from livecam.errors import StudioError
from livecam.inference.recipe import Licence
from livecam.studio.backends import caps_of
from livecam.studio.tensors import Tensor
from livecam.studio.terms import Slot

BASE: Final = "base"
"""The name of the part that every backend has."""

CONVERT: Final = "livecam studio convert IN OUT.safetensors"

Dims: TypeAlias = tuple[int | None, ...]
"""A shape; None stands for any length."""


@dataclass(frozen=True, slots=True)
class Form:
    """By what a file is known: a few of its keys and their shapes.

    Attributes:
        name: Of what it is, such as ``PuLID for FLUX.1``.
        shapes: Of some keys, without prefix.
        prefixes: Under one of which the keys stand; "" is under none.
        needs: Names of extras that such a file does not work without.
        hint: What a file may be that is not of this form.
        vectors: Recipe of the recogniser whose vectors it was trained with; "" where it looks at photos, or with a
            recogniser of its own.
    """

    name: str
    shapes: Mapping[str, Dims]
    prefixes: tuple[str, ...] = ("",)
    needs: tuple[str, ...] = ()
    hint: str = ""
    vectors: str = ""

    def misfit(self, tensors: Mapping[str, Tensor]) -> str:
        """What of `tensors` does not fit, as the end of a sentence; "" where all does."""
        return min((self._misfit(prefix, tensors) for prefix in self.prefixes), key=lambda found: found[:1])[1]

    def _misfit(self, prefix: str, tensors: Mapping[str, Tensor]) -> tuple[int, str]:
        """How many keys do not fit, and the first of them."""
        told = [told for key, dims in self.shapes.items() if (told := _differs(prefix + key, dims, tensors))]
        return len(told), told[0] if told else ""


def _differs(key: str, dims: Dims, tensors: Mapping[str, Tensor]) -> str:
    if key not in tensors:
        return f"it has no key {key!r}"
    shape = tensors[key].shape
    if len(shape) == len(dims) and all(want in (None, have) for want, have in zip(dims, shape, strict=True)):
        return ""
    wanted = " x ".join("any" if want is None else str(want) for want in dims)
    return f"{key!r} is {' x '.join(map(str, shape)) or 'a single number'} and must be {wanted}"


@dataclass(frozen=True, slots=True)
class Component:
    """A folder in diffusers' layout.

    Attributes:
        folder: Its name inside the base, such as ``vae``; "" for one that is registered by itself.
        classes: Names of the classes that may read it.
        stem: What its weights are called, without suffix; "" where it has none.
        needs: Files that must be there; one of each group.
        form: What its weights must look like; None for any sound file.
        library: Where `classes` are.
    """

    folder: str
    classes: frozenset[str]
    stem: str = ""
    needs: tuple[tuple[str, ...], ...] = ()
    form: Form | None = None
    library: str = "diffusers"


@dataclass(frozen=True, slots=True)
class Part:
    """Something that is registered: the base, an adapter, or what an adapter needs besides.

    Attributes:
        name: `BASE`, the slot that it fills, or the extra's name.
        what: What it is called.
        source: Repository it is published in, owner and name.
        file: File or folder in there; "" for all of it.
        licence: Its own, whatever that of the base.
        forms: What a file may look like; one of them must fit.
        folder: For an adapter that is a folder.
        pickled: Whether it is published as a pickle, and has to be converted first.
        recogniser: Whose vectors it was trained with; "" where it looks at photos.
        parameters: How many, as counted; 0 where nobody has.
        fills: The slot that an extra fills besides, where nothing is registered for that.
    """

    name: str
    what: str
    source: str
    file: str
    licence: Licence
    forms: tuple[Form, ...] = ()
    folder: Component | None = None
    pickled: bool = False
    recogniser: str = ""
    parameters: int = 0
    fills: Slot | None = None

    @property
    def needs(self) -> tuple[str, ...]:
        """Names of extras that the published one does not work without."""
        form = self.forms[0] if self.forms else self.folder and self.folder.form
        return form.needs if form else ()


@dataclass(frozen=True, slots=True)
class Layout:
    """What a backend consists of.

    Attributes:
        name: Of the backend.
        base: The base model.
        pipelines: Names that ``model_index.json`` may give the whole.
        components: The folders that are read; all others of the base are not.
        parts: What may be registered besides, by name.
        opt_in: Whether it has terms that ask for an answer; the default backend has none.
        missing: Of each slot without public weights on this base, what there is instead.
    """

    name: str
    base: Part
    pipelines: frozenset[str]
    components: tuple[Component, ...]
    parts: Mapping[str, Part] = field(default_factory=dict)
    opt_in: bool = True
    missing: Mapping[Slot, str] = field(default_factory=dict)

    def part(self, name: str) -> Part:
        """The part of that name.

        Raises:
            StudioError: There is none: a slot without public weights on this base, or a name that nothing has.
        """
        if name == BASE:
            return self.base
        if name in self.parts:
            return self.parts[name]
        if name in self.missing:
            base = caps_of(self.name).base
            raise StudioError(f"There are no public {name} weights for {base}.", self.missing[Slot(name)])
        extras = ", ".join(part for part in self.parts if part not in tuple(Slot)) or "none"
        raise StudioError(f"{self.name} has no part {name!r}.", f"Its extras: {extras}.")

    def of(self, names: frozenset[str]) -> tuple[Part, ...]:
        """The base and the parts among `names`, in their order."""
        return (self.base, *(part for name, part in self.parts.items() if name in names))


def fitting(forms: tuple[Form, ...], tensors: Mapping[str, Tensor]) -> Form | None:
    """The first of `forms` that `tensors` have; None where they have none of them."""
    return next((form for form in forms if not form.misfit(tensors)), None)


def closest(forms: tuple[Form, ...], tensors: Mapping[str, Tensor]) -> str:
    """What does not fit in the form that `tensors` come closest to, as the end of a sentence."""
    # Where a key is there but of another shape, it was nearer than where the key is not there at all.
    return min((form.misfit(tensors) for form in forms), key=lambda told: told.startswith("it has no key"))
