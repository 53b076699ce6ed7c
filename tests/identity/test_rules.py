"""Who may do what, and what is a name, an address and a password."""

import itertools
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from courtyard.core.errors import InvalidRequest
from courtyard.core.ids import OrganisationId, PersonId, ProjectId, Region
from courtyard.core.principal import Principal, Role
from courtyard.identity import Action, grants, permits, rules

OURS, OTHERS = OrganisationId("org_ours"), OrganisationId("org_others")
SELF, COLLEAGUE = PersonId("person_self"), PersonId("person_colleague")

HOUSE = "house"
ORGANISATION = "organisation"
OWN = "own"
NONE = "none"

TABLE = {
    #                             operator, admin,        member,       auditor,      approver
    Action.USE_MODELS:           (HOUSE,    ORGANISATION, ORGANISATION, NONE,         NONE,         NONE),
    Action.READ_KEYS:            (HOUSE,    ORGANISATION, OWN,          ORGANISATION, ORGANISATION),
    Action.MANAGE_KEYS:          (HOUSE,    ORGANISATION, OWN,          NONE,         NONE),
    Action.READ_USAGE:           (HOUSE,    ORGANISATION, OWN,          ORGANISATION, ORGANISATION),
    Action.READ_PROJECTS:        (HOUSE,    ORGANISATION, ORGANISATION, ORGANISATION, ORGANISATION, ORGANISATION),
    Action.MANAGE_PROJECTS:      (HOUSE,    ORGANISATION, NONE,         NONE,         NONE),
    Action.READ_PEOPLE:          (HOUSE,    ORGANISATION, OWN,          ORGANISATION, ORGANISATION),
    Action.MANAGE_PEOPLE:        (HOUSE,    ORGANISATION, NONE,         NONE,         NONE),
    Action.READ_ORGANISATIONS:   (HOUSE,    ORGANISATION, ORGANISATION, ORGANISATION, ORGANISATION, ORGANISATION),
    Action.MANAGE_ORGANISATIONS: (HOUSE,    NONE,         NONE,         NONE,         NONE),
    Action.READ_EVIDENCE:        (HOUSE,    ORGANISATION, NONE,         ORGANISATION, ORGANISATION),
    Action.MANAGE_MODELS:        (HOUSE,    NONE,         NONE,         NONE,         NONE),
    Action.MANAGE_ACCOUNTS:      (HOUSE,    NONE,         NONE,         NONE,         NONE),
    Action.READ_WALL:            (HOUSE,    ORGANISATION, NONE,         ORGANISATION, ORGANISATION),
    Action.MANAGE_WALL:          (HOUSE,    NONE,         NONE,         NONE,         NONE),
    Action.APPROVE:              (HOUSE,    NONE,         NONE,         NONE,         ORGANISATION),
}  # fmt: skip

ROLES = (Role.OPERATOR, Role.ADMIN, Role.MEMBER, Role.AUDITOR, Role.APPROVER)
GRANTED = {
    Role.OPERATOR: set(Role),
    Role.ADMIN: {Role.ADMIN, Role.MEMBER, Role.AUDITOR},
    Role.MEMBER: {Role.MEMBER},
    Role.AUDITOR: set(),
    Role.APPROVER: set(),
}


def principal(role: Role, *, person: PersonId | None = SELF) -> Principal:
    return Principal(
        organisation=OURS, project=ProjectId("proj_1"), person=person, role=role, home=frozenset({Region("home")})
    )


def test_the_table_is_whole() -> None:
    """Every action and every role stands in it."""
    assert set(TABLE) == set(Action)
    assert set(ROLES) == set(GRANTED) == set(Role)


