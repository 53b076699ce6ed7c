"""Organisations, projects and people: set up once, named once, and never without an operator."""

import pytest

from courtyard.core.clock import FrozenClock
from courtyard.core.errors import Conflict, InvalidRequest, NotAuthenticated, NotFound
from courtyard.core.ids import OrganisationId, PersonId, ProjectId, Region
from courtyard.core.principal import Role
from courtyard.identity import Identity, Setup
from courtyard.storage import Database, Revisions
from tests.identity.conftest import Beside
from tests.identity.threads import race


def test_an_installation_begins_with_somebody(identity: Identity) -> None:
    """The first organisation, its project and an operator are there together; again changes nothing."""
    first = identity.setup()
    again = identity.setup()

    assert first.created
    assert not again.created
    assert (again.organisation, again.project, again.person) == (first.organisation, first.project, first.person)
    assert first.project.organisation == first.person.organisation == first.organisation.id
    assert first.person.role is Role.OPERATOR


def test_processes_that_start_at_once_agree(beside: Beside) -> None:
    """One of them sets the house up, and all find the same things in it."""
    setups = [one for one in race(*(beside().setup for _ in range(6))) if isinstance(one, Setup)]

    assert len(setups) == 6
    assert sum(one.created for one in setups) == 1
    assert len({(one.organisation.id, one.project.id, one.person.id) for one in setups}) == 1
    assert len(beside().organisations()) == len(beside().people()) == len(beside().projects()) == 1


def test_a_house_that_was_begun_by_hand_is_finished(identity: Identity) -> None:
    """An organisation that stands already gets the operator."""
    clinic = identity.add_organisation("Clinic")
    setup = identity.setup()

    assert setup.organisation == clinic
    assert len(identity.organisations()) == 1


def test_names_are_taken_once(identity: Identity, setup: Setup) -> None:
    """A second organisation, project or e-mail address of one name is refused, however it is typed."""
    identity.add_organisation("Café")
    identity.add_project(setup.organisation.id, "research")
    identity.add_person(setup.organisation.id, email="ada@example.org")

    with pytest.raises(Conflict, match="Café"):
        identity.add_organisation("  Cafe\N{COMBINING ACUTE ACCENT} ")
    with pytest.raises(Conflict, match="research"):
        identity.add_project(setup.organisation.id, "research")
    with pytest.raises(Conflict, match="ada@example"):
        identity.add_person(setup.organisation.id, email="ADA@Example.org ")


def test_of_those_who_take_a_name_at_once_one_gets_it(beside: Beside, setup: Setup) -> None:
    """The database decides, and the others are told."""
    outcomes = race(*(lambda room=beside(): room.add_project(setup.organisation.id, "research") for _ in range(4)))

    assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 3


def test_a_new_organisation_has_a_project_and_a_home(identity: Identity, setup: Setup) -> None:
    """Its people have where to work, and its requests where to run."""
    clinic = identity.add_organisation("Clinic", home=[Region("eu"), Region("eu"), Region("home")])
    (project,) = identity.projects(organisation=clinic.id)
    secret = identity.create_key(project.id, name="k").secret

    assert clinic.home == ("eu", "home")
    assert identity.authenticate(secret).home == {"eu", "home"}


def test_who_names_no_home_is_at_home_here(identity: Identity, setup: Setup) -> None:
    """An organisation without regions runs where the house stands."""
    secret = identity.create_key(setup.project.id, name="k").secret

    assert identity.authenticate(secret).home == {"home"}


def test_a_home_can_be_changed(identity: Identity, setup: Setup, beside: Beside, database: Database) -> None:
    """Keys and people follow at once, other processes hear of it, and with no region it is where the house stands."""
    secret = identity.create_key(setup.project.id, name="k").secret
    other = beside()
    before = Revisions(database).read()["identity"]

    changed = identity.set_home(setup.organisation.id, [Region("us"), Region("eu"), Region("eu")])
    other.reload()

    assert changed.home == ("eu", "us")
    assert identity.authenticate(secret).home == other.authenticate(secret).home == {"eu", "us"}
    assert Revisions(database).read()["identity"] > before
    identity.set_home(setup.organisation.id, [])
    assert identity.authenticate(secret).home == {"home"}
    with pytest.raises(InvalidRequest):
        identity.set_home(setup.organisation.id, [Region(" ")])


def test_what_is_not_there_is_said_to_be_not_there(identity: Identity, setup: Setup) -> None:
    """Looking for, or adding to, something unknown is a 404."""
    for look in (
        lambda: identity.organisation(OrganisationId("org_x")),
        lambda: identity.project(ProjectId("proj_x")),
        lambda: identity.person(PersonId("person_x")),
        lambda: identity.person_by_email("nobody@example.org"),
        lambda: identity.add_project(OrganisationId("org_x"), "p"),
        lambda: identity.set_home(OrganisationId("org_x"), [Region("eu")]),
        lambda: identity.add_person(OrganisationId("org_x"), email="a@b"),
        lambda: identity.set_role(PersonId("person_x"), Role.ADMIN),
        lambda: identity.remove_person(PersonId("person_x")),
    ):
        with pytest.raises(NotFound):
            look()


