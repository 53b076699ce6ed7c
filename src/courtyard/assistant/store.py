"""The assistant's SQL: rows in and nouns out."""

from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, and_, delete, exists, func, insert, literal, or_, select, update

from courtyard.assistant.model import Conversation, ConversationId, Grounding, Message, Speaker, State
from courtyard.assistant.tables import conversations as _conversations
from courtyard.assistant.tables import messages as _messages
from courtyard.core.amount import Amount, Unit
from courtyard.core.chat import Finish
from courtyard.core.ids import ModelName, OrganisationId, PersonId, RequestId
from courtyard.core.usage import Usage
from courtyard.ledger import Outcome

_names = msgspec.json.Decoder(tuple[str, ...]).decode
_grounding = msgspec.json.Decoder(Grounding).decode


def read_conversation(
    db: Connection, id: ConversationId, person: PersonId, *, to_change: bool = False
) -> Conversation | None:
    """Read a person's conversation; one of somebody else's is as one that is not there."""
    if not (id.isascii() and id.isprintable()):
        return None  # No id is like that, and databases don't take every text.
    mine = select(_conversations).where(_conversations.c.id == id, _conversations.c.person == person)
    row = db.execute(mine.with_for_update() if to_change else mine).one_or_none()
    return None if row is None else _conversation(row)


def read_shared(db: Connection, share: str, organisation: OrganisationId) -> Conversation | None:
    """Read a conversation by the end of its link; only people of its organisation find it."""
    if not (share and share.isascii() and share.isprintable()):
        return None
    shared = _conversations.c.share == share, _conversations.c.organisation == organisation
    row = db.execute(select(_conversations).where(*shared)).one_or_none()
    return None if row is None else _conversation(row)


def read_conversations(
    db: Connection, person: PersonId, *, search: str, before: tuple[int, str] | None, limit: int
) -> list[Conversation]:
    """Read a person's conversations, the latest first, with `search` in the title or in what was said."""
    columns = _conversations.c
    wanted: list[ColumnElement[bool]] = [columns.person == person]
    if search:
        said = exists().where(
            _messages.c.conversation == columns.id, _messages.c.text.icontains(search, autoescape=True)
        )
        wanted.append(or_(columns.title.icontains(search, autoescape=True), said))
    if before is not None:
        updated_ms, id = before
        wanted.append(or_(columns.updated_ms < updated_ms, and_(columns.updated_ms == updated_ms, columns.id < id)))
    latest = select(_conversations).where(*wanted).order_by(columns.updated_ms.desc(), columns.id.desc())
    return [_conversation(row) for row in db.execute(latest.limit(limit))]


def count_conversations(db: Connection, person: PersonId) -> int:
    return db.scalar(select(func.count()).where(_conversations.c.person == person)) or 0


def write_conversation(db: Connection, conversation: Conversation) -> None:
    db.execute(
        insert(_conversations).values(
            id=conversation.id,
            person=conversation.person,
            organisation=conversation.organisation,
            title=conversation.title,
            model=conversation.model,
            knowledge=_listed(conversation.knowledge),
            created_ms=conversation.created_ms,
            updated_ms=conversation.updated_ms,
        )
    )


def set_title(db: Connection, id: ConversationId, title: str) -> None:
    db.execute(update(_conversations).where(_conversations.c.id == id).values(title=title))


def set_knowledge(db: Connection, id: ConversationId, knowledge: tuple[str, ...]) -> None:
    db.execute(update(_conversations).where(_conversations.c.id == id).values(knowledge=_listed(knowledge)))


def set_share(db: Connection, id: ConversationId, share: str) -> None:
    db.execute(update(_conversations).where(_conversations.c.id == id).values(share=share or None))


def delete_conversation(db: Connection, id: ConversationId) -> None:
    db.execute(delete(_messages).where(_messages.c.conversation == id))
    db.execute(delete(_conversations).where(_conversations.c.id == id))