@pytest.mark.parametrize(("action", "role"), list(itertools.product(Action, Role)))
def test_roles_may_what_the_table_says(action: Action, role: Role) -> None:
    """One's own, a colleague's, the organisation's and another organisation's things, for each action and role."""
    reach = TABLE[action][ROLES.index(role)]
    asked = principal(role)

    assert permits(asked, action, organisation=OURS, person=SELF) is (reach != NONE)
    assert permits(asked, action, organisation=OURS, person=COLLEAGUE) is (reach in (ORGANISATION, HOUSE))
    assert permits(asked, action, organisation=OURS) is (reach in (ORGANISATION, HOUSE))
    assert permits(asked, action, organisation=OTHERS, person=SELF) is (reach == HOUSE)
    assert permits(asked, action, organisation=OTHERS) is (reach == HOUSE)


@pytest.mark.parametrize("action", list(Action))
def test_a_key_of_nobody_owns_nothing(action: Action) -> None:
    """A key without a person is not taken for the owner of things without one."""
    reach = TABLE[action][ROLES.index(Role.MEMBER)]

    assert permits(principal(Role.MEMBER, person=None), action, organisation=OURS) is (reach == ORGANISATION)


@pytest.mark.parametrize(("role", "given_role"), list(itertools.product(Role, Role)))
def test_roles_give_what_the_table_says(role: Role, given_role: Role) -> None:
    """And nobody gives a role that may do what their own may not."""
    assert grants(role, given_role) is (given_role in GRANTED[role])
    if grants(role, given_role):
        assert rules.covers(role, given_role)


@pytest.mark.parametrize(("role", "owner"), list(itertools.product(Role, Role)))
def test_a_capped_role_is_within_both(role: Role, owner: Role) -> None:
    """A key may do nothing that its own role or its owner's may not."""
    capped = rules.lesser(role, owner)

    assert capped is None or (rules.covers(role, capped) and rules.covers(owner, capped))
    assert rules.lesser(role, role) is role
    assert capped is rules.lesser(owner, role)


@given(st.text(max_size=300))
def test_a_clean_name_is_clean(text: str) -> None:
    """It fits, can be seen, stands in one line, and cleaning it again changes nothing."""
    try:
        cleaned = rules.clean_name(text, of="a thing")
    except InvalidRequest:
        return

    assert 0 < len(cleaned) <= rules.NAME_LENGTH_MAX
    assert cleaned == cleaned.strip() == " ".join(cleaned.split())
    assert not any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in cleaned)
    assert rules.clean_name(cleaned, of="a thing") == cleaned


@given(st.one_of(st.emails(), st.text(max_size=300), st.builds("{}@{}".format, st.text(), st.text())))
def test_a_clean_address_is_clean(text: str) -> None:
    """It has one spelling, in which it is kept and found, and nothing in it ends a header."""
    try:
        cleaned = rules.clean_email(text)
    except InvalidRequest:
        return

    assert rules.clean_email(cleaned) == cleaned == rules.spelled_email(text)
    assert cleaned.count("@") == 1
    assert not cleaned.startswith("@")
    assert not cleaned.endswith("@")
    assert cleaned.isprintable()
    assert " " not in cleaned


@given(st.emails())
def test_case_and_space_do_not_matter_in_addresses(email: str) -> None:
    """What people type around and inside an address is the same address."""
    assert rules.clean_email(f"  {email.upper()}\n") == rules.clean_email(email)


@pytest.mark.parametrize("email", ["", "ada", "@example.org", "ada@", "a@b@c", "a b@c", "a\n@b", "x" * 250 + "@b.org"])
def test_what_is_no_address_is_refused(email: str) -> None:
    """Each of these."""
    with pytest.raises(InvalidRequest, match="e-mail address"):
        rules.clean_email(email)


@given(st.text(min_size=12, max_size=200))
def test_a_password_is_the_same_however_it_is_composed(password: str) -> None:
    """What is set on one keyboard is typed on another."""
    try:
        cleaned = rules.clean_password(password, length_min=1)
    except InvalidRequest:
        return

    assert rules.spelled(unicodedata.normalize("NFD", password)) == cleaned == rules.spelled(cleaned)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unix:/run/socket", "unix:/run/socket"),
    ],
)
def test_an_address_is_counted_as_what_one_subscriber_has(address: str, network: str) -> None:
    """An IPv6 network has more addresses than anybody could count."""
    assert rules.network(address) == network
