"""What answers a request that was sent again: the receipt of the first one, because its text is not kept."""

from typing import Literal

import msgspec

from courtyard.core.ids import RequestId
from courtyard.gateway.model import Told
from courtyard.gateway.wire.usage import OpenAIUsage
from courtyard.ledger import Outcome


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    """The same in every dialect, and told apart from an answer by its `object`."""

    object: Literal["courtyard.receipt"] = "courtyard.receipt"
    id: RequestId
    model: str
    outcome: Outcome
    usage: OpenAIUsage
    courtyard: Told
