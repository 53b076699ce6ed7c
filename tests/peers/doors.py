"""Every door of the house, with the least that can be asked at it, and somebody who asks there."""

from typing import Any

from courtyard.core.amount import Unit, money
from courtyard.core.ids import AccountId, ModelName, RequestId
from courtyard.ledger import Period, Receipt
from tests.walk.housed import Housed
from tests.walk.wire import Answer, wired

USD = money("USD")
_WORDS = "one two three four five"
_HELLO = [{"role": "user", "content": _WORDS}]
BODIES: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {"messages": _HELLO, "max_tokens": 40},
    "/v1/completions": {"prompt": _WORDS, "max_tokens": 40},
    "/v1/responses": {"input": _WORDS, "max_output_tokens": 40},
    "/v1/messages": {"messages": _HELLO, "max_tokens": 40},
    "/v1/embeddings": {"input": _WORDS},
}
STREAMED = tuple(path for path in BODIES if path != "/v1/embeddings")
DOORS = tuple((path, False) for path in BODIES) + tuple((path, True) for path in STREAMED)
"""Each door, and whether it is asked for a stream."""


class Asker:
    """A key of its own, asking at any door."""

    def __init__(self, house: Housed, *, models: list[str] | None = None) -> None:
        self._rooms = house.server.house
        named = [ModelName(model) for model in models] if models else None
        made = self._rooms.identity.create_key(self._rooms.identity.projects()[0].id, name="peer", models=named)
        self.id = made.key.id
        self.api_key = made.secret
        self.address = house.address

    def limited(self, count: int, unit: Unit = USD) -> "Asker":
        """Bound what it may use for good."""
        self._rooms.ledger.set_limit(self.id, unit=unit, period=Period.FOREVER, count=count)
        return self

    def ask(self, path: str, *, stream: bool = False, model: str = "echo", **more: Any) -> Answer:
        """Ask at a door, and read the answer to its end."""
        with wired(self) as wire:
            return wire.ask(path, BODIES[path] | {"model": model} | ({"stream": True} if stream else {}) | more)

    def pay(self, path: str, **asked: Any) -> Receipt:
        """Ask at a door, and return the receipt of the answer."""
        answer = self.ask(path, **asked)
        assert answer.status == 200, answer.body
        return self._rooms.ledger.receipt(RequestId(answer.headers["x-courtyard-request"]))

    @property
    def left(self) -> int:
        """What the serving node has of its one account and is not held by any request."""
        return self._rooms.ledger.available(self._account)

    @property
    def spent(self) -> int:
        """What its one account was charged."""
        balance = self._rooms.ledger.balances([self._account])[0]
        assert balance.granted == balance.available + balance.leased + balance.spent
        assert balance.available >= 0
        return balance.spent

    @property
    def _account(self) -> AccountId:
        (account,) = [account for account in self._rooms.ledger.accounts() if account.owner == self.id]
        return account.id
