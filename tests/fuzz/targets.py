"""What can be fed with bytes: each target takes any, and gives back or raises `LivecamError`.

`python -m tests.fuzz NAME` feeds one for as long as wanted, guided by what it reaches where atheris is installed.
"""

import io
import json
import re
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import onnx
from onnx import TensorProto, helper

from livecam.config import example_text, load
from livecam.core.spec import parse_spec
from livecam.errors import LivecamError


@dataclass(frozen=True, slots=True)
class Target:
    """One way in.

    Attributes:
        feed: Takes any bytes; raises nothing but `LivecamError`.
        seeds: Sound inputs, to be damaged.
    """

    feed: Callable[[bytes], object]
    seeds: Callable[[], list[bytes]]


def _in_file(name: str, read: Callable[[Path], object]) -> Callable[[bytes], object]:
    """Feeds what reads a file called `name`, alone in a folder."""

    def feed(data: bytes) -> object:
        with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
            path = Path(folder) / name
            path.write_bytes(data)
            path.chmod(0o600)
            return read(path)

    return feed


def _photo(data: bytes) -> object:
    from livecam.faces.photo import PERSONA_PIXELS, decode_photo

    return decode_photo(data, "photo.jpg", PERSONA_PIXELS)


def _pictures() -> list[bytes]:
    image = np.arange(48 * 64 * 3, dtype=np.uint32).reshape(48, 64, 3).astype(np.uint8)
    kinds = [(".jpg", image), (".png", image), (".webp", image), (".bmp", image), (".avif", image)]
    kinds += [(".png", np.dstack([image, image[:, :, :1]]))]
    return [cv2.imencode(suffix, picture)[1].tobytes() for suffix, picture in kinds]


def _model(path: Path) -> object:
    from livecam.inference.graph import emap_of, input_shapes, read_graph

    graph = read_graph(path)
    shapes = input_shapes(graph)
    try:
        return emap_of(path)
    except LivecamError:
        return shapes


