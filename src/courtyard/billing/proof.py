"""Signs documents with the operator's key, and checks that what was issued is as it was signed."""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from msgspec.structs import replace

from courtyard.billing import rules
from courtyard.billing.model import Invoice


def sign(invoice: Invoice, key: Ed25519PrivateKey) -> Invoice:
    """Put the operator's signature on a document, over all else that it says."""
    named = replace(invoice.proof, public_key=key.public_key().public_bytes_raw().hex(), signature="")
    invoice = replace(invoice, proof=named)
    return replace(invoice, proof=replace(named, signature=key.sign(rules.signed_bytes(invoice)).hex()))


def is_signed(invoice: Invoice, key: Ed25519PublicKey) -> bool:
    """Whether a document is as the operator signed it."""
    try:
        key.verify(bytes.fromhex(invoice.proof.signature), rules.signed_bytes(invoice))
    except (InvalidSignature, ValueError):
        return False
    return invoice.proof.public_key == key.public_bytes_raw().hex()


def pem(key: Ed25519PublicKey) -> str:
    """Write a public key as customers keep it: `operator.pub`."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
