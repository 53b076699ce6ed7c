"""The operator's answers, as a YAML file."""

from courtyard import strict_yaml
from courtyard.assurance.model import Answers, Kind
from courtyard.assurance.questions import QUESTIONS


def read_answers(text: str) -> Answers:
    """Read a form that was filled in.

    Raises:
        InvalidRequest: it is none; the line is named.
    """
    fields = strict_yaml.read(text).fields("controller", "contact", "answers")
    answers = fields["answers"].fields() if "answers" in fields else {}
    return Answers(
        controller=fields["controller"].text() if "controller" in fields else "",
        contact=fields["contact"].text() if "contact" in fields else "",
        answers={name: field.text().strip() for name, field in answers.items()},
    )


def form(kind: Kind) -> str:
    """Write the form of a pack: what its operator has to say."""
    lines = ["# Who decides over the processing, and whom to ask there.", "controller:", "contact:"]
    if QUESTIONS[kind]:
        lines += ["", "answers:"]
    for question in QUESTIONS[kind]:
        lines += [f"  # {question.text} ({question.article})", f"  {question.id}:"]
    return "\n".join(lines) + "\n"
