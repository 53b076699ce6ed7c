"""Every format is offered under one call, and use streams as CloudEvents."""

import json
import re
from collections.abc import Iterator

import msgspec
import pytest

from courtyard.billing import FORMATS, Invoice, exported
from courtyard.billing.documents import cloudevents
from courtyard.core.amount import Amount, money
from courtyard.core.chat import Kind
from courtyard.core.errors import InvalidRequest
from courtyard.core.ids import ModelName, NodeId, OrganisationId, ProjectId, Region, RequestId
from courtyard.core.usage import Usage
from courtyard.ledger import Outcome, Settled
from tests.billing.documents import made

_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def _settled(number: int) -> Settled:
    return Settled(
        id=RequestId(f"req_{number}"),
        organisation=OrganisationId("org_1"),
        project=ProjectId("prj_1"),
        kind=Kind.CHAT,
        model=ModelName("qwen2.5-coder-1.5b"),
        region=Region("eu-de"),
        usage=Usage(input=10 + number, cached_input=3, output=20, images=1),
        outcome=Outcome.COMPLETE,
        price_book="ab" * 32,
        node=NodeId("node_7"),
        at_ms=1_793_491_200_000 + number,
        cost=Amount(123_456_789, money("EUR")),
    )


def _line(number: int) -> str:
    """A receipt as `courtyard verify` reads it."""
    entry = msgspec.json.encode(_settled(number)).decode()
    return json.dumps({"line": 1, "leaf": number, "previous": "", "digest": f"{number:064x}", "entry": entry})


def test_each_receipt_is_one_cloudevent() -> None:
    """The envelope is CloudEvents 1.0's, source and id name the use, and the data are counts without content."""
    made_ = exported(made.document(), "cloudevents", receipts=[_line(1), _line(2)])
    events = [json.loads(line) for line in made_.whole().decode().splitlines()]

    assert [event["id"] for event in events] == ["req_1", "req_2"]
    for event in events:
        assert {key: event[key] for key in ("specversion", "source", "type", "subject", "datacontenttype")} == {
            "specversion": "1.0",
            "source": "/nodes/node_7",
            "type": "courtyard.usage",
            "subject": "org_1",
            "datacontenttype": "application/json",
        }
        assert _RFC_3339.fullmatch(event["time"])
        assert all(re.fullmatch("[a-z0-9]+", attribute) for attribute in event)
    data = events[0]["data"]
    assert (data["input"], data["cached_input"], data["output"], data["images"], data["tokens"]) == (11, 3, 20, 1, 34)
    assert (data["cost_nano"], data["currency"], data["model"]) == (123_456_789, "EUR", "qwen2.5-coder-1.5b")
    assert data["receipt"] == f"{1:064x}"


def test_events_stream() -> None:
    """The first event is there before the second receipt is read."""
    read = []

    def receipts() -> Iterator[str]:
        for number in (1, 2):
            read.append(number)
            yield _line(number)

    events = exported(made.document(), "cloudevents", receipts=receipts()).content
    assert read == []

    first = next(events)

    assert b'"req_1"' in first
    assert read == [1]


def test_use_that_is_not_invoiced_streams_too() -> None:
    """Uses come from receipts just as from an invoice's lines."""
    from_use = b"".join(cloudevents.events([(_settled(1), f"{1:064x}")]))

    assert from_use == exported(made.document(), "cloudevents", receipts=[_line(1)]).whole()


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_has_a_type_and_a_file_name(name: str) -> None:
    """What is saved under its name opens in the right program."""
    made_ = exported(made.document(), name, receipts=[_line(1)])

    assert made_.media_type == FORMATS[name].media_type
    assert made_.file_name == f"invoice-2026-000042{FORMATS[name].suffix}"
    assert made_.whole()


def test_json_is_the_document_that_was_signed() -> None:
    """Whoever reads it has every field, in the one form that the signature is over."""
    content = exported(made.document(), "json").whole()

    assert msgspec.json.decode(content, type=Invoice) == made.document()
    assert (
        content == json.dumps(json.loads(content), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    )


def test_a_draft_has_a_name_too() -> None:
    """Where there is no number, the file is named after the organisation."""
    assert exported(made.document(number=""), "csv").file_name == "invoice-draft-org-sample.csv"


def test_an_unknown_format_names_those_that_there_are() -> None:
    """The error says what to write instead."""
    with pytest.raises(InvalidRequest, match=r"no format 'docx': it is one of pdf, xml, csv, json, focus, cloudevents"):
        exported(made.document(), "docx")