def network() -> onnx.ModelProto:
    """A small one, with a matrix such as inswapper has."""
    matrix = np.random.default_rng(1).normal(0, 0.17, (512, 512)).astype(np.float32)
    weights = [onnx.numpy_helper.from_array(matrix, "buff2fs")]
    nodes = [helper.make_node("Relu", ["x"], ["y"])]
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, 8, 8]) for name in ("x", "y")]
    graph = helper.make_graph(nodes, "small", ports[:1], ports[1:], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def _networks() -> list[bytes]:
    small = network()
    del small.graph.initializer[:]
    return [small.SerializeToString(), network().SerializeToString()]


def _archive(path: Path) -> object:
    from livecam.inference.archives import unpack
    from livecam.inference.web import Unusable

    try:
        return unpack(path, "network.onnx", path.with_name("out"), 100_000)
    except Unusable as error:
        # The only error of its kind: whoever calls makes a sentence of it.
        return str(error)


def _archives() -> list[bytes]:
    held = []
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", method) as archive:
            archive.writestr("folder/network.onnx", b"\x08" + b"network" * 40)
            archive.writestr("other.txt", "nothing")
        held.append(out.getvalue())
    return held


def _plan(path: Path) -> object:
    from livecam.inference.plan_file import read_sealed

    return read_sealed(path).header.fields


def _forged(data: bytes) -> bytes:
    """A plan whose header is `data`, with the digest that it must have."""
    from livecam.inference.plan_file import MAGIC

    return MAGIC + len(data).to_bytes(4, "little") + sha256(data).digest() + data + b"plan"


def _plan_headers() -> list[bytes]:
    key = json.dumps({"model": "x"})
    header = {"key": key, "sha256": sha256(b"plan").hexdigest(), "size": 4, "created_s": 1, "about": {"a": "b"}}
    return [json.dumps(header).encode()]


def _config(path: Path) -> object:
    return load(path=path, environment={})


def _configs() -> list[bytes]:
    return [example_text().encode(), b'[source]\nspec = "synthetic"\nsize = "640x480"\n[people]\nann = "grace"\n']


def _words(data: bytes) -> object:
    from livecam.control.grammar import parse, written

    order = parse(data.decode("utf-8", "surrogateescape"))
    return written(order)


def _lines() -> list[bytes]:
    lines = ["panic", "blend 0.5", "persona ann", "source camera:0", "sink add record:a.mp4?seconds=3", "favourite 3"]
    return [line.encode() for line in lines]


def _spec(data: bytes) -> object:
    return parse_spec(data.decode("utf-8", "surrogateescape"))


def _plan_told(data: bytes) -> object:
    from livecam.app.output_process_wire import Plan

    return Plan.from_text(data.decode("utf-8", "replace"))


def _plans_told() -> list[bytes]:
    from livecam.app.output_process_wire import Plan

    return [Plan("/run/a.sock", ("null",), 640, 480, 30.0, "token", "info", "").to_text().encode()]


def _news(data: bytes) -> object:
    from livecam.app.output_process_news import read_news

    return read_news(data.decode("utf-8", "replace"))


def _newses() -> list[bytes]:
    sink = {"name": "null", "open": True, "problem": ""}
    return [json.dumps({"error": "", "problem": "", "sinks": [sink], "readers": 2}).encode()]


def _recipe(data: bytes) -> object:
    """Under the name that it calls itself, which is checked."""
    from livecam.inference.catalogue import load_model

    found = re.search(rb'^name = "([a-z0-9_.]{1,40})"$', data, re.MULTILINE)
    name = found[1].decode() if found else "x"
    return _in_file(f"{name}.toml", lambda path: load_model(name, (path.parent,)))(data)


def _recipes() -> list[bytes]:
    from livecam.inference.catalogue import recipe_files

    # Without those that name other recipes, which are not beside them here.
    found = (path.read_bytes() for path in recipe_files().values())
    return [text for text in found if b"[identity]" not in text]


def _answer(data: bytes) -> object:
    from livecam.control.client import _read

    return _read(Path("c.sock"), data.decode("utf-8", "replace"))


def _answers() -> list[bytes]:
    return [b'{"ok": true, "said": "Wearing nobody.", "now": {}}']


def _favourites(path: Path) -> object:
    from livecam.faces.favourites import Favourites

    return Favourites(path).all()


def _worn(path: Path) -> object:
    from livecam.faces.worn import read_worn

    return read_worn(path.parent)


def _note(path: Path) -> object:
    from livecam.inference.download import Partial

    path.with_name("part").write_bytes(b"begun")
    return Partial(path.with_name("part")).note("https://example.org/a")


def _notes() -> list[bytes]:
    return [json.dumps({"url": "https://example.org/a", "validator": '"x"', "total": 12}).encode()]


def _licences(path: Path) -> object:
    from livecam.inference.licences import answers

    return answers(path)


def _tuned(path: Path) -> object:
    from livecam.inference.tuned import read_tuned

    return read_tuned(path, {})


def _policy(data: bytes) -> object:
    from livecam.config.policy_file import parsed

    return parsed(data, Path("policy.toml"))


def _exported(path: Path) -> object:
    from livecam.privacy.audit_check import read_export

    return read_export(path, _KEY)


def _exports() -> list[bytes]:
    from livecam.privacy.audit import AuditLog
    from livecam.privacy.audit_check import export

    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        home = Path(folder) / "audit"
        home.mkdir(mode=0o700)
        log = AuditLog(home, _KEY, lambda: "2026-11-21T07:00:00.000+00:00")
        log.append("start", session="0000beef")
        log.append("panic", by="key")
        export(home, _KEY, Path(folder) / "export.jsonl", "2026-11-21T08:00:00.000+00:00")
        return [(Path(folder) / "export.jsonl").read_bytes()]


def _audit(path: Path) -> object:
    """A log of which one file is `path`; its seal is sound."""
    from livecam.privacy.audit import AuditLog
    from livecam.privacy.audit_check import verify

    home = path.parent / "audit"
    home.mkdir(mode=0o700)
    AuditLog(home, _KEY, lambda: "2026-11-21T07:00:00.000+00:00").append("start")
    (file,) = home.glob("*.jsonl")
    path.replace(file)
    return verify(home, _KEY)


def _logs() -> list[bytes]:
    return [_exports()[0].partition(b"\n")[2]]


def _consent(data: bytes) -> object:
    from livecam.faces.consent import Signer, from_json
    from livecam.faces.sealed import public_vault

    return from_json(data, "ann", Signer(public_vault()))


def _consents() -> list[bytes]:
    from livecam.core.persona import Basis, Consent
    from livecam.faces.consent import Signer, to_json
    from livecam.faces.sealed import public_vault

    consent = Consent(Basis.SELF, "Ann", "2026-11-21T07:00:00.000+00:00", ("0" * 64,))
    return [to_json(consent, "ann", Signer(public_vault()))]


_KEY: Final = bytes(32)

_PLAN: Final = f"x-{sha256(json.dumps({'model': 'x'}).encode()).hexdigest()}.plan"

TARGETS: Final[dict[str, Target]] = {
    "photo": Target(_photo, _pictures),
    "network": Target(_in_file("network.onnx", _model), _networks),
    "archive": Target(_in_file("pack.zip", _archive), _archives),
    "plan": Target(_in_file(_PLAN, _plan), lambda: [_forged(header) for header in _plan_headers()]),
    "plan-header": Target(lambda data: _in_file(_PLAN, _plan)(_forged(data)), _plan_headers),
    "config": Target(_in_file("livecam.toml", _config), _configs),
    "words": Target(_words, _lines),
    "spec": Target(_spec, _lines),
    "plan-told": Target(_plan_told, _plans_told),
    "news": Target(_news, _newses),
    "recipe": Target(_recipe, _recipes),
    "answer": Target(_answer, _answers),
    "favourites": Target(_in_file("favourites.json", _favourites), lambda: [b'{"1": "ann", "2": "bob"}']),
    "policy": Target(_policy, lambda: [b'[label]\nrequired = true\n[outputs]\nallowed = ["virtualcam"]\n']),
    "export": Target(_in_file("export.jsonl", _exported), _exports),
    "audit": Target(_in_file("log.jsonl", _audit), _logs),
    "consent": Target(_consent, _consents),
    "worn": Target(_in_file("worn.json", _worn), lambda: [b'{"preset": "fast", "blend": 0.5, "colour": 1}']),
    "note": Target(_in_file("part.json", _note), _notes),
    "licences": Target(_in_file("licences.json", _licences), lambda: [b'{"version": 1, "answers": []}']),
    "tuned": Target(_in_file("tuned.json", _tuned), lambda: [b'{"schema": 1, "place": {}, "choices": {}}']),
}
"""By name."""
