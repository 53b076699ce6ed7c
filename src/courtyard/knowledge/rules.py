"""What an engine is shown. Nothing else makes a `Prompt`, so nothing ungrounded or unadmitted reaches an engine."""

from courtyard.core.admission import Admission
from courtyard.core.chat import Prompt


def ground(admission: Admission, *, tokens_max: int | None, sources: tuple[str, ...] = ()) -> Prompt:
    """Make the prompt of an admitted request; a choice may have `tokens_max` tokens, which the hold covers.

    `sources` are the passages that the request quotes already: it was admitted with them in it.
    """
    request = admission.request
    return Prompt(request=request, content=request.content, tokens_max=tokens_max, sources=sources)