def delete_conversations(db: Connection, person: PersonId) -> int:
    """Delete everything a person said and was told, and say how many conversations that were."""
    theirs = select(_conversations.c.id).where(_conversations.c.person == person)
    db.execute(delete(_messages).where(_messages.c.conversation.in_(theirs)))
    return db.execute(delete(_conversations).where(_conversations.c.person == person)).rowcount


def read_all_conversations(db: Connection, person: PersonId) -> list[Conversation]:
    """Read all that a person keeps, oldest first."""
    theirs = select(_conversations).where(_conversations.c.person == person)
    return [_conversation(row) for row in db.execute(theirs.order_by(_conversations.c.created_ms, _conversations.c.id))]


def read_owners(db: Connection, organisation: str, *, before_ms: int) -> list[PersonId]:
    """Read who has conversations of an organisation that nothing was said in since then."""
    owners = select(_conversations.c.person).where(*_older(organisation, before_ms)).distinct()
    return [PersonId(row.person) for row in db.execute(owners.order_by(_conversations.c.person))]


def count_older(db: Connection, organisation: str, *, before_ms: int) -> int:
    """Count an organisation's conversations that nothing was said in since then."""
    older = select(func.count()).select_from(_conversations).where(*_older(organisation, before_ms))
    return db.scalar(older) or 0


def delete_older(db: Connection, person: PersonId, *, before_ms: int) -> int:
    """Delete a person's conversations that nothing was said in since then, and say how many that were."""
    old = _conversations.c.person == person, _conversations.c.updated_ms < before_ms
    db.execute(delete(_messages).where(_messages.c.conversation.in_(select(_conversations.c.id).where(*old))))
    return db.execute(delete(_conversations).where(*old)).rowcount


def hold(
    db: Connection, id: ConversationId, holder: RequestId, *, model: ModelName, now_ms: int, until_ms: int
) -> None:
    """Give the conversation to one answer."""
    held = {"holder": holder, "answering_until_ms": until_ms, "model": model, "updated_ms": now_ms}
    db.execute(update(_conversations).where(_conversations.c.id == id).values(held))


def renew(db: Connection, id: ConversationId, holder: RequestId, *, until_ms: int) -> None:
    """Let the answer that holds the conversation hold it for longer."""
    held = _conversations.c.id == id, _conversations.c.holder == holder
    db.execute(update(_conversations).where(*held).values(answering_until_ms=until_ms))


def release(db: Connection, id: ConversationId, holder: RequestId, *, now_ms: int) -> bool:
    """Take the conversation back, and say whether the answer still held it."""
    held = _conversations.c.id == id, _conversations.c.holder == holder
    free = {"holder": None, "answering_until_ms": 0, "updated_ms": now_ms}
    return db.execute(update(_conversations).where(*held).values(free)).rowcount == 1


def read_messages(db: Connection, id: ConversationId, *, limit: int, until: int | None = None) -> list[Message]:
    """Read the newest messages in their order, of each answer the variant that was chosen."""
    other = _messages.alias()
    same = other.c.conversation == _messages.c.conversation, other.c.number == _messages.c.number
    variants = select(func.count()).select_from(other).where(*same).scalar_subquery()
    chosen = [_messages.c.conversation == id, _messages.c.chosen]
    if until is not None:
        chosen.append(_messages.c.number <= until)
    newest = select(_messages, variants.label("variants")).where(*chosen).order_by(_messages.c.number.desc())
    rows = db.execute(newest.limit(limit)).all()
    return [_message(row) for row in reversed(rows)]


def read_all_messages(db: Connection, id: ConversationId) -> list[Message]:
    """Read everything that was said, every variant of an answer too."""
    said = select(_messages, literal(1).label("variants")).where(_messages.c.conversation == id)
    return [_message(row) for row in db.execute(said.order_by(_messages.c.number, _messages.c.variant))]


