"""Bank transfers: the payer is told where to send money, and somebody records what the statement says."""

from collections.abc import Mapping

import msgspec

from courtyard.billing.payments.model import Asked, Asking, Forged, Happened
from courtyard.billing.rules import money_words


class BankTransfer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Asks with instructions, and gets no messages."""

    holder: str = ""
    iban: str = ""
    bic: str = ""

    def ask(self, asking: Asking) -> Asked:
        """Say where the money is to go, and which reference finds it again."""
        where = [
            f"{name}: {text}" for name, text in (("To", self.holder), ("IBAN", self.iban), ("BIC", self.bic)) if text
        ]
        amount = money_words(asking.minor, asking.currency)
        return Asked(
            reference=asking.id,
            instructions=(f"Transfer {amount}", *where, f"Reference: {asking.id} ({asking.title})"),
        )

    def read(self, headers: Mapping[str, str], body: bytes, *, now_ms: int) -> Happened:
        """Refuse: banks send no messages here."""
        raise Forged("bank transfers are recorded with `courtyard payments record`")
