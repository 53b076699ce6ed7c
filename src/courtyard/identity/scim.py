"""People and roles as SCIM resources (RFC 7643), kept by identity: what `scim2-server` reads and writes.

`userName` is the e-mail address somebody signs in with, `active` whether they may, and each group is a role that an
organisation can give: who is in it has that role, and who leaves it is a member.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from typing import Annotated, Any, TypeVar

from scim2_models import (
    URN,
    AuthenticationScheme,
    Bulk,
    ChangePassword,
    ComplexAttribute,
    ETag,
    Filter,
    ForbiddenException,
    InvalidValueException,
    Meta,
    Mutability,
    NotFoundException,
    Pagination,
    Patch,
    PreconditionFailedException,
    Required,
    Resource,
    ResourceType,
    ResponseParameters,
    ScimPolicy,
    ScimProvider,
    SearchRequest,
    ServiceProviderConfig,
    Sort,
    Uniqueness,
    UniquenessException,
)
from scim2_server.handler import ScimHandler
from scim2_server.memory import InMemoryStorage
from scim2_server.service import ScimService
from scim2_server.storage import ScimStorage, SearchPage

from courtyard.core.errors import Conflict, CourtyardError, InvalidRequest, NotFound
from courtyard.core.ids import OrganisationId, PersonId
from courtyard.core.principal import Role
from courtyard.identity.model import Person
from courtyard.identity.service import Identity

_RESULTS_MAX = 1000
_ROLES = (Role.ADMIN, Role.AUDITOR)
"""The roles that a directory gives; everybody else is a member."""

_T = TypeVar("_T")


class User(Resource[Any]):
    """A person."""

    __schema__ = URN("urn:ietf:params:scim:schemas:core:2.0:User")

    user_name: Annotated[str | None, Uniqueness.server, Required.true] = None
    """The e-mail address that somebody signs in with."""
    display_name: str | None = None
    active: bool | None = None


class Member(ComplexAttribute):
    """Somebody in a group."""

    value: Annotated[str | None, Mutability.immutable] = None
    display: Annotated[str | None, Mutability.read_only] = None


class Group(Resource[Any]):
    """The people who have a role."""

    __schema__ = URN("urn:ietf:params:scim:schemas:core:2.0:Group")

    display_name: Annotated[str | None, Mutability.read_only] = None
    members: list[Member] | None = None


def handler_of(identity: Identity, organisation: OrganisationId, left: Callable[[PersonId], object]) -> ScimHandler:
    """Serve one organisation's people; who is removed is told to `left`."""
    return ScimHandler(_SERVICE, People(identity, organisation, left))


