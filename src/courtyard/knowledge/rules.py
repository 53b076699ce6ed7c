"""What an engine is shown. Nothing else makes a `Prompt`, so nothing ungrounded or unadmitted reaches an engine."""

from courtyard.core.admission import Admission
from courtyard.core.chat import Prompt


def ground(admission: Admission, *, tokens_max: int | None) -> Prompt:
    """Make the prompt of an admitted request; a choice may have `tokens_max` tokens, which the hold covers."""
    return Prompt(request=admission.request, content=admission.request.content, tokens_max=tokens_max)
