"""What keeps a database from being used, in words for its operator."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import InterfaceError, OperationalError

from courtyard.core.errors import Unavailable


class DatabaseUnavailable(Unavailable):
    """The database can't be reached, or is one that this version does not know."""

    code = "database_unavailable"


@contextmanager
def database_trouble() -> Iterator[None]:
    """Tell of a database that is away in one line: the driver's first, which holds no statement and no password.

    Raises:
        DatabaseUnavailable: instead of what SQLAlchemy raises.
    """
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        reason = str(error.orig).strip().partition("\n")[0]
        raise DatabaseUnavailable(f"the database can't be used: {reason}") from error
