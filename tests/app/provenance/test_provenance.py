"""Certificates and manifests: what is signed can be checked, and what was changed is found out."""

import json
import os
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib.metadata import version
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from livecam.app.provenance import manifest
from livecam.app.provenance.certificates import AUTHORITY, CHAIN, KEY, Signing, signing_of
from livecam.app.provenance.made import Made
from livecam.app.provenance.manifest import definition, read, sign, told
from livecam.cli.root import root
from livecam.errors import ExtraMissing, LivecamError

pytest.importorskip("c2pa", reason="manifests need c2pa-python, from livecam[provenance]")

MADE = Made(0xBEEF, "recording")


@pytest.fixture(scope="module")
def signing(tmp_path_factory: pytest.TempPathFactory) -> Signing:
    return signing_of(tmp_path_factory.mktemp("data"))


def picture(folder: Path, name: str = "shot.png") -> Path:
    path = folder / name
    cv2.imwrite(str(path), np.random.default_rng(0).integers(0, 255, (64, 64, 3)).astype(np.uint8))
    return path


def recording(folder: Path) -> Path:
    """A fragmented MP4, as the recorder writes them."""
    path = folder / "call.mp4"
    with av.open(str(path), "w", options={"movflags": "frag_keyframe+empty_moov"}) as container:
        stream = container.add_stream("libx264", rate=30)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for number in range(30):
            frame = av.VideoFrame.from_ndarray(np.full((96, 64), 4 * number, np.uint8), format="yuv420p")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    "make", [recording, picture, *(partial(picture, name=f"shot{suffix}") for suffix in (".jpg", ".webp"))]
)
def test_a_signed_file_says_what_it_is(tmp_path: Path, signing: Signing, make: Callable[[Path], Path]) -> None:
    path = make(tmp_path)
    assert read(path) is None
    sign(path, MADE, signing)
    found = read(path)
    assert found is not None
    assert (found.valid, found.modified, found.session, found.program) == (True, True, 0xBEEF, "livecam")
    assert found.by.startswith("livecam installation ")
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_a_signed_file_may_be_read_by_those_who_could_before(tmp_path: Path, signing: Signing) -> None:
    before = os.umask(0o022)
    try:
        for mode in (0o600, 0o640):
            path = picture(tmp_path, f"{mode}.png")
            path.chmod(mode)
            sign(path, MADE, signing)
            assert stat.S_IMODE(path.stat().st_mode) == mode
    finally:
        os.umask(before)


def test_signing_can_be_ended_in_the_middle(tmp_path: Path, signing: Signing) -> None:
    path = recording(tmp_path)
    before, asked = path.read_bytes(), iter([False] * 3)
    with pytest.raises(LivecamError, match="stays as it was: the run ended first"):
        sign(path, MADE, signing, lambda: next(asked, True))
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["call.mp4"]


def test_a_manifest_carries_no_second_picture_of_the_face(tmp_path: Path, signing: Signing) -> None:
    path = picture(tmp_path)
    before = path.stat().st_size
    sign(path, MADE, signing)
    assert path.stat().st_size - before < 8_000


def test_a_signed_recording_still_plays(tmp_path: Path, signing: Signing) -> None:
    path = recording(tmp_path)
    sign(path, MADE, signing)
    with av.open(str(path)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 30


def test_a_changed_byte_is_found_out(tmp_path: Path, signing: Signing) -> None:
    path = picture(tmp_path)
    sign(path, MADE, signing)
    content = bytearray(path.read_bytes())
    content[-40] ^= 1
    path.write_bytes(content)
    found = read(path)
    assert found is not None
    assert not found.valid
    assert any("mismatch" in problem for problem in found.problems)


def test_what_cannot_be_signed_stays_as_it_was(tmp_path: Path, signing: Signing) -> None:
    broken = tmp_path / "call.mp4"
    broken.write_bytes(b"no video")
    with pytest.raises(LivecamError, match="could not be signed and stays as it was"):
        sign(broken, MADE, signing)
    assert broken.read_bytes() == b"no video"
    assert [entry.name for entry in tmp_path.iterdir()] == ["call.mp4"]
    with pytest.raises(LivecamError, match="cannot carry a manifest"):
        sign(tmp_path / "call.mkv", MADE, signing)


def test_a_file_that_is_no_picture_has_no_manifest_or_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("hello")
    assert read(tmp_path / "a.txt") is None
    with pytest.raises(LivecamError, match="cannot be read"):
        read(tmp_path / "none.png")


def test_without_the_extra_it_says_so(tmp_path: Path, signing: Signing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest, "find_spec", lambda _: None)
    path = picture(tmp_path)
    with pytest.raises(ExtraMissing, match=r"livecam\[provenance\]"):
        sign(path, MADE, signing)
    with pytest.raises(ExtraMissing, match=r"livecam\[provenance\]"):
        read(path)


def test_one_certificate_is_made_and_kept_for_its_owner(tmp_path: Path) -> None:
    first, again = signing_of(tmp_path), signing_of(tmp_path)
    assert first.chain == again.chain
    folder = tmp_path / "provenance"
    assert {entry.name for entry in folder.iterdir()} == {CHAIN, KEY, AUTHORITY}
    if os.name == "posix":
        assert stat.S_IMODE((folder / KEY).stat().st_mode) == 0o600
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert first.authority == (folder / AUTHORITY).read_bytes()


def pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        (CHAIN, b"nothing", "cannot be used"),
        (KEY, b"nothing", "cannot be used"),
        (KEY, pem(ec.generate_private_key(ec.SECP256R1())), "belongs to another certificate"),
        (KEY, pem(ec.generate_private_key(ec.SECP384R1())), "no key of P-256"),
        (KEY, pem(rsa.generate_private_key(65537, 2048)), "no key of P-256"),
    ],
)
def test_a_chain_that_would_fail_later_is_refused_now(tmp_path: Path, name: str, content: bytes, why: str) -> None:
    signing_of(tmp_path)
    (tmp_path / "provenance" / name).write_bytes(content)
    with pytest.raises(LivecamError, match=why):
        signing_of(tmp_path)


