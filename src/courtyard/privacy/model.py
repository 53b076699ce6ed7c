"""What is found in a text, and the kinds there are of it."""

from collections.abc import Sequence
from typing import ClassVar, Protocol, runtime_checkable

import msgspec


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of personal data, or of secret."""

    name: str
    sensitive: bool = False
    """Whether its leak alone can harm a person: PIPL article 28 with GB/T 45574-2025 (identity numbers, financial
    accounts, health), GDPR article 9, and secrets that open something."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of a text that is personal data or a secret. It says where, and never what."""

    kind: str
    start: int
    end: int
    """Code points of the text as it came: `text[start:end]` is the piece."""
    score: float
    """How sure the detector is, from 0 to 1."""
    sensitive: bool
    source: str
    """Which detector found it."""


class Detector(Protocol):
    """What a plugin of `courtyard.detectors` is: made without arguments, in the detectors' own process.

    It loads what it needs when it is made, so that a model that is not there stops the first request that needs it.
    """

    name: ClassVar[str]
    kinds: ClassVar[frozenset[str]]
    """What it can find: what is asked for and stands in no detector's kinds is an error at load."""

    def find(self, text: str) -> Sequence[Finding]:
        """Return what is found in a normalised text of at most `TEXT_MAX` code points, in any order.

        An exception refuses the request: what was not looked through does not pass.
        """
        ...


@runtime_checkable
class BatchDetector(Detector, Protocol):
    """A detector that is quicker with many texts at once."""

    def find_each(self, texts: Sequence[str]) -> Sequence[Sequence[Finding]]:
        """Return for each text what `find` would."""
        ...


TEXT_MAX = 2_000
"""The most code points a detector is handed at once: longer texts come in pieces that end between sentences."""

_PLAIN = (
    *("person", "place", "organisation", "address", "email", "phone", "ip", "mac", "imei", "plate", "url", "date"),
    *("birth_date", "postcode", "account", "cn_uscc", "br_cnpj"),
)
_SENSITIVE = (
    *("secret", "bank_card", "iban", "passport", "permit", "ssn", "us_licence", "ca_sin", "br_cpf"),
    *("cn_resident_id", "cn_social_security", "cn_military_id", "hk_id", "mo_id", "tw_id"),
    *("uk_nino", "uk_nhs", "de_tax_id", "de_id", "de_health", "fr_nir", "es_dni", "it_codice_fiscale", "pl_pesel"),
    *("nl_bsn", "ru_inn", "ru_snils", "in_aadhaar", "in_pan", "jp_my_number", "kr_rrn", "sg_nric", "my_nric", "id_nik"),
    *("th_id", "sa_id", "ae_id", "eg_id", "kw_id", "qa_id", "tn_id", "ma_id", "dz_id", "za_id", "ng_nin", "ng_bvn"),
    *("ke_id", "ke_pin", "gh_card", "tz_nida", "ug_nin", "rw_id", "et_fan", "zw_id"),
)
KINDS: dict[str, Kind] = {
    **{name: Kind(name=name) for name in _PLAIN},
    **{name: Kind(name=name, sensitive=True) for name in _SENSITIVE},
}
"""Kinds by name. A detector of somebody else's may bring others: those count as sensitive."""


def is_sensitive(kind: str) -> bool:
    """Whether a kind is sensitive; one that nobody describes here is taken to be."""
    return KINDS[kind].sensitive if kind in KINDS else True


class Name(msgspec.Struct, frozen=True, kw_only=True):
    """One of the names that somebody goes by here. It does not show itself."""

    kind: str
    """`person` or `key` of this house, `email`, or `subject`: an end user whom a caller named."""
    value: str

    def __repr__(self) -> str:
        return f"Name(kind={self.kind!r})"
