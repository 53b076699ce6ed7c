"""What packs ask: the points that the law names and no system can answer."""

from courtyard.assurance.model import Kind, Question


def _of(*rows: tuple[str, str, str]) -> tuple[Question, ...]:
    return tuple(Question(id=id, article=article, text=text) for id, article, text in rows)


QUESTIONS: dict[Kind, tuple[Question, ...]] = {
    Kind.PROCESSING: _of(
        ("people", "GDPR 30(1)(c)", "Whose data is it? Name the groups of people."),
        ("security", "GDPR 30(1)(g), 32; PIPL 51", "Which measures protect it, besides those that the system lists?"),
    ),
    Kind.IMPACT: _of(
        ("description", "GDPR 35(7)(a)", "What is done with the data, and what for?"),
        ("lawful", "PIPL 56(1); GDPR 35(7)(a)", "Are the purpose and the means lawful, legitimate and necessary? Why?"),
        ("proportion", "GDPR 35(7)(b)", "Why is less data, or another means, not enough?"),
        ("rights", "PIPL 56(2); GDPR 35(7)(c)", "How does it touch people's rights and interests?"),
        ("risks", "PIPL 56(2); GDPR 35(7)(c)", "What can go wrong, how likely is it, and how bad?"),
        ("measures", "PIPL 56(3); GDPR 35(7)(d)", "Which measures answer these risks? Are they lawful and effective?"),
        ("advice", "GDPR 35(2), 35(9)", "What did the data protection officer and the people concerned say?"),
    ),
    Kind.TRANSFER: _of(
        ("necessity", "PIPL 38; GDPR 44", "Why must the data leave, and why is home not enough?"),
        ("ground", "PIPL 38(1)-(4); GDPR 45, 46, 49", "On which ground does it leave?"),
        (
            "recipient_law",
            "GDPR 46(1)",
            "Can the recipient keep its promises under its own law? How was that found?",
        ),
        ("notice", "PIPL 39", "How were people told of the recipient, and how did they consent?"),
    ),
    Kind.SAFETY: (),
    Kind.LABELS: (),
    Kind.INCIDENTS: (),
}