def company(
    folder: Path,
    begins: timedelta = timedelta(days=-60),
    ends: timedelta = timedelta(days=30),
    purpose: x509.ObjectIdentifier = ExtendedKeyUsageOID.EMAIL_PROTECTION,
) -> Signing:
    """A company's own chain and key in the place of the installation's."""
    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]) for name in ("ACME root", "ACME video")]
    now = datetime.now(UTC)

    def begun(subject: x509.Name, of: ec.EllipticCurvePrivateKey, ca: bool) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(names[0])
            .public_key(of.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + begins)
            .not_valid_after(now + ends)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(of.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False)
        )

    usage = x509.KeyUsage(True, False, False, False, False, False, False, False, False)
    own = begun(names[0], root_key, ca=True).sign(root_key, hashes.SHA256())
    leaf = (
        begun(names[1], key, ca=False)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    place = folder / "provenance"
    place.mkdir()
    encoding = serialization.Encoding.PEM
    (place / CHAIN).write_bytes(leaf.public_bytes(encoding) + own.public_bytes(encoding))
    (place / KEY).write_bytes(pem(key))
    return signing_of(folder)


def test_a_company_signs_with_its_own(tmp_path: Path) -> None:
    signing = company(tmp_path)
    assert signing.facts()["signs as"] == "CN=ACME video"
    assert signing.facts()["issued by"] == "CN=ACME root"
    path = recording(tmp_path)
    sign(path, MADE, signing)
    found = read(path)
    assert found is not None
    assert (found.valid, found.by, found.session) == (True, "ACME video", 0xBEEF)


def test_a_company_whose_certificate_ran_out_is_told(tmp_path: Path) -> None:
    with pytest.raises(LivecamError, match=r"chain\.pem ran out on \d{4}-"):
        company(tmp_path, ends=timedelta(days=-1))


def test_a_certificate_that_does_not_hold_yet_is_told(tmp_path: Path) -> None:
    with pytest.raises(LivecamError, match=r"holds from \d{4}-.*clock"):
        company(tmp_path, begins=timedelta(days=2))


def test_a_certificate_for_something_else_signs_nothing(tmp_path: Path) -> None:
    signing = company(tmp_path, purpose=ExtendedKeyUsageOID.SERVER_AUTH)
    path = picture(tmp_path)
    before = path.read_bytes()
    with pytest.raises(LivecamError, match="could not be signed and stays as it was"):
        sign(path, MADE, signing)
    assert path.read_bytes() == before


def test_half_a_chain_is_told_and_not_replaced(tmp_path: Path) -> None:
    signing_of(tmp_path)
    (tmp_path / "provenance" / KEY).unlink()
    with pytest.raises(LivecamError, match="cannot be read"):
        signing_of(tmp_path)


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "provenance").write_text("")
    with pytest.raises(LivecamError, match="No certificate can be made"):
        signing_of(tmp_path)


def test_the_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVECAM_DATA", str(tmp_path))
    shown = CliRunner().invoke(root, ["provenance", "show"])
    assert shown.exit_code == 0, shown.output
    assert str(tmp_path / "provenance") in shown.output
    done = CliRunner().invoke(root, ["provenance", "export", str(tmp_path / "authority.pem")])
    assert done.exit_code == 0
    assert (tmp_path / "authority.pem").read_bytes() == signing_of(tmp_path).authority
    assert CliRunner().invoke(root, ["provenance", "export", str(tmp_path / "no" / "a.pem")]).exit_code == 1


def test_what_a_file_says_is_told_with_its_limits(tmp_path: Path, signing: Signing) -> None:
    assert "no C2PA manifest" in " ".join(told(None))
    path = picture(tmp_path)
    sign(path, MADE, signing)
    said = " ".join(told(read(path)))
    assert "says that AI made or changed it" in said
    assert "anybody can make" in said
    assert "session 0000beef" in said
    content = bytearray(path.read_bytes())
    content[-40] ^= 1
    path.write_bytes(content)
    assert "But it was changed since" in " ".join(told(read(path)))


def test_it_says_by_which_program_when_and_of_what_kind() -> None:
    told = json.loads(json.dumps(definition(MADE)))
    (action,) = told["assertions"][0]["data"]["actions"]
    assert (
        action["softwareAgent"] == told["claim_generator_info"][0] == {"name": "livecam", "version": version("livecam")}
    )
    assert datetime.now(UTC) - datetime.fromisoformat(action["when"]) < timedelta(minutes=5)
    assert action["digitalSourceType"].endswith("/compositeWithTrainedAlgorithmicMedia")
    assert told["assertions"][1]["data"]["blocks"] == [{"scope": {}, "value": "0000beef"}]