@pytest.mark.parametrize("name", ["", "   ", "a\x00b", "x" * 121, "\u202eevil", "\ud800", "\u200d"])
def test_what_is_no_name_is_refused(identity: Identity, name: str) -> None:
    """Names can be seen, and fit in a line."""
    with pytest.raises(InvalidRequest):
        identity.add_organisation(name)

    assert identity.organisations() == ()


def test_a_persian_name_is_a_name(identity: Identity) -> None:
    """The joiners that some scripts need between letters may stand in a name."""
    assert identity.add_organisation("علی\u200cرضا").name == "علی\u200cرضا"


def test_the_last_operator_stays(identity: Identity, setup: Setup) -> None:
    """Neither another role nor removal leaves the house without one."""
    for leave in (
        lambda: identity.set_role(setup.person.id, Role.ADMIN),
        lambda: identity.remove_person(setup.person.id),
    ):
        with pytest.raises(Conflict, match="last operator"):
            leave()
    identity.set_role(setup.person.id, Role.OPERATOR)

    second = identity.add_person(setup.organisation.id, email="b@example.org", role=Role.OPERATOR)
    identity.remove_person(setup.person.id)
    with pytest.raises(Conflict, match="last operator"):
        identity.remove_person(second.id)


def test_two_operators_do_not_leave_at_once(beside: Beside, setup: Setup) -> None:
    """Each counts on the other to stay, and one of them is right."""
    one, other = beside(), beside()
    second = one.add_person(setup.organisation.id, email="b@example.org", role=Role.OPERATOR)
    other.reload()
    outcomes = race(lambda: one.remove_person(setup.person.id), lambda: other.set_role(second.id, Role.MEMBER) and None)

    assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 1
    assert [person.role for person in beside().people()].count(Role.OPERATOR) == 1


def test_a_removed_person_leaves_nothing_that_opens(identity: Identity, setup: Setup) -> None:
    """Their keys, sessions, links and password end, and their name and address are forgotten and free."""
    ada = identity.add_person(setup.organisation.id, email="ada@example.org", name="Ada")
    identity.set_password(ada.id, "a long enough password")
    made = identity.create_key(setup.project.id, name="ada's", person=ada.id)
    link = identity.one_time_link(ada.id)
    token = identity.sign_in("ada@example.org", "a long enough password").token
    identity.remove_person(ada.id)

    assert identity.session(token) is None
    assert not identity.key(made.key.id).is_good(0)
    for enter in (
        lambda: identity.authenticate(made.secret),
        lambda: identity.sign_in_by_link(link),
        lambda: identity.sign_in("ada@example.org", "a long enough password"),
    ):
        with pytest.raises(NotAuthenticated):
            enter()
    with identity._database.reading() as db:
        dump = str(db.exec_driver_sql("SELECT * FROM people").all())
    assert "Ada" not in dump
    assert "ada@" not in dump
    assert identity.add_person(setup.organisation.id, email="ada@example.org").id != ada.id


def test_another_role_counts_at_once(identity: Identity, setup: Setup) -> None:
    """Sessions that are open and keys that are in use follow the person."""
    ada = identity.add_person(setup.organisation.id, email="ada@example.org", role=Role.ADMIN)
    token = identity.sign_in_by_link(identity.one_time_link(ada.id)).token
    secret = identity.create_key(setup.project.id, name="k", person=ada.id, role=Role.ADMIN).secret
    identity.set_role(ada.id, Role.MEMBER)
    session = identity.session(token)

    assert session is not None
    assert session.principal.role is identity.authenticate(secret).role is Role.MEMBER


def test_every_change_is_heard_of(identity: Identity, setup: Setup, clock: FrozenClock) -> None:
    """Whatever changes what other processes hold in memory moves the room's revision."""
    revisions = Revisions(identity._database)
    ada = identity.add_person(setup.organisation.id, email="ada@example.org")
    key = identity.create_key(setup.project.id, name="k").key
    link = identity.one_time_link(ada.id)
    changes = [
        lambda: identity.add_organisation("Clinic"),
        lambda: identity.add_project(setup.organisation.id, "p"),
        lambda: identity.add_person(setup.organisation.id, email="b@example.org"),
        lambda: identity.set_role(ada.id, Role.ADMIN),
        lambda: identity.set_password(ada.id, "a long enough password"),
        lambda: identity.sign_in("ada@example.org", "a long enough password"),
        lambda: identity.create_key(setup.project.id, name="k2"),
        lambda: identity.rotate_key(key.id),
        lambda: identity.revoke_key(key.id),
        lambda: identity.remove_person(ada.id),
    ]
    numbers = [revisions.read()["identity"]]
    for change in changes:
        change()
        numbers.append(revisions.read()["identity"])

    assert len(set(numbers)) == len(changes) + 1
    with pytest.raises(NotAuthenticated):
        identity.sign_in_by_link(link)  # Setting the password ended it.
    assert revisions.read()["identity"] == numbers[-1]
