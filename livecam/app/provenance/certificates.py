"""Who signs: a certificate authority of this installation and a certificate it gave out, or a company's own.

C2PA 2.x, section "X.509 certificates": a chain from the signing certificate up, ES256, the authority not in the chain's
place; the signing certificate marked for e-mail protection, since the C2PA's own mark is given to listed signers only.
"""

import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from livecam.errors import LivecamError
from livecam.inference.files import private_folder, write_whole

FOLDER: Final = "provenance"
CHAIN: Final = "chain.pem"
KEY: Final = "signing-key.pem"
AUTHORITY: Final = "authority.pem"

_YEARS_AUTHORITY, _YEARS_SIGNING = 20, 10
_DAY = timedelta(days=1)


class Signing:
    """What manifests are signed with.

    Args:
        folder: Holds ``chain.pem`` (the signing certificate first) and ``signing-key.pem`` (PKCS #8, not encrypted).

    Attributes:
        chain: PEM.
        key: PEM.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.chain = _read(folder / CHAIN)
        self.key = _read(folder / KEY)
        self._check()

    @property
    def authority(self) -> bytes:
        """The uppermost certificate of the chain, PEM."""
        return x509.load_pem_x509_certificates(self.chain)[-1].public_bytes(serialization.Encoding.PEM)

    def facts(self) -> Mapping[str, str]:
        """What there is to know of the certificate."""
        certificate = x509.load_pem_x509_certificates(self.chain)[0]
        return {
            "folder": str(self._folder),
            "signs as": certificate.subject.rfc4514_string(),
            "issued by": certificate.issuer.rfc4514_string(),
            "until": f"{certificate.not_valid_after_utc:%Y-%m-%d}",
            "sha256": certificate.fingerprint(hashes.SHA256()).hex(),
        }

    def _check(self) -> None:
        """Refuse now what would fail when a recording is closed.

        Raises:
            LivecamError: Key and certificate cannot be used, do not belong together, or have run out.
        """
        path = self._folder / CHAIN
        try:
            certificate = x509.load_pem_x509_certificates(self.chain)[0]
            key = serialization.load_pem_private_key(self.key, None)
        except (ValueError, TypeError, IndexError) as error:
            raise LivecamError(f"{path} or its key cannot be used: {error}.", _AGAIN) from None
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
            raise LivecamError(f"The key beside {path} is no key of P-256.", "Use one; livecam signs by ES256.")
        if key.public_key() != certificate.public_key():
            raise LivecamError(f"The key beside {path} belongs to another certificate.", _AGAIN)
        if certificate.not_valid_before_utc > datetime.now(UTC):
            raise LivecamError(f"{path} holds from {certificate.not_valid_before_utc:%Y-%m-%d} on.", _EARLY)
        if certificate.not_valid_after_utc < datetime.now(UTC):
            raise LivecamError(f"{path} ran out on {certificate.not_valid_after_utc:%Y-%m-%d}.", _AGAIN)


_EARLY: Final = "Check the clock of this computer, or wait."
_AGAIN: Final = "Delete the folder to have a new one made, or put your company's there."


def signing_of(data: Path) -> Signing:
    """What this installation signs with; made when there is nothing yet.

    Args:
        data: `Paths.data`.

    Raises:
        LivecamError: It cannot be made, or what is there cannot be used.
    """
    folder = data / FOLDER
    if not (folder / CHAIN).exists() and not (folder / KEY).exists():
        try:
            private_folder(folder)
            _make(folder)
        except OSError as error:
            raise LivecamError(f"No certificate can be made in {folder}: {error.strerror}.", "Check it.") from None
    return Signing(folder)


def _make(folder: Path) -> None:
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    serial = os.urandom(4).hex()
    authority_name = _name(f"livecam installation {serial} authority")
    authority = _authority(authority_name, authority_key)
    leaf = _leaf(_name(f"livecam installation {serial}"), key, authority_name, authority_key)
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    # The authority's own key is not kept: it gives out one certificate and never another.
    write_whole(folder / AUTHORITY, authority.public_bytes(pem))
    write_whole(folder / KEY, secret)
    write_whole(folder / CHAIN, leaf.public_bytes(pem) + authority.public_bytes(pem))


def _name(common: str) -> x509.Name:
    parts = ((NameOID.ORGANIZATION_NAME, "livecam, on somebody's own computer"), (NameOID.COMMON_NAME, common))
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts])


def _authority(name: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    usage = _usage(signs_certificates=True)
    return (
        _begun(name, name, key, _YEARS_AUTHORITY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _leaf(
    name: x509.Name, key: ec.EllipticCurvePrivateKey, issuer: x509.Name, issuer_key: ec.EllipticCurvePrivateKey
) -> x509.Certificate:
    above = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    return (
        _begun(name, issuer, key, _YEARS_SIGNING)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(above, critical=False)
        .sign(issuer_key, hashes.SHA256())
    )


def _begun(name: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, years: int) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _DAY)
        .not_valid_after(now + years * 365 * _DAY)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise LivecamError(f"{path} cannot be read: {error.strerror}.", _AGAIN) from None
