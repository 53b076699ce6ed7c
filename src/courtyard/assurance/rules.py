"""What each pack says, from what a house knows: facts in, a report out."""

from collections.abc import Mapping, Sequence
from typing import Any

from courtyard.assurance.model import Answers, Asked, Kind, Question
from courtyard.core.errors import InvalidRequest

DAY_MS = 24 * 3600 * 1000
NOTICE = "Drawn from what this installation recorded and what its operator said. It is no legal advice."
KEPT_DAYS = "retention_days_assessments"
"""The figure of a policy pack that says how long assessments are kept: PIPL article 56 wants three years."""

_TITLES = {
    Kind.PROCESSING: "Record of processing",
    Kind.IMPACT: "Impact assessment",
    Kind.TRANSFER: "Transfer assessment",
    Kind.SAFETY: "Safety test report",
    Kind.LABELS: "Labelling report",
    Kind.INCIDENTS: "Incident report",
}
_LAW = {
    Kind.PROCESSING: ("GDPR article 30", "PIPL articles 51, 54 and 56"),
    Kind.IMPACT: ("GDPR article 35", "PIPL articles 55 and 56"),
    Kind.TRANSFER: ("GDPR articles 44 to 49", "PIPL articles 38 to 40 and 55(4)"),
    Kind.SAFETY: ("GB/T 45654-2025",),
    Kind.LABELS: ("AI Act article 50", "Labelling Measures", "GB 45438-2025"),
    Kind.INCIDENTS: ("GDPR articles 33 and 34", "PIPL article 57"),
}
_FIGURES = {
    Kind.PROCESSING: ("retention_days_",),
    Kind.IMPACT: ("retention_days_assessments", "guardian_age"),
    Kind.TRANSFER: ("export_", "foreign_purposes", "restricted_recipients"),
    Kind.SAFETY: ("refusal_", "content_", "bank_"),
    Kind.LABELS: ("labels_", "retention_days_unlabelled"),
    Kind.INCIDENTS: ("breach_hours_",),
}
"""How the names of the figures begin that a pack states."""


def title_of(kind: Kind) -> str:
    """Name a pack."""
    return _TITLES[kind]


def check_answers(questions: Sequence[Question], answers: Answers) -> None:
    """See that every question is answered, and no other.

    Raises:
        InvalidRequest: one is not, or somebody answers what nobody asks.
    """
    known = {question.id for question in questions}
    if stray := sorted(answers.answers.keys() - known):
        raise InvalidRequest(f"nobody asks {', '.join(stray)} here; `courtyard assurance form` writes what is asked")
    missing = [question.id for question in questions if not answers.answers.get(question.id, "").strip()]
    if questions and not answers.controller.strip():
        missing.insert(0, "controller")
    if missing:
        raise InvalidRequest(
            f"not answered: {', '.join(missing)}; `courtyard assurance form` writes a form, and --answers reads it"
        )


def keep_until(figures: Sequence[Mapping[str, Any]], made_at_ms: int) -> int | None:
    """Say until when a pack has to be kept, by the policy pack in force; nothing where it has no such figure."""
    days = next((figure["value"] for figure in figures if figure["name"] == KEPT_DAYS), None)
    return made_at_ms + days * DAY_MS if isinstance(days, int) else None


def report(
    asked: Asked, facts: Mapping[str, Any], *, questions: Sequence[Question], policy: str, figures: Sequence[Any]
) -> dict[str, Any]:
    """Say what a pack says, for machines; a fact that nobody could tell is `null`."""
    stated = [figure for figure in figures if figure["name"].startswith(_FIGURES[asked.kind])]
    return {
        "kind": str(asked.kind),
        "title": title_of(asked.kind),
        "law": list(_LAW[asked.kind]),
        "notice": NOTICE,
        "controller": asked.answers.controller,
        "contact": asked.answers.contact,
        "policy_pack": policy,
        "figures": stated,
        "answers": [
            {
                "id": question.id,
                "question": question.text,
                "article": question.article,
                "answer": asked.answers.answers[question.id],
            }
            for question in questions
        ],
        "facts": dict(facts),
    }
