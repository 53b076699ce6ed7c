"""Identity's face: who is there, and who is it that asks."""

from collections.abc import Mapping

from courtyard.core.clock import Clock
from courtyard.core.ids import Region
from courtyard.identity.directories import Directories
from courtyard.identity.keys import Keys
from courtyard.identity.model import IdentitySettings, SignOnSettings
from courtyard.identity.passwords import Passwords
from courtyard.identity.sign_on import SignOn
from courtyard.identity.throttle import Throttle
from courtyard.storage import Database, Keyring


class Identity(Keys, Directories, SignOn):
    """Organisations, projects, people, API keys and sessions.

    `authenticate` and `session` answer from memory and may be called anywhere. What changes something runs SQL, so
    call it from a thread; other processes follow by `reload` when they see the revision move.
    """

    def __init__(
        self,
        database: Database,
        keyring: Keyring,
        clock: Clock,
        *,
        home: Region,
        settings: IdentitySettings = IdentitySettings(),
        sign_on: Mapping[str, SignOnSettings] = {},
    ) -> None:
        super().__init__(database, keyring, clock, home=home, settings=settings)
        self._passwords = Passwords(settings)
        self._by_email = Throttle(clock, free=settings.failures_per_email)
        self._sign_on, self._places, self._provider_keys = sign_on, {}, {}
        self._by_address = Throttle(clock, free=settings.failures_per_address)
