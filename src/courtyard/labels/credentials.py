"""Content credentials (C2PA 2.x): signed by the operator's own authority, offline, and read as if by a stranger.

The authority and the signer are keys of the keyring; their certificates lie beside them. No time-stamping service is
asked, so certificates are good for many years.
"""

import json
from datetime import datetime, timedelta
from hashlib import sha256
from io import BytesIO
from typing import Any

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from courtyard.core.clock import Clock, date_time
from courtyard.labels.model import Aigc, Credentials, Manifest
from courtyard.labels.rules import AI_SOURCE, AI_SOURCES, KEY
from courtyard.storage import Keyring

ASSERTION = "cn.tc260.aigc"
"""Under this name the fields of GB 45438-2025 stand in the credentials."""

_AUTHORITY, _SIGNER = "labels-authority", "labels-signer"
_CURVE = ec.SECP256R1()
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_AUTHORITY_DAYS, _SIGNER_DAYS, _RENEWED_DAYS = 7300, 3650, 365
_BEFORE = timedelta(days=1)
"""Clocks of readers may be behind ours."""


class Authority(msgspec.Struct, frozen=True, kw_only=True):
    """The operator's own certificate authority, as it is published."""

    certificate: str
    """PEM: what readers are to trust."""
    name: str
    fingerprint: str
    """SHA-256 of the certificate, in hex."""
    until_ms: int


class Signer:
    """Signs content credentials, and reads those of others."""

    def __init__(self, keyring: Keyring, clock: Clock, *, name: str) -> None:
        self._keyring = keyring
        self._clock = clock
        self._name = name

    def authority(self) -> Authority:
        """Return the authority; it is made the first time."""
        certificate, _ = self._certificates()
        names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return Authority(
            certificate=_pem(certificate),
            name=str(names[0].value),
            fingerprint=certificate.fingerprint(hashes.SHA256()).hex(),
            until_ms=int(certificate.not_valid_after_utc.timestamp() * 1000),
        )

    def signed(self, data: bytes, media_type: str, aigc: Aigc, *, model: str, before: bytes | None) -> bytes:
        """Sign a file; `before` is the file that it was made from, if that had credentials, which stay in it.

        Raises:
            ValueError: the file has no place for credentials.
        """
        import c2pa  # noqa: PLC0415 - 50 MB that only signing and reading need.

        made = {"action": "c2pa.created", "digitalSourceType": AI_SOURCE}
        if model:
            made["softwareAgent"] = {"name": model}  # type: ignore[assignment]
        changed = [
            {"action": "c2pa.opened", "parameters": {"ingredientIds": ["before"]}},
            {"action": "c2pa.edited.metadata", "digitalSourceType": AI_SOURCE},
        ]
        definition = {
            "claim_generator_info": [{"name": "Courtyard"}],
            "assertions": [
                {"label": "c2pa.actions.v2", "data": {"actions": [made] if before is None else changed}},
                {"label": ASSERTION, "data": {KEY: msgspec.to_builtins(aigc)}},
            ],
        }
        authority, certificate = self._certificates()
        chain, key = (_pem(certificate) + _pem(authority)).encode(), _key_pem(self._key(_SIGNER))
        file = BytesIO()
        try:
            context = _context(authority)
            signer = c2pa.Signer.from_info(c2pa.C2paSignerInfo("es256", chain, key, None))
            builder = c2pa.Builder(definition, context=context)
            if before is not None:
                parent = {"relationship": "parentOf", "label": "before", "title": "before"}
                builder.add_ingredient(parent, media_type, BytesIO(before))
            builder.sign(signer, media_type, BytesIO(data), file)
        except c2pa.C2paError as error:
            raise ValueError(f"content credentials can't be signed into it: {error}") from error
        return file.getvalue()

    def read(self, data: bytes, media_type: str) -> Manifest:
        """Say what a file's content credentials say, and whether they and the file are whole."""
        import c2pa  # noqa: PLC0415 - 50 MB that only signing and reading need.

        if media_type.startswith("image/") and b"jumb" not in data:
            return Manifest()
        authority, _ = self._certificates()
        try:
            with c2pa.Reader(media_type, BytesIO(data), context=_context(authority)) as reader:
                state, told = reader.get_validation_state(), json.loads(reader.json())
        except c2pa.C2paError.ManifestNotFound:
            return Manifest()
        except (c2pa.C2paError, ValueError) as error:
            return Manifest(state=Credentials.INVALID, problems=(str(error)[:200],))
        codes = tuple(str(status.get("code", "")) for status in told.get("validation_status") or ())
        states = {"Trusted": Credentials.TRUSTED, "Valid": Credentials.UNTRUSTED}
        return Manifest(
            state=states.get(str(state), Credentials.INVALID), generated=_says_generated(told), problems=codes
        )

    def _certificates(self) -> tuple[x509.Certificate, x509.Certificate]:
        """Read the certificates of authority and signer, and issue those that are missing or soon over."""
        now = date_time(self._clock.now_ms())
        authority = self._kept(_AUTHORITY)
        if authority is None:
            authority = self._issue(_AUTHORITY, issuer=None, now=now, days=_AUTHORITY_DAYS)
        signer = self._kept(_SIGNER)
        if signer is None or signer.not_valid_after_utc < now + timedelta(days=_RENEWED_DAYS):
            signer = self._issue(_SIGNER, issuer=authority, now=now, days=_SIGNER_DAYS)
        return authority, signer

    def _kept(self, name: str) -> x509.Certificate | None:
        text = self._keyring.kept(f"{name}.pem")
        return x509.load_pem_x509_certificate(text.encode()) if text else None

    def _issue(self, name: str, *, issuer: x509.Certificate | None, now: datetime, days: int) -> x509.Certificate:
        key, signing = self._key(name), self._key(_AUTHORITY)
        subject = _named(self._name, "content label authority" if issuer is None else "content label signer")
        is_authority = issuer is None
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject if issuer is None else issuer.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _BEFORE)
            .not_valid_after(now + timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=0 if is_authority else None), True)
            .add_extension(_usage(is_authority), True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key()), False)
        )
        if not is_authority:
            builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), False)
        certificate = builder.sign(signing, hashes.SHA256())
        self._keyring.keep(f"{name}.pem", _pem(certificate))
        return certificate

    def _key(self, name: str) -> ec.EllipticCurvePrivateKey:
        """Make the secret of the keyring into a key of P-256, which every reader of credentials knows."""
        number = int.from_bytes(sha256(b"courtyard " + name.encode() + b"\0" + self._keyring.secret(name)).digest())
        return ec.derive_private_key(1 + number % (_ORDER - 1), _CURVE)


def _context(authority: x509.Certificate) -> Any:
    """Trust this authority only, and call nobody."""
    import c2pa  # noqa: PLC0415 - 50 MB that only signing and reading need.

    settings = {
        "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_trust": True},
        "trust": {"trust_anchors": _pem(authority)},
        "builder": {"thumbnail": {"enabled": False}},
    }
    return c2pa.Context(c2pa.Settings.from_dict(settings))


def _says_generated(told: Any) -> bool:
    """Whether any action of any manifest has a digital source that a model is."""
    if isinstance(told, dict):
        return told.get("digitalSourceType") in AI_SOURCES or any(_says_generated(value) for value in told.values())
    return isinstance(told, list) and any(_says_generated(value) for value in told)


def _named(organisation: str, what: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation[:64]),
            x509.NameAttribute(NameOID.COMMON_NAME, f"{organisation[:40]} {what}"),
        ]
    )


def _usage(is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
