"""What every way of paying promises, for each one that is registered."""

from typing import Any, cast

import pytest

from courtyard import plugins
from courtyard.billing import Payments, PaymentsSettings
from courtyard.core.clock import FrozenClock
from courtyard.core.errors import NotAuthenticated
from courtyard.storage import Database

WAYS = plugins.load("payments")
OPTIONS = {"stripe": {"secret_key": "sk_secret", "webhook_secret": "whsec_secret"}}
"""What those that need something are made with."""
SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@SQLITE
@pytest.mark.parametrize("name", sorted(WAYS))
@pytest.mark.parametrize("headers", [{}, {"stripe-signature": "t=1,v1=00"}, {"authorization": "Bearer x"}])
def test_a_message_that_nobody_signed_is_refused(
    database: Database, clock: FrozenClock, name: str, headers: dict[str, str]
) -> None:
    """Before it is read: whatever it says, nothing is booked."""
    settings = PaymentsSettings(providers=(name,), options=OPTIONS)
    payments = Payments(database, clock, cast("Any", None), settings)

    for body in (b"", b"{}", b"\xff", b'{"id": "evt_1", "type": "checkout.session.completed"}'):
        with pytest.raises(NotAuthenticated):
            payments.receive(name, headers, body)
    assert payments.entries() == ()
    assert "secret" not in repr(payments._providers[name])
