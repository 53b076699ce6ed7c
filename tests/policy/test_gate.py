"""The gate decides by the pack in force, from memory, and what fails is never an answer."""

from collections.abc import Iterator

import pytest
from msgspec.structs import replace
from sqlalchemy import text, update
from sqlalchemy.exc import IntegrityError
from structlog.testing import capture_logs

from courtyard.approvals import Approvals
from courtyard.core.admission import Obligation
from courtyard.core.clock import FrozenClock
from courtyard.core.errors import GateFailed, PolicyDenied
from courtyard.core.ids import ProviderId, Region
from courtyard.notices import Deadlines, Kind, Notices
from courtyard.policy import (
    ENVELOPE,
    Candidate,
    Gate,
    Judgement,
    PackRefused,
    Packs,
    Policy,
    checked,
    digest_of,
    read_pack,
    shipped_files,
    write_archive,
)
from courtyard.policy.tables import policy_packs
from courtyard.storage import Database, Keyring
from tests.policy.asking import principal, request
from tests.policy.packing import DAY, HEAD, SMALL, VECTORS, abroad, example, facts, small, vector

OPERATOR, APPROVER = "olga@example.org", "ali@example.org"


class House:
    """The rooms around a gate."""

    def __init__(self, database: Database, keyring: Keyring) -> None:
        self.clock = FrozenClock()
        self.clock.advance((DAY - self.clock.now_ms() // 86_400_000) * 86_400)
        self.database = database
        self.approvals = Approvals(database, self.clock)
        self.packs = Packs(database, keyring, self.approvals, self.clock)
        self.gate = Gate(database, self.approvals, self.clock)

    def bring(self, files: dict[str, bytes]) -> str:
        signed = files | {ENVELOPE: self.packs.sign(files, by=OPERATOR).encode()}
        return self.packs.bring(signed, by=OPERATOR).title

    def put_in_force(self, files: dict[str, bytes]) -> None:
        title = self.bring(files)
        self.packs.propose(title, by=OPERATOR)
        self.packs.approve(title, by=APPROVER)
        self.packs.promote(title, by=OPERATOR)
        self.gate.reload()


@pytest.fixture
def house(sqlite: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    return House(sqlite, Keyring(tmp_path_factory.mktemp("keys")))


def test_without_a_pack_the_gate_is_not_active(house: House) -> None:
    """And asking it all the same is refused."""
    assert (house.gate.active, house.gate.pack, house.gate.parameters()) == (False, "", ())
    with pytest.raises(GateFailed, match="no policy pack is in force"):
        house.gate.decide(facts())


def test_a_decision_names_its_rules_and_what_has_to_be_done(house: House) -> None:
    """The rules by their @id, in the pack's order, with their articles; a figure is where it comes from."""
    house.put_in_force(shipped_files("eu-2026"))

    decision = house.gate.decide(abroad(jurisdiction="jp", region=Region("us")))

    assert decision.rules == ("foreign-masked", "content-marked", "processor-abroad")
    assert decision.articles == ("GDPR art. 4(5), 32", "AI Act art. 50(2)", "GDPR art. 44")
    assert Obligation("mask", "reversible") in decision.obligations
    assert (decision.pack, house.gate.pack) == ("eu-2026@1.0.0", "eu-2026@1.0.0")
    figure = house.gate.parameter("breach_hours_authority")
    assert figure is not None
    assert (figure.value, figure.article, figure.confidence) == (72, "GDPR art. 33", "low")


def test_a_rule_that_fails_refuses() -> None:
    """Cedar would leave a failing forbid out and allow; here that is an incident."""
    overflow = HEAD.format(id="sum") + (
        "forbid (principal, action, resource)\n"
        "when { context.persons + 9223372036854775807 > 5 && context.persons > 7 };"
    )
    files = small(
        policies_cedar=SMALL + overflow,
        vectors_jsonl=VECTORS + vector("sum", "pass") + vector("sum", "deny", persons=8),
    )
    judgement = Judgement(read_pack(files))

    assert judgement.decide(facts(persons=0)).allowed
    with pytest.raises(GateFailed, match="rule 'sum' of the policy pack failed") as failure:
        judgement.decide(facts(persons=1))
    assert "overflow" in str(failure.value.__cause__)
    with pytest.raises(PackRefused, match="overflow"):
        checked(files)


def test_a_pack_that_can_not_be_read_refuses(house: House) -> None:
    """Whoever changed it in the database: what it no longer judges does not run, and the log says so."""
    house.put_in_force(small())
    assert house.gate.decide(facts()).allowed
    with house.database.transaction() as db:
        db.execute(update(policy_packs).values(archive=write_archive(small(policies_cedar="permit(everything);"))))

    with capture_logs() as logs:
        other = Gate(house.database, house.approvals, house.clock)
        with pytest.raises(GateFailed, match="can't be read"):
            other.decide(facts())

    assert other.active
    assert [entry["event"] for entry in logs] == ["pack_unreadable"]


def test_a_pack_that_was_swapped_refuses(house: House) -> None:
    """Files that read well and are not those that two people approved are not in force."""
    house.put_in_force(small())
    with house.database.transaction() as db:
        db.execute(update(policy_packs).values(archive=write_archive(small(version="1.0.1"))))

    other = Gate(house.database, house.approvals, house.clock)
    with pytest.raises(GateFailed, match="other files than"):
        other.decide(facts())


def test_a_pack_decides_on_its_days_only(house: House) -> None:
    """Before and after them it refuses, and says what to do."""
    dated = small(manifest_yaml=small()["manifest.yaml"].decode() + "effective_until: 2026-11-28\n")
    house.put_in_force(dated)

    assert house.gate.decide(facts()).allowed
    with pytest.raises(GateFailed, match=r"ended on 2026-11-28, and it is 2026-11-29.*promote"):
        house.gate.decide(facts(day=DAY + 1))
    with pytest.raises(GateFailed, match="takes effect on 2026-01-01"):
        house.gate.decide(facts(day=0))


def test_counters_are_looked_at_only_where_a_rule_asks(house: House) -> None:
    """What changes from request to request does not fill the memory, unless it matters."""
    house.put_in_force(small())
    plain, counted = facts(), facts(tokens_left=7)

    assert house.gate.decide(counted).facts == house.gate.decide(plain).facts == digest_of(plain)

    asking = (
        SMALL
        + HEAD.format(id="few")
        + ("forbid (principal, action, resource) when { context has tokens_left && context.tokens_left < 10 };")
    )
    more = VECTORS + vector("few", "pass", tokens_left=10) + vector("few", "deny", tokens_left=9)
    house.put_in_force(small(version="1.1.0", policies_cedar=asking, vectors_jsonl=more))
    assert house.gate.decide(plain).allowed
    assert house.gate.decide(counted).rules == ("few",)


def test_sensitive_is_what_the_pack_calls_so() -> None:
    """A kind of the taxonomy is sensitive, whatever the detector thinks of it."""
    judgement = example("cn-2026")
    ally = facts(
        tier="allied",
        provider=ProviderId("friend"),
        jurisdiction="cn",
        region=Region("cn-east"),
        agreements=frozenset({"contract", "training"}),
    )

    assert judgement.decide(ally).allowed
    found = replace(ally, classes=frozenset({"cn_resident_id"}))
    assert judgement.decide(found).rules == ("sensitive-stays-home",)


def test_two_people_approve_a_use_where_a_rule_asks_for_it(house: House) -> None:
    """Under this pack alone, for this organisation at this provider, and until it expires."""
    house.put_in_force(shipped_files("neutral-strict"))
    asked = abroad()

    refused = house.gate.decide(asked)
    use = house.packs.propose_use("org_1", "abroad", by=OPERATOR)
    house.gate.reload()
    assert [refused.allowed, house.gate.decide(asked).allowed] == [False, False]
    assert "two people have to approve" in refused.reason
    house.approvals.approve(use.id, by=APPROVER)
    house.gate.reload()

    assert house.gate.due() == []
    assert house.gate.decide(asked).allowed
    assert not house.gate.decide(abroad(organisation="org_2")).allowed
    house.clock.advance(8 * 86_400)
    assert not house.gate.decide(asked).allowed


def test_who_has_to_hear_of_it_is_told_once_a_day(house: House) -> None:
    """By notice, whatever number of requests came; what was refused is not told."""
    house.put_in_force(shipped_files("eu-2026"))
    near = abroad(jurisdiction="jp")
    for asked in (near, near, replace(near, purpose="summary"), replace(near, purpose="support"), facts()):
        house.gate.decide(asked)
    deadlines = Deadlines(house.database, house.clock, [house.gate.due])
    deadlines.turn()
    house.gate.decide(replace(near, day=DAY + 1))
    deadlines.turn()

    told = Notices(house.database, house.clock).list()
    assert [(one.kind, one.data["channel"], one.data["provider"]) for one in told] == [
        (Kind.POLICY_NOTIFY, "privacy-officer", "abroad")
    ] * 2
    assert told[0].subject == "for privacy-officer: eu-2026@1.0.0 let org_1 use provider abroad"


def test_the_gate_narrows_and_rewrites_what_the_rules_admit(house: House) -> None:
    """One region is left, one provider is masked, and the admission names what decided it."""
    house.put_in_force(shipped_files("eu-2026"))
    home = frozenset({Region("eu"), Region("us")})
    near = Candidate(
        provider=ProviderId("island"),
        tier="foreign",
        jurisdiction="jp",
        regions=frozenset({Region("us")}),
        purposes=frozenset({"translation"}),
        agreements=frozenset({"contract", "sub_processors"}),
    )
    policy = Policy.of(["residency"], gate=house.gate)

    admission = policy.admit(
        principal(home=home), request(purpose="translation"), [Candidate(regions=home), near], day=DAY
    )

    assert [(one.provider, one.mask) for one in admission.terms] == [("home", ""), ("island", "reversible")]
    assert admission.pack == "eu-2026@1.0.0"
    assert len(admission.facts) == 3
    house.gate.flush()
    kept = house.packs.facts(admission.facts)
    assert {(one.provider, one.region) for one in kept.values()} == {("home", "eu"), ("home", "us"), ("island", "us")}
    far = Candidate(provider=ProviderId("far"), tier="foreign", jurisdiction="us", regions=frozenset({Region("us")}))
    with pytest.raises(PolicyDenied, match="a processor needs a contract") as refusal:
        policy.admit(principal(home=home), request(purpose="translation"), [far], day=DAY)
    assert refusal.value.rule == "processor-contract"
    assert refusal.value.articles
    assert len(refusal.value.facts) == 1


def test_a_candidate_runs_beside_and_decides_nothing(house: House) -> None:
    """What it would decide otherwise is counted, also where it fails; the request notices nothing of it."""
    house.put_in_force(small())
    stricter = SMALL.replace('context.tier == "home"', 'context.tier == "home" && context.kind == "chat"')
    title = house.bring(
        small(version="2.0.0", policies_cedar=stricter, manifest_yaml=_of("2.0.0") + "effective_until: 2026-11-28\n")
    )
    house.packs.try_out(title, by=OPERATOR)
    house.gate.reload()
    embedding = facts(kind="embedding")

    for asked in (facts(), embedding, embedding, facts(day=DAY + 1)):
        assert house.gate.decide(asked).allowed
    house.gate.flush()
    assert house.gate.decide(embedding).pack == "small@1.0.0"
    house.gate.flush()

    trial = house.packs.trial()
    assert trial is not None
    assert (trial.pack, trial.judged) == ("small@2.0.0", 5)
    found = house.packs.differences(trial)
    assert [(one.facts, one.count, one.changes) for one in found] == [
        (embedding, 3, "refused then"),
        (facts(day=DAY + 1), 1, "fails"),
    ]
    assert house.packs.end_trial() == trial
    house.gate.reload()
    house.gate.decide(embedding)
    house.gate.flush()
    assert house.packs.trial().judged == 5  # type: ignore[union-attr]  # It was there a moment ago.


def test_what_can_not_be_written_is_written_the_next_time(house: House) -> None:
    """Facts and differences wait for the database, and a pack that is promoted or taken back does not wait for them."""
    house.put_in_force(small())
    stricter = SMALL.replace('context.tier == "home"', 'context.tier == "home" && context.kind == "chat"')
    house.packs.try_out(house.bring(small(version="2.0.0", policies_cedar=stricter)), by=OPERATOR)
    house.gate.reload()
    judged = [house.gate.decide(facts(kind="embedding", persons=number)).facts for number in (0, 1, 2, 2)]
    with house.database.transaction() as db:
        db.execute(text("CREATE TRIGGER full BEFORE INSERT ON policy_facts BEGIN SELECT RAISE(ABORT, 'full'); END"))
    for _ in range(2):
        with pytest.raises(IntegrityError):
            house.gate.flush()
    house.packs.rollback(by=OPERATOR, reason="it is wrong")
    with capture_logs() as logs:
        house.gate.reload()
    assert not house.gate.active
    assert [log["event"] for log in logs] == ["judged_not_written"]
    with house.database.transaction() as db:
        db.execute(text("DROP TRIGGER full"))

    house.gate.flush()
    assert len(house.packs.facts(judged)) == 3
    trial = house.packs.trial()
    assert trial is not None
    assert trial.judged == 4
    assert [one.count for one in house.packs.differences(trial)] == [2, 1, 1]


def _of(version: str) -> str:
    return small(version)["manifest.yaml"].decode()