class People(ScimStorage):
    """One organisation's people and roles; nobody else's are found."""

    def __init__(self, identity: Identity, organisation: OrganisationId, left: Callable[[PersonId], object]) -> None:
        self._identity = identity
        self._organisation = organisation
        self._left = left

    def get(
        self,
        resource_type: ResourceType,
        resource_id: str,
        *,
        response_parameters: ResponseParameters[Any] | None = None,
    ) -> Resource[Any]:
        if resource_type.name == "Group":
            return self._group(self._role(resource_id))
        return _user(self._person(resource_id))

    def search(
        self, resource_types: list[ResourceType], search_request: SearchRequest[Any], *, position: Any = None
    ) -> SearchPage:
        found = InMemoryStorage()
        names = {resource_type.name for resource_type in resource_types}
        users = [_user(person) for person in self._people()] if "User" in names else []
        groups = [self._group(role) for role in _ROLES] if "Group" in names else []
        found.resources = [*users, *groups]
        return found.search(resource_types, search_request)

    def create(self, resource_type: ResourceType, resource: Resource[Any]) -> Resource[Any]:
        if not isinstance(resource, User):
            raise ForbiddenException(detail="groups are roles; there are no others to be made")
        add = lambda: self._identity.add_person(  # noqa: E731
            self._organisation,
            email=resource.user_name or "",
            name=resource.display_name or None,
            external_id=resource.external_id,
            suspended=resource.active is False,
        )
        return _user(_told(add))

    def update(
        self, resource_type: ResourceType, resource: Resource[Any], *, expected_version: str | None = None
    ) -> Resource[Any]:
        stored = self.get(resource_type, resource.id or "")
        _check_version(stored, expected_version)
        if isinstance(resource, Group):
            return self._update_group(self._role(resource.id or ""), resource)
        assert isinstance(resource, User), f"there is no resource type {resource_type.name}"
        make = lambda: self._identity.provision(  # noqa: E731
            PersonId(resource.id or ""),
            name=resource.display_name or None,
            email=resource.user_name,
            external_id=resource.external_id,
            suspended=resource.active is False,
        )
        return _user(_told(make))

    def delete(self, resource_type: ResourceType, resource_id: str, *, expected_version: str | None = None) -> None:
        stored = self.get(resource_type, resource_id)
        _check_version(stored, expected_version)
        if isinstance(stored, Group):
            raise ForbiddenException(detail="groups are roles, and roles stay")
        _told(lambda: self._identity.remove_person(PersonId(resource_id)))
        self._left(PersonId(resource_id))

    def _update_group(self, role: Role, group: Group) -> Resource[Any]:
        wanted = {PersonId(member.value or "") for member in group.members or []}
        present = {person.id for person in self._people() if person.role is role}
        for id in sorted(wanted - present):
            if (known := self._person(id)).role not in (*_ROLES, Role.MEMBER):
                raise ForbiddenException(detail=f"{known.email} is {known.role} here, which no directory takes away")
        roles = dict.fromkeys(sorted(wanted - present), role) | dict.fromkeys(sorted(present - wanted), Role.MEMBER)
        _told(lambda: self._identity.set_roles(roles))
        return self._group(role)

    def _people(self) -> tuple[Person, ...]:
        return self._identity.people(organisation=self._organisation)

    def _person(self, id: str) -> Person:
        found = [person for person in self._people() if person.id == id]
        if not found:
            raise NotFoundException(detail=f"there is no User {id!r}")
        return found[0]

    def _role(self, id: str) -> Role:
        if id not in _ROLES:
            raise NotFoundException(detail=f"there is no Group {id!r}")
        return Role(id)

    def _group(self, role: Role) -> Group:
        people = [person for person in self._people() if person.role is role]
        members = [Member(value=person.id, display=person.name) for person in people]
        group = Group(id=role.value, display_name=role.value, members=members or None)
        return _with_meta(group, "Group", min((person.created_at_ms for person in people), default=0))


def _user(person: Person) -> User:
    user = User(
        id=person.id,
        external_id=person.external_id,
        user_name=person.email,
        display_name=person.name,
        active=not person.is_suspended,
    )
    return _with_meta(user, "User", person.created_at_ms)


_Made = TypeVar("_Made", User, Group)


def _with_meta(resource: _Made, name: str, created_at_ms: int) -> _Made:
    created = datetime.fromtimestamp(created_at_ms / 1000, tz=UTC)
    version = sha256(resource.model_dump_json().encode()).hexdigest()[:16]
    resource.meta = Meta(resource_type=name, created=created, last_modified=created, version=f'W/"{version}"')
    return resource


def _check_version(stored: Resource[Any], expected: str | None) -> None:
    if expected is not None and (stored.meta is None or stored.meta.version != expected):
        raise PreconditionFailedException


def _told(act: Callable[[], _T]) -> _T:
    """Do something, and say in SCIM's words why it can't be done."""
    try:
        return act()
    except Conflict as error:
        if "last operator" in error.message:
            raise ForbiddenException(detail=error.message) from error
        raise UniquenessException(detail=error.message) from error
    except NotFound as error:
        raise NotFoundException(detail=error.message) from error
    except InvalidRequest as error:
        raise InvalidValueException(detail=error.message) from error
    except CourtyardError as error:
        raise ForbiddenException(detail=error.message) from error


_SERVICE = ScimService(
    ScimProvider(
        [User, Group],
        config=ServiceProviderConfig(
            patch=Patch(supported=True),
            bulk=Bulk(supported=False, max_operations=0, max_payload_size=0),
            filter=Filter(supported=True, max_results=_RESULTS_MAX),
            change_password=ChangePassword(supported=False),
            sort=Sort(supported=True),
            etag=ETag(supported=True),
            pagination=Pagination(
                cursor=False, index=True, default_pagination_method=Pagination.DefaultPaginationMethod.index
            ),
            authentication_schemes=[
                AuthenticationScheme(
                    type=AuthenticationScheme.Type.oauthbearertoken,
                    name="Bearer token",
                    description="The token that `courtyard directories add` prints.",
                )
            ],
        ),
        policy=ScimPolicy(unknown=ScimPolicy.Unknown.ignore),
    )
)
"""What directories send of attributes that nobody here has a place for is let go."""
