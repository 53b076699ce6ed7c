"""The proof that a request met the rules, and the terms on which it may run."""

from collections.abc import Collection

import msgspec

from courtyard.core.chat import Request
from courtyard.core.ids import HOME, ProviderId, Region
from courtyard.core.principal import Principal


class Obligation(msgspec.Struct, frozen=True, order=True):
    """What has to be done with a request that may run: a name, and how.

    `mask` (`reversible` or `irreversible`), `label` (a profile, such as `cn`), `log` (`full` or `normal`), `notify` (a
    channel), `dual_approval`.
    """

    name: str
    value: str = ""


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """On which terms a request may go to one provider."""

    provider: ProviderId
    regions: frozenset[Region]
    mask: str = ""
    """How personal data is masked before the prompt leaves: `reversible`, `irreversible`, or nothing is."""
    obligations: tuple[Obligation, ...] = ()


class Admission(msgspec.Struct, frozen=True, kw_only=True):
    """A request that may run, where, and by which rules. Only `policy` makes one."""

    principal: Principal
    request: Request
    regions: frozenset[Region]
    """Every region where it may run, whoever the provider is."""
    rules: tuple[str, ...]
    """Rules that were asked, in order, each `name` or `name@version`."""
    terms: tuple[Terms, ...] = ()
    """The providers that it may go to. Where none is said, it runs at home, in `regions`."""
    decisions: tuple[str, ...] = ()
    """The rules of the pack that decided."""
    pack: str = ""
    """The pack in force, `name@version`; nothing where there is none."""
    facts: tuple[str, ...] = ()
    """Digests of what the pack judged; `policy` keeps what each of them stands for."""
    obligations: tuple[Obligation, ...] = ()
    """What the terms ask, all together."""
    classes: dict[str, int] = {}
    """Kinds of personal data that the always-on identifiers found in it, and how often."""

    def without(self, providers: Collection[ProviderId]) -> "Admission":
        """Narrow it to the terms of other providers, of which there must be some."""
        terms = tuple(one for one in self.terms if one.provider not in providers)
        assert terms, "an admission leaves somewhere to run"
        regions = frozenset(region for one in terms for region in one.regions)
        return msgspec.structs.replace(self, terms=terms, regions=regions)

    def terms_at(self, provider: ProviderId, region: Region) -> Terms | None:
        """Say on which terms it may run at this provider in this region; `None` says that it may not."""
        if not self.terms:
            return Terms(provider=HOME, regions=self.regions) if provider == HOME and region in self.regions else None
        return next((terms for terms in self.terms if terms.provider == provider and region in terms.regions), None)
