"""Writes ``docs/sbom.cdx.json``: what livecam consists of, in the form CycloneDX 1.6. Run by ``make sbom``.

Packages, their versions and digests come from ``requirements.txt``, to which installing holds pip; their licences from
what is installed; the networks that can be fetched, with licences and digests, from the recipes in ``engines/``.
It bears no time, so that the same input gives the same file.
"""

import json
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Final, TypeAlias
from uuid import NAMESPACE_URL, uuid5

from livecam.inference.catalogue import catalogue_folders, load_all
from livecam.inference.recipes import load_recipe, recipe_names

Json: TypeAlias = "str | bool | list[Json] | dict[str, Json]"

ROOT: Final = Path(__file__).resolve().parent.parent
PLACE: Final = ROOT / "docs" / "sbom.cdx.json"

_NAMED: Final = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)==(?P<version>[^ ;\\]+)(?: ; (?P<where>[^\\]+))?")
_DIGEST: Final = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_WANTED_BY: Final = re.compile(r"^    #(?: via)? +(?!via$)(?P<name>[A-Za-z0-9._-]+)(?: \(.*\))?$")

LICENCES: Final[Mapping[str, str]] = {
    # Its wheels hold FFmpeg with x264, as docs/third-party.md says.
    "av": "BSD-3-Clause AND LGPL-2.1-or-later AND GPL-2.0-or-later",
    "flatbuffers": "Apache-2.0",
    "h11": "MIT",
    "markdown-it-py": "MIT",
    "mdurl": "MIT",
    "onnxruntime": "MIT",
    "opencv-python-headless": "Apache-2.0",
    "protobuf": "BSD-3-Clause",
    "psutil": "BSD-3-Clause",
    "pyvirtualcam": "GPL-2.0-only",
    "rich": "MIT",
}
"""Of packages that do not say it as an SPDX expression, or whose wheel holds more than the package's own code."""


@dataclass(frozen=True, slots=True)
class Package:
    """A line of ``requirements.txt``.

    Attributes:
        name: Of the package.
        version: Pinned.
        where: On which systems, as an environment marker; "" for all.
        digests: SHA-256 of every file that may be installed.
        wanted_by: Packages that need it; ``livecam`` among them.
    """

    name: str
    version: str
    where: str
    digests: tuple[str, ...]
    wanted_by: tuple[str, ...]

    @property
    def purl(self) -> str:
        """Its address as package-url has it."""
        return f"pkg:pypi/{self.name.lower()}@{self.version}"


def packages(text: str) -> list[Package]:
    """What a file of pinned requirements names, in its order."""
    found: list[Package] = []
    for block in re.split(r"\n(?=[A-Za-z0-9])", text):
        named = _NAMED.match(block)
        if named is None:
            continue
        wanted = [match["name"] for line in block.splitlines() if (match := _WANTED_BY.match(line))]
        where = (named["where"] or "").strip()
        found.append(Package(named["name"], named["version"], where, tuple(_DIGEST.findall(block)), tuple(wanted)))
    return found


def licence_of(name: str) -> str:
    """As an SPDX expression; what the package itself says, where it says it so."""
    if name in LICENCES:
        return LICENCES[name]
    try:
        told = metadata(name).json.get("license_expression")
    except PackageNotFoundError:
        told = None
    if told is None:
        raise SystemExit(f"{name} does not say its licence as an SPDX expression; look it up for LICENCES.")
    return str(told)


def sbom() -> dict[str, Json]:
    """The whole document."""
    own = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    known = packages((ROOT / "requirements.txt").read_text(encoding="utf-8"))
    root = f"pkg:pypi/livecam@{own['version']}"
    components: list[Json] = [*map(_component, known), *_networks()]
    content: dict[str, Json] = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": "1",
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": root,
                "name": "livecam",
                "version": str(own["version"]),
                "purl": root,
                "licenses": [{"license": {"id": str(own["license"])}}],
            }
        },
        "components": components,
        "dependencies": list(_dependencies(known, root)),
    }
    number = uuid5(NAMESPACE_URL, json.dumps(content, sort_keys=True))
    return {**content, "serialNumber": f"urn:uuid:{number}", "version": 1}  # type: ignore[dict-item]


def _component(package: Package) -> Json:
    component: dict[str, Json] = {
        "type": "library",
        "bom-ref": package.purl,
        "name": package.name,
        "version": package.version,
        "purl": package.purl,
        "licenses": [{"expression": licence_of(package.name)}],
        "hashes": [{"alg": "SHA-256", "content": digest} for digest in package.digests],
    }
    return {**component, "properties": [_property("where", package.where)]} if package.where else component


def _networks() -> Iterator[Json]:
    """Networks that livecam can fetch: none is part of it."""
    for name in recipe_names():
        recipe = load_recipe(name)
        digests = [digest for file in recipe.files for digest in file.sha256]
        yield _network(name, recipe.task, recipe.summary, recipe.licence.name, digests, "embedded", True)
    for name, model in load_all(catalogue_folders(None)).items():
        licence, digests = model.licence, [save.sha256 for save in model.saves]
        yield _network(name, str(model.task), model.summary, licence.name, digests, "catalogue", licence.commercial)


def _network(
    name: str, task: str, summary: str, licence: str, digests: list[str], kind: str, commercial: bool
) -> dict[str, Json]:
    told = "allowed" if commercial else "not allowed"
    return {
        "type": "machine-learning-model",
        "bom-ref": f"network:{kind}/{name}",
        "name": name,
        "description": summary,
        "scope": "optional" if kind == "catalogue" else "required",
        "licenses": [{"license": {"name": licence}}],
        "hashes": [{"alg": "SHA-256", "content": digest} for digest in dict.fromkeys(digests)],
        "properties": [_property("task", task), _property("kind", kind), _property("commercial-use", told)],
    }


def _property(name: str, value: str) -> dict[str, Json]:
    return {"name": f"livecam:{name}", "value": value}


def _dependencies(known: list[Package], root: str) -> Iterator[Json]:
    places = {package.name: package.purl for package in known} | {"livecam": root}
    for name, place in sorted(places.items(), key=lambda pair: pair[1]):
        needed = sorted(package.purl for package in known if name in package.wanted_by)
        yield {"ref": place, "dependsOn": list(needed)}


def text() -> str:
    """As it is kept."""
    return json.dumps(sbom(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PLACE.write_text(text(), encoding="utf-8")
    sys.stdout.write(f"{PLACE.relative_to(ROOT)}: {len(PLACE.read_text(encoding='utf-8')):,} characters\n")
