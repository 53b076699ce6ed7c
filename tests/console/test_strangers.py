"""Whoever has no business with an organisation's money learns nothing of it, at whichever address, by whichever id."""

import re
from collections.abc import Iterator

from courtyard.billing import FORMATS
from courtyard.core.amount import NANO
from courtyard.core.ids import PersonId
from courtyard.core.principal import Role
from courtyard.core.usage import Usage
from courtyard.ledger import Period
from courtyard.licensing import Plan, SeatTerms
from tests.console.house import USD, House, Visitor
from tests.console.test_operate import _handlers

_QUERIES = ("", "?organisation={organisation}", "?project={project}", "?key={key}&person={person}", "?before={invoice}")
_ODD = ("..%2f..%2fetc%2fpasswd", "%00", "9" * 400)
_OF_MONEY = ("/usage", "/api/console/usage", "/receipts", "/billing", "/keys", "/models")
"""The operator's own pages let nobody else in, whatever is asked: see `test_operate.py`."""
_FORMS = (*FORMATS, "receipts", "..%2fx")


def _strangers(house: House) -> dict[str, Visitor]:
    """An administrator and a member of another organisation, and a member of the same one."""
    elsewhere = house.identity.add_organisation("Elsewhere").id
    return {
        "their administrator": house.signed_in(house.person("eve@example.org", Role.ADMIN, organisation=elsewhere)),
        "their member": house.signed_in(house.person("mallory@example.org", Role.MEMBER, organisation=elsewhere)),
        "our member": house.signed_in(house.person("carol@example.org", Role.MEMBER)),
    }


def test_no_address_tells_a_stranger_anything(house: House) -> None:
    """Every page and file, with every id of ours put wherever an id or a filter goes."""
    ours = house.setup.organisation.id
    ann = house.person("ann@example.org", Role.ADMIN)
    house.licensing.add_plan(
        Plan(name="goldplan", currency="USD", fee_nano=49 * NANO, seats=SeatTerms(max=3), credit_line_nano=NANO)
    )
    house.licensing.sign(ours, "goldplan")
    house.licensing.assign(ours, PersonId(ann.id))
    house.ledger.set_limit(ours, unit=USD, period=Period.MONTH, count=NANO, name="goldlimit")
    key = house.identity.create_key(house.setup.project.id, name="goldkey", person=ann.id).key.id
    receipt = house.use(usage=Usage(input=1_000_000), key=key, person=ann.id).id
    house.clock.advance(31 * 24 * 3600)
    (invoice,) = house.billing.issue(ours, "2026-01")
    known = {
        "organisation": ours,
        "project": house.setup.project.id,
        "key": key,
        "person": ann.id,
        "invoice": invoice.number,
        "receipt": receipt,
    }
    secrets = ("goldplan", "goldlimit", "goldkey", invoice.proof.root, receipt, "ann@example.org")
    told, pages = [], _pages(house)
    for name, visitor in _strangers(house).items():
        for address in _addresses(house, tuple(known.values())):
            for query in _QUERIES if address in pages else ("",):
                asked = address + query.format(**known)
                answer = visitor.get(asked)
                found = [secret for secret in secrets if secret in answer.text and secret not in asked]
                if found or answer.status_code >= 500:
                    told.append((name, asked, answer.status_code, found))

    assert told == []


def _addresses(house: House, ids: tuple[str, ...]) -> Iterator[str]:
    """Put every id wherever an address takes one, and every form wherever it takes two."""
    for method, path in _handlers(house):
        fields = re.findall(r"\{[^}]+\}", path)
        if method != "GET" or not path.startswith(_OF_MONEY):
            continue
        if len(fields) == 0:
            yield path
        for value in (*ids, *_ODD) if fields else ():
            for form in _FORMS if len(fields) > 1 else ("",):
                yield path.replace(fields[0], value).replace(fields[-1], form)


def _pages(house: House) -> set[str]:
    """Find the addresses that take no id, and so may take filters."""
    return {path for _, path in _handlers(house) if "{" not in path}
