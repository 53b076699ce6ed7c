"""Who and what there is: organisations, their projects, their people."""

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection

from courtyard.core.errors import Conflict, NotFound
from courtyard.core.ids import OrganisationId, PersonId, ProjectId, Region, new_id
from courtyard.core.principal import Role
from courtyard.identity import rules, store
from courtyard.identity.memory import Memory
from courtyard.identity.model import Organisation, Person, Project, Setup

DEFAULT_PROJECT = "default"
FIRST_ORGANISATION = "Home"
FIRST_EMAIL = "operator@localhost"
FIRST_PERSON = "Operator"


class Directory(Memory):
    """Everything about organisations, projects and people."""

    def setup(self) -> Setup:
        """Make the first organisation, its project and an operator, or find those that are there.

        All three come into being together; of processes that try at once, one makes them and all return the same.
        """
        created = self._operator() is None and self._set_up()
        operator = self._operator()
        assert operator is not None, "a house that is set up has an operator"
        return Setup(
            organisation=self.organisation(operator.organisation),
            project=self._known.first_project(operator.organisation),
            person=operator,
            created=created,
        )

    def organisations(self) -> tuple[Organisation, ...]:
        """List organisations, oldest first."""
        return tuple(self._known.organisations.values())

    def projects(self, *, organisation: OrganisationId | None = None) -> tuple[Project, ...]:
        """List projects, oldest first."""
        return tuple(p for p in self._known.projects.values() if organisation in (None, p.organisation))

    def people(self, *, organisation: OrganisationId | None = None) -> tuple[Person, ...]:
        """List people, oldest first."""
        return tuple(p for p in self._known.people.values() if organisation in (None, p.organisation))

    def person_by_email(self, email: str) -> Person:
        """Look up a person by e-mail address, or raise `NotFound`."""
        person = self._known.by_email.get(rules.clean_email(email))
        if person is None:
            raise NotFound(f"there is no person with the e-mail address {email!r}")
        return person

    def add_organisation(self, name: str, *, home: Iterable[Region] = ()) -> Organisation:
        """Add an organisation, with a project to begin with.

        Raises:
            Conflict: the name is taken.
        """
        organisation = self._new_organisation(name, home)
        with self._changing(taken=f"there is an organisation named {organisation.name!r} already") as db:
            store.write_organisation(db, organisation)
            store.write_project(db, self._new_project(organisation.id, DEFAULT_PROJECT))
        return organisation

    def set_home(self, organisation: OrganisationId, home: Iterable[Region]) -> Organisation:
        """Say where an organisation's requests may run from now on; with no region, where the house stands.

        Raises:
            NotFound: no such organisation.
        """
        self.organisation(organisation)
        regions = _clean_home(home)
        with self._changing() as db:
            store.set_home(db, organisation, regions)
        return self.organisation(organisation)

    def add_project(self, organisation: OrganisationId, name: str) -> Project:
        """Add a project.

        Raises:
            NotFound: no such organisation.
            Conflict: the organisation has one of that name.
        """
        project = self._new_project(self.organisation(organisation).id, name)
        with self._changing(taken=f"there is a project named {project.name!r} already") as db:
            store.write_project(db, project)
        return project

    def add_person(
        self,
        organisation: OrganisationId,
        *,
        email: str,
        name: str | None = None,
        role: Role = Role.MEMBER,
        external_id: str | None = None,
        suspended: bool = False,
    ) -> Person:
        """Add a person, who signs in by a one-time link until they have a password.

        Raises:
            NotFound: no such organisation.
            Conflict: the e-mail address is taken, or what a directory calls them.
        """
        person = self._new_person(self.organisation(organisation).id, email=email, name=name, role=role)
        called_there = rules.clean_external_id(external_id)
        with self._changing(taken=_taken(person.email, called_there)) as db:
            store.write_person(db, person)
            store.set_external_id(db, person.id, called_there)
            store.set_suspended(db, person.id, at_ms=person.created_at_ms if suspended else None)
        return self.person(person.id)

    def provision(
        self, person: PersonId, *, name: str | None, email: str | None, external_id: str | None, suspended: bool
    ) -> Person:
        """Make a person what a directory says they are: all of it, or none.

        Raises:
            NotFound: no such person.
            Conflict: the address or what the directory calls them is somebody else's, or they are the last operator.
        """
        known = self.person(person)
        called = known.name if name is None else rules.clean_name(name, of="a person")
        address = known.email if email is None else rules.clean_email(email)
        called_there = rules.clean_external_id(external_id)
        with self._changing(taken=_taken(address, called_there)) as db:
            if suspended != known.is_suspended:
                self._suspend(db, person, suspended=suspended)
            store.set_person(db, person, name=called, email=address)
            store.set_external_id(db, person, called_there)
        return self.person(person)

    def set_role(self, person: PersonId, role: Role) -> Person:
        """Give a person another role; their sessions and keys follow at once.

        Raises:
            NotFound: no such person.
            Conflict: they are the last operator.
        """
        self.set_roles({person: role})
        return self.person(person)

    def set_roles(self, roles: Mapping[PersonId, Role]) -> None:
        """Give people other roles, all of them or none; or raise as `set_role` does."""
        for person in roles:
            self.person(person)
        with self._changing() as db:
            store.lock_operators(db)
            for person, role in roles.items():
                if role is not Role.OPERATOR:
                    rules.check_still_operated(store.read_people(db), person)
                store.set_role(db, person, role)

    def correct_person(self, person: PersonId, *, name: str | None = None, email: str | None = None) -> Person:
        """Correct a person's name or e-mail address.

        Raises:
            NotFound: no such person.
            Conflict: the e-mail address belongs to somebody else.
        """
        known = self.person(person)
        called = known.name if name is None else rules.clean_name(name, of="a person")
        address = known.email if email is None else rules.clean_email(email)
        with self._changing(taken=_taken(address)) as db:
            store.set_person(db, person, name=called, email=address)
        return self.person(person)

    def suspend(self, person: PersonId, *, suspended: bool = True) -> Person:
        """Keep a person out for now, or let them in again: their sessions end, and their keys rest until then.

        Raises:
            NotFound: no such person.
            Conflict: they are the last operator.
        """
        if self.person(person).is_suspended == suspended:
            return self.person(person)
        with self._changing() as db:
            self._suspend(db, person, suspended=suspended)
        return self.person(person)

    def remove_person(self, person: PersonId) -> None:
        """Remove a person: their sessions end, their keys are revoked, and their name and address are forgotten.

        Raises:
            NotFound: no such person.
            Conflict: they are the last operator.
        """
        self.person(person)
        with self._changing() as db:
            store.lock_operators(db)
            store.lock_person(db, person)
            rules.check_still_operated(store.read_people(db), person)
            store.remove_person(db, person, now_ms=self._clock.now_ms())

    def _suspend(self, db: Connection, person: PersonId, *, suspended: bool) -> None:
        store.lock_operators(db)
        store.lock_person(db, person)
        if suspended:
            rules.check_still_operated(store.read_people(db), person)
            store.end_links(db, person)
            store.end_sessions(db, person)
        store.set_suspended(db, person, at_ms=self._clock.now_ms() if suspended else None)

    def _operator(self) -> Person | None:
        return next((person for person in self._known.people.values() if person.role is Role.OPERATOR), None)

    def _set_up(self) -> bool:
        """Write the first things in one transaction, and say whether it was this one that did."""
        try:
            with self._changing() as db:
                if any(person.role is Role.OPERATOR for person in store.read_people(db)):
                    return False
                organisation = next(iter(store.read_organisations(db)), None)
                if organisation is None:
                    organisation = self._new_organisation(FIRST_ORGANISATION, ())
                    store.write_organisation(db, organisation)
                    store.write_project(db, self._new_project(organisation.id, DEFAULT_PROJECT))
                operator = self._new_person(organisation.id, email=FIRST_EMAIL, name=FIRST_PERSON, role=Role.OPERATOR)
                store.write_person(db, operator)
        except Conflict:
            self.reload()  # Another process was first.
            return False
        return True

    def _new_organisation(self, name: str, home: Iterable[Region]) -> Organisation:
        return Organisation(
            id=OrganisationId(new_id("org")),
            name=rules.clean_name(name, of="an organisation"),
            home=_clean_home(home),
            created_at_ms=self._clock.now_ms(),
        )

    def _new_project(self, organisation: OrganisationId, name: str) -> Project:
        return Project(
            id=ProjectId(new_id("proj")),
            organisation=organisation,
            name=rules.clean_name(name, of="a project"),
            created_at_ms=self._clock.now_ms(),
        )

    def _new_person(self, organisation: OrganisationId, *, email: str, name: str | None, role: Role) -> Person:
        address = rules.clean_email(email)
        return Person(
            id=PersonId(new_id("person")),
            organisation=organisation,
            email=address,
            name=rules.clean_name(name or address.partition("@")[0][: rules.NAME_LENGTH_MAX], of="a person"),
            role=role,
            created_at_ms=self._clock.now_ms(),
        )


def _taken(email: str, external_id: str | None = None) -> str:
    called = "" if external_id is None else ", or the directory calls somebody else so already"
    return f"the e-mail address {email!r} belongs to somebody already{called}"


def _clean_home(home: Iterable[Region]) -> tuple[Region, ...]:
    return tuple(sorted({Region(rules.clean_name(region, of="a region")) for region in home}))
