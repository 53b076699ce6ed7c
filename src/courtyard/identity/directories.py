"""Directories that provision an organisation's people (SCIM 2.0), each known by a token of its own."""

from courtyard.core.errors import NotAuthenticated, NotFound
from courtyard.core.ids import OrganisationId, new_id
from courtyard.identity import rules, tokens, vouching
from courtyard.identity.memory import Memory
from courtyard.identity.model import NewToken, PeopleDirectory


class Directories(Memory):
    """Everything about directories. All of it runs SQL, so call it from a thread."""

    def add_directory(self, organisation: OrganisationId, name: str) -> NewToken:
        """Let a directory provision an organisation's people; its token is in the answer and nowhere else.

        Raises:
            NotFound: no such organisation.
        """
        token = tokens.new_key()
        directory = PeopleDirectory(
            id=new_id("dir"),
            organisation=self.organisation(organisation).id,
            name=rules.clean_name(name, of="a directory"),
            prefix=tokens.shown(token),
            created_at_ms=self._clock.now_ms(),
        )
        with self._database.transaction() as db:
            vouching.write_directory(db, directory, self._digest(token))
        return NewToken(directory, token)

    def directories(self, *, organisation: OrganisationId | None = None) -> list[PeopleDirectory]:
        """List directories, oldest first, with those that were taken away."""
        with self._database.reading() as db:
            return vouching.read_directories(db, organisation=organisation)

    def remove_directory(self, id: str) -> None:
        """Take a directory's token away; the people it brought stay.

        Raises:
            NotFound: there is none of this id.
        """
        with self._database.transaction() as db:
            if not vouching.revoke_directory(db, id, now_ms=self._clock.now_ms()):
                raise NotFound(f"there is no directory {id!r} whose token works")

    def organisation_of_directory(self, token: str) -> OrganisationId:
        """Say whose people a directory provisions, and note that it was here.

        Raises:
            NotAuthenticated: its token is unknown or was taken away.
        """
        with self._database.transaction() as db:
            found = vouching.use_directory(db, self._digest(token), now_ms=self._clock.now_ms())
        if found is None:
            raise NotAuthenticated("this directory's token is unknown or was taken away")
        return found