def write_message(db: Connection, message: Message) -> None:
    """Write a message; of the variants of its number it is the one that counts."""
    unchoose(db, message.conversation, message.number)
    db.execute(
        insert(_messages).values(
            conversation=message.conversation,
            number=message.number,
            variant=message.variant,
            chosen=True,
            role=message.role.value,
            text=message.text,
            reasoning=message.reasoning,
            at_ms=message.at_ms,
            model=message.model,
            engine=message.engine,
            region=message.region,
            input=message.usage.input,
            cached_input=message.usage.cached_input,
            output=message.usage.output,
            reasoned=message.usage.reasoning,
            cost=message.cost.count if message.cost else None,
            unit=message.cost.unit if message.cost else None,
            receipt=message.receipt,
            outcome=message.outcome.value if message.outcome else None,
            finish=message.finish.value if message.finish else None,
            grounding=msgspec.json.encode(message.grounding).decode() if message.grounding else None,
            state=message.state.value,
            error=message.error,
            reason=message.reason,
        )
    )


def delete_from(db: Connection, id: ConversationId, number: int) -> None:
    """Delete what was said from a message on."""
    db.execute(delete(_messages).where(_messages.c.conversation == id, _messages.c.number >= number))


def delete_failures(db: Connection, id: ConversationId, number: int) -> None:
    """Delete the variants of an answer in which nothing was said."""
    nothing = _messages.c.text == "", _messages.c.reasoning == "", _messages.c.state != State.COMPLETE.value
    db.execute(delete(_messages).where(_messages.c.conversation == id, _messages.c.number == number, *nothing))


def last_variant(db: Connection, id: ConversationId, number: int) -> int:
    """Return the number of an answer's last variant, or 0 where there is none."""
    these = _messages.c.conversation == id, _messages.c.number == number
    return db.scalar(select(func.max(_messages.c.variant)).where(*these)) or 0


def choose(db: Connection, id: ConversationId, number: int, variant: int) -> bool:
    """Make one variant the one that counts, and say whether there is such a one."""
    unchoose(db, id, number)
    this = _messages.c.conversation == id, _messages.c.number == number, _messages.c.variant == variant
    return db.execute(update(_messages).where(*this).values(chosen=True)).rowcount == 1


def unchoose(db: Connection, id: ConversationId, number: int) -> None:
    these = _messages.c.conversation == id, _messages.c.number == number, _messages.c.chosen
    db.execute(update(_messages).where(*these).values(chosen=False))


def _listed(names: tuple[str, ...]) -> str:
    return msgspec.json.encode(names).decode()


def _older(organisation: str, before_ms: int) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return _conversations.c.organisation == organisation, _conversations.c.updated_ms < before_ms


def _conversation(row: Row[Any]) -> Conversation:
    return Conversation(
        id=row.id,
        person=row.person,
        organisation=row.organisation,
        title=row.title,
        model=row.model,
        knowledge=_names(row.knowledge),
        share=row.share or "",
        created_ms=row.created_ms,
        updated_ms=row.updated_ms,
        answering_until_ms=row.answering_until_ms,
    )


def _message(row: Row[Any]) -> Message:
    return Message(
        conversation=row.conversation,
        number=row.number,
        variant=row.variant,
        variants=row.variants,
        role=Speaker(row.role),
        text=row.text,
        reasoning=row.reasoning,
        at_ms=row.at_ms,
        model=row.model,
        engine=row.engine,
        region=row.region,
        usage=Usage(input=row.input, cached_input=row.cached_input, output=row.output, reasoning=row.reasoned),
        cost=None if row.cost is None else Amount(row.cost, Unit(row.unit)),
        receipt=row.receipt,
        outcome=None if row.outcome is None else Outcome(row.outcome),
        finish=None if row.finish is None else Finish(row.finish),
        grounding=None if row.grounding is None else _grounding(row.grounding),
        state=State(row.state),
        error=row.error,
        reason=row.reason,
    )
