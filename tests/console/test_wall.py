"""The wall's pages: who gets in and who may change, each form once, and what happens to bad and hostile input."""

import io
import json
import re
import zipfile
from hashlib import sha256
from threading import current_thread
from typing import Any

import pytest
from sqlalchemy import event

from courtyard.approvals import Approval
from courtyard.catalogue import Cap, Caps, Crossing, EvidenceKind, Scope
from courtyard.core.ids import EngineName, ModelName, ProviderId, Region
from courtyard.core.principal import Role
from courtyard.evaluation import Case, Expected
from courtyard.evidence import Decision, Record
from courtyard.policy import Facts, day_of
from courtyard.privacy import Basis
from tests.catalogue.providing import facts
from tests.console.house import House, Visitor
from tests.console.test_operate import _handlers
from tests.policy.packing import small

PAGES = ("providers", "decisions", "packs", "privacy", "subjects", "evidence", "tests")
HOSTILE = '<script>alert("1")</script>'
DAY_MS = 86_400_000
ADA = "ada@example.org"
DECIDES = ("/wall/approvals/", "/wall/tests/")
"""Forms of whoever decides what others propose."""
READS = ("/wall/privacy", "/wall/evidence/verify", "/verify", "/replay")
"""Forms that change nothing."""


def _approver(house: House) -> Visitor:
    return house.signed_in(house.person("ben@example.org", Role.APPROVER))


def _provider(house: House, *, reason: str = "students ask for it", **said: Any) -> None:
    """An admitted provider with everything on file."""
    providers, approvals, now_ms = house.wall.providers, house.wall.approvals, house.clock.now_ms()
    providers.propose("acme", facts(**said), by=ADA, reason=reason)
    for kind in filter(lambda kind: kind.is_needed, EvidenceKind):
        providers.show(
            "acme",
            kind,
            statement=f"its {kind}",
            digest=sha256(kind.encode()).hexdigest(),
            dated_ms=now_ms,
            expires_ms=now_ms + 20 * DAY_MS,
            by=ADA,
        )
    providers.advance("acme", by=ADA, reason="all there")
    caps = Caps(requests=Cap(count=1000), tokens=Cap(count=9000), persons=3)
    asked = providers.set_caps("acme", caps, by=ADA, reason="as agreed")
    assert isinstance(asked, Approval)
    approvals.approve(asked.id, by="ben@example.org")
    providers.set_caps("acme", caps, by=ADA, reason="as agreed")
    scope = Scope(purposes=frozenset({"research"}))
    providers.begin_trial("acme", scope, until_ms=now_ms + 9 * DAY_MS, by=ADA, reason="try it")


def _record(house: House, id: str, **said: Any) -> None:
    known = {
        "at_ms": house.clock.now_ms(),
        "organisation": house.setup.organisation.id,
        "project": house.setup.project.id,
        "who": "ab" * 32,
        "kind": "chat",
        "model": ModelName("echo"),
        "decision": Decision.ADMITTED,
        **said,
    }

    async def seal() -> None:
        await house.evidence.seal(Record(id=id, **known))

    house.run(seal())


def _bring(house: House, version: str = "1.0.0") -> str:
    """A pack that is signed and here."""
    files = small(version=version)
    files["pack.dsse.json"] = house.wall.packs.sign(files, by=ADA).encode()
    return house.wall.packs.bring(files, by=ADA).title


def _promote(house: House, title: str) -> None:
    approval = house.wall.packs.propose(title, by=ADA)
    house.wall.approvals.approve(approval.id, by="ben@example.org")
    house.wall.packs.promote(title, by=ADA)
    house.wall.gate.reload()


def test_each_role_gets_as_far_as_it_should(house: House) -> None:
    """Over every address: an auditor reads all and changes nothing, an approver decides, customers see none of it."""
    elsewhere = house.identity.add_organisation("Elsewhere").id
    visitors = {
        "auditor": house.signed_in(house.person("auditor@example.org", Role.AUDITOR)),
        "approver": _approver(house),
        "member": house.signed_in(house.person("member@example.org", Role.MEMBER)),
        "their admin": house.signed_in(house.person("a@example.org", Role.ADMIN, organisation=elsewhere)),
        "their auditor": house.signed_in(house.person("b@example.org", Role.AUDITOR, organisation=elsewhere)),
    }
    addresses = [(method, path) for method, path in _handlers(house) if "/wall" in path]
    wrong = []
    for name, visitor in visitors.items():
        token = visitor.token()
        for method, path in addresses:
            address = re.sub(r"\{[^}]+\}", "x", path)
            answer = visitor.get(address) if method == "GET" else visitor.send(address, {"csrf": token})
            let_in = answer.status_code != 403
            if let_in is not _may(name, method, path):
                wrong.append((name, method, path, answer.status_code))

    assert len(addresses) > 45
    assert wrong == []
    assert 'href="/wall"' in visitors["auditor"].get("/guide").text
    assert 'href="/wall"' not in visitors["member"].get("/guide").text


def _may(name: str, method: str, path: str) -> bool:
    if name not in ("auditor", "approver"):
        return False
    if method == "GET":
        return not path.endswith("/edit")
    if path.startswith(READS[:2]) or path.endswith(READS[2:]):
        return True
    return name == "approver" and path.startswith(DECIDES)


def test_an_auditor_sees_no_form_that_changes_anything(house: House) -> None:
    """What would be refused is not offered."""
    _provider(house)
    title = _bring(house)
    visitor = house.signed_in(house.person("auditor@example.org", Role.AUDITOR))
    operator = house.operator()
    for page in (*(f"/wall/{page}" for page in PAGES), "/wall/providers/acme", f"/wall/packs/{title}"):
        posts = re.findall(r'<form[^>]*method="post"[^>]*action="(/wall/[^"]+)"', visitor.get(page).text)
        assert [one for one in posts if not (one.startswith(READS[:2]) or one.endswith(READS[2:]))] == [], page
        assert operator.get(page).text.count('method="post"') >= len(posts) + 1, page


def test_every_form_needs_the_page_s_token(house: House) -> None:
    """What another site sends changes nothing."""
    visitor = house.operator()
    changing = [
        re.sub(r"\{[^}]+\}", "x", path) for method, path in _handlers(house) if method == "POST" and "/wall" in path
    ]

    assert len(changing) > 25
    assert [path for path in changing if visitor.send(path, {"csrf": "guessed"}).status_code != 403] == []


def test_empty_pages_say_what_to_do(house: House) -> None:
    """Nothing is here yet, and each page opens in both languages."""
    visitor = house.operator()
    for page in PAGES:
        assert visitor.get(f"/wall/{page}").status_code == 200
        assert 'lang="zh"' in visitor.get(f"/wall/{page}", **{"accept-language": "zh"}).text
    assert visitor.get("/wall").headers["location"] == "/wall/providers"
    assert visitor.get("/api/console/wall/home").json()["share"] == [None] * 30


def test_the_wall_says_who_is_there_and_what_crossed(house: House) -> None:
    """Providers, caps, evidence that expires, and today's crossings by what decided."""
    _provider(house)
    for number in range(3):
        _record(
            house, f"req_{number}", provider="acme", tier="foreign", decisions=("enough",), masked=2, purpose="research"
        )
    _record(house, "req_home", provider="home", tier="home")
    _record(house, "req_denied", decision=Decision.DENIED, rule="residency")
    page = house.operator().get("/wall/providers").text

    assert "Acme AI" in page
    assert "on trial" in page
    assert re.search(r"enough</code>.*?>3<.*?>6<", page, re.DOTALL)
    assert "residency" in page
    assert "req_home" not in page
    assert page.count("20 days left") == 10
    one = house.operator().get("/wall/providers/acme").text
    assert "its contract" in one
    assert "students ask for it" in one
    assert {"2026-01-09", "2026-01-20"} <= set(re.findall(r">(2026-[0-9-]+)</time>", one)), "the last days, as was said"
    assert house.operator().get("/wall/providers.csv").text.count("\n") == 2


def test_a_provider_is_stopped_by_one_and_taken_back_by_two(house: House) -> None:
    """Who proposed it does not approve it, and is told so on the page."""
    _provider(house)
    visitor, ben = house.operator(), _approver(house)
    assert visitor.post("/wall/providers/acme/kill", reason="").status_code == 400
    assert visitor.post("/wall/providers/acme/kill", reason="a leak").status_code == 303
    assert house.wall.providers.provider("acme").killed
    assert "wall_waits" in visitor.post("/wall/providers/acme/restore", reason="mended").headers["location"]
    (waiting,) = house.wall.approvals.pending()

    alone = visitor.post(f"/wall/approvals/{waiting.id}/approve")
    assert alone.status_code == 403
    assert "<h1>Wall</h1>" in alone.text
    assert house.wall.providers.provider("acme").killed
    assert ben.post(f"/wall/approvals/{waiting.id}/approve", reason="seen").status_code == 303
    assert "wall_restored" in visitor.post("/wall/providers/acme/restore", reason="mended").headers["location"]
    assert not house.wall.providers.provider("acme").killed

    visitor.post("/wall/foreign/restore", reason="the board agreed")
    (other,) = house.wall.approvals.pending()
    assert ben.post(f"/wall/approvals/{other.id}/refuse", reason="").status_code == 400
    assert ben.post(f"/wall/approvals/{other.id}/refuse", reason="not yet").status_code == 303
    visitor.post("/wall/foreign/restore", reason="again")
    (mine,) = house.wall.approvals.pending()
    assert visitor.post(f"/wall/approvals/{mine.id}/withdraw").status_code == 303
    assert visitor.post("/wall/foreign/kill", reason="stay shut").status_code == 303
    assert visitor.post("/wall/providers/nobody/kill", reason="x").status_code == 404


def test_hostile_texts_stay_texts(house: House) -> None:
    """What providers, models and rules are called runs nowhere."""
    _provider(house, name=HOSTILE, filing=HOSTILE, reason=HOSTILE)
    _record(
        house, "req_hostile", provider=HOSTILE, tier="foreign", purpose=HOSTILE, decisions=(HOSTILE,), label=HOSTILE
    )
    visitor = house.operator()
    pages = [
        visitor.get("/wall/providers"),
        visitor.get("/wall/providers/acme"),
        visitor.get("/wall/decisions?rule=%3Cscript%3E"),
        visitor.get("/wall/decisions/req_hostile"),
        visitor.post("/wall/privacy", text=HOSTILE + " ada@example.org"),
        visitor.post("/wall/subjects/cases", person=HOSTILE, organisation=HOSTILE, right="access", day=HOSTILE),
        visitor.post("/wall/evidence/packs", kind="impact", since=HOSTILE, until=HOSTILE, controller=HOSTILE),
        visitor.get("/wall/evidence/proof?request=%3Cscript%3E"),
        visitor.post("/wall/packs/neutral-strict/save", **{"file:manifest.yaml": HOSTILE}),
    ]

    assert [page.status_code for page in pages] == [200, 200, 200, 200, 200, 400, 400, 404, 400]
    assert [page.request.url.path for page in pages if "<script>alert" in page.text] == []
    assert all("&lt;script&gt;" in page.text for page in pages)


def test_the_playground_masks_and_keeps_nothing(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """The text is shown masked and restored; no table, file or log has it afterwards."""
    visitor, secret = house.operator(), "quite.unique.address@example.org"
    page = visitor.post("/wall/privacy", text=f"Write to {secret} today, {secret}", mode="reversible").text
    hard = visitor.post("/wall/privacy", text=f"Write to {secret}", mode="irreversible").text
    long = visitor.post("/wall/privacy", text="x" * 20_001)
    escaped = visitor.post(
        "/wall/privacy", text='{"to": "' + secret.replace("q", "\\u0071") + '"}', mode="reversible"
    ).text

    assert len(re.findall(rf"<mark[^>]*>{re.escape(secret)}<small>e-mail", page)) == 2
    assert "as it was" in page
    assert "as it was" in escaped
    assert "[email]" in hard
    assert long.status_code == 400
    assert "20,001" in long.text
    assert secret not in caplog.text
    kept = [path for path in house.directory.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]
    assert kept == []


def test_what_is_right_is_not_coloured_as_a_warning(house: House) -> None:
    """The evidence's page says `notice good`, and there is such a notice."""
    page = house.operator().post("/wall/evidence/verify").text
    [styles] = re.findall(r'href="(/static/[^"]*/app\.css)"', page)

    assert 'class="notice good"' in page
    assert ".notice.good {" in house.operator().get(styles).text


def test_a_decision_is_found_and_explained(house: House) -> None:
    """By id, outcome, rule, provider and day; with its rules, articles, and what would have turned it."""
    _promote(house, _bring(house))
    judged = Facts(
        organisation=house.setup.organisation.id,
        provider=ProviderId("acme"),
        tier="foreign",
        region=Region("eu"),
        day=day_of("2026-01-05"),
    )
    decision = house.wall.gate.decide(judged)
    _record(house, "req_denied", decision=Decision.DENIED, rule="permit", pack=decision.pack, facts=(decision.facts,))
    _record(house, "req_sent", provider="acme", tier="foreign", decisions=("enough",))
    visitor = house.operator()

    assert visitor.get("/wall/decisions?id=req_denied").headers["location"] == "/wall/decisions/req_denied"
    page = visitor.get("/wall/decisions/req_denied").text
    assert "No rule permits it." in page
    assert re.search(r"<code>tier</code>.*?foreign.*?<strong[^>]*>home", page, re.DOTALL)
    assert visitor.get("/wall/decisions/req_none").status_code == 404
    found = {
        query: sorted(row["request"] for row in visitor.get(f"/wall/decisions.json?{query}").json())
        for query in ("", "decision=denied", "rule=ENOUGH", "provider=acme", "left=1", "day=2020-01-01", "day=x")
    }
    assert found == {
        "": ["req_denied", "req_sent"],
        "decision=denied": ["req_denied"],
        "rule=ENOUGH": ["req_sent"],
        "provider=acme": ["req_sent"],
        "left=1": ["req_sent"],
        "day=2020-01-01": [],
        "day=x": ["req_denied", "req_sent"],
    }
    assert visitor.get("/wall/decisions?before=nonsense").status_code == 400


def test_a_pack_is_written_tried_and_promoted_by_two(house: House) -> None:
    """Vectors run while it is written; what does not come out is not kept; one person alone promotes nothing."""
    visitor, ben = house.operator(), _approver(house)
    _promote(house, _bring(house))
    files = {name: text.decode() for name, text in small(version="1.1.0").items()}
    good = visitor.ask("/api/console/wall/packs/check", files).json()
    bad = visitor.ask(
        "/api/console/wall/packs/check",
        {**files, "vectors.jsonl": files["vectors.jsonl"].replace('"facts": {}', '"facts": {"tier": "foreign"}', 1)},
    ).json()
    broken = visitor.ask("/api/console/wall/packs/check", {**files, "parameters.yaml": "persons_max: ["}).json()
    assert good["is_good"]
    assert [run["line"] for run in bad["runs"] if run["problem"]] == [1]
    assert "parameters.yaml" in broken["problem"]
    assert visitor.ask("/api/console/wall/packs/check", [1]).status_code == 400

    refused = visitor.post(
        "/wall/packs/small@1.0.0/save",
        **{f"file:{name}": text for name, text in files.items()} | {"file:vectors.jsonl": "{"},
    )
    assert refused.status_code == 400
    assert "vectors.jsonl" in refused.text
    saved = visitor.post("/wall/packs/small@1.0.0/save", **{f"file:{name}": text for name, text in files.items()})
    assert saved.headers["location"].startswith("/wall/packs/small%401.1.0?done=pack_saved")
    at = "/wall/packs/small@1.1.0"
    assert visitor.post(f"{at}/try").status_code == 303
    assert visitor.post("/wall/packs/end-trial").status_code == 303
    assert "would be others" in visitor.post(f"{at}/replay").text.lower()
    assert visitor.post(f"{at}/promote").status_code == 403
    assert visitor.post(f"{at}/propose", reason="newer").status_code == 303
    (waiting,) = house.wall.approvals.pending()
    assert visitor.post(f"/wall/approvals/{waiting.id}/approve").status_code == 403
    assert ben.post(f"/wall/approvals/{waiting.id}/approve").status_code == 303
    assert visitor.post(f"{at}/promote").status_code == 303
    now = house.wall.packs.in_force()
    assert now is not None
    assert house.wall.packs.one(now.digest or "").title == "small@1.1.0"
    assert "persons_max" in visitor.get(at).text
    assert visitor.post("/wall/packs/rollback", reason="").status_code == 400
    assert visitor.post("/wall/packs/rollback", reason="too strict").status_code == 303
    assert zipfile.ZipFile(io.BytesIO(visitor.get(f"{at}/pack.zip").content)).testzip() is None


def test_an_example_is_read_and_brought_in(house: House) -> None:
    """It shows where each figure comes from, and that it is no legal advice."""
    visitor = house.operator()
    page = visitor.get("/wall/packs/cn-2026").text
    assert "PIPL" in page
    assert visitor.post("/wall/packs/cn-2026/bring").status_code == 303
    assert [one.name for one in house.wall.packs.all()] == ["cn-2026"]
    assert visitor.get("/wall/packs/nobody").status_code == 404
    assert visitor.get("/wall/packs/cn-2026/edit").status_code == 200


def test_a_person_s_request_is_answered_at_the_desk(house: House) -> None:
    """Found, exported, corrected, restricted; erased only when the case's id is written; with a proof at the end."""
    _promote(house, _bring(house))
    carol, visitor = house.person("carol@example.org", Role.MEMBER), house.operator()
    asked = {"person": "carol@example.org", "organisation": house.setup.organisation.id, "right": "erasure"}
    assert visitor.post("/wall/subjects/cases", **asked, day="2099-01-01").status_code == 400
    assert visitor.post("/wall/subjects/cases", **{**asked, "person": ""}, day="2026-01-01").status_code == 400
    at = visitor.post("/wall/subjects/cases", **asked, day="2025-12-31").headers["location"].split("?")[0]
    id = at.rpartition("/")[2]
    register, subject = house.wall.register, house.wall.register.desk.subject(id)
    register.purposes.put("news", organisation=subject.organisation, title="A letter", basis=Basis.CONSENT)
    register.purposes.consent(subject, "news", how="web form 3")

    found = visitor.post(f"{at}/find").text
    assert "accounts, with their keys" in found
    assert "web form 3" in found
    assert b"carol@example.org" in visitor.post(f"{at}/export").content
    assert visitor.post(f"{at}/correct").status_code == 400
    assert visitor.post(f"{at}/correct", name="Carol").status_code == 303
    assert house.identity.person(carol.id).name == "Carol"
    assert visitor.post(f"{at}/restrict").status_code == 303
    assert visitor.post(f"{at}/erase", case=id).status_code == 409
    assert visitor.post(f"{at}/lift").status_code == 303
    assert visitor.post(f"{at}/extend", reason="much").status_code == 400
    assert visitor.post(f"{at}/erase", case="yes").status_code == 400
    assert visitor.post(f"{at}/erase", case=id).status_code == 303
    (proof,) = house.wall.register.proofs.all()
    assert json.loads(visitor.get(f"/wall/subjects/proofs/{proof.digest}").content)["signature"]
    assert "carol@example.org" not in visitor.get(at).text
    assert visitor.post(f"{at}/close").status_code == 409
    assert visitor.get("/wall/subjects/proofs/x").status_code == 404
    second = visitor.post("/wall/subjects/cases", **{**asked, "person": "user-7", "right": "access"}, day="2026-01-01")
    at = second.headers["location"].split("?")[0]
    assert visitor.post(f"{at}/refuse", reason="").status_code == 400
    assert visitor.post(f"{at}/refuse", reason="nobody we know").status_code == 303
    assert len(visitor.get("/wall/subjects.json").json()) == 2


def test_the_evidence_room_signs_verifies_and_packs(house: House) -> None:
    """What was sealed is proved, and a pack that is made here is right; one that was changed is not."""
    _record(house, "req_one")
    visitor = house.operator()
    assert visitor.post("/wall/evidence/checkpoint").status_code == 303
    assert "1 record is as it was written" in visitor.post("/wall/evidence/verify").text
    assert visitor.get("/wall/evidence/proof?request=req_one").text.startswith("c2sp.org/tlog-proof@v1")
    assert "necessity" in visitor.get("/wall/evidence/packs/new?kind=transfer").text
    days = {"since": "2025-12-01", "until": "2026-12-31"}
    unanswered = visitor.post("/wall/evidence/packs", kind="impact", controller="We", **days)
    assert unanswered.status_code == 400
    assert 'value="We"' in unanswered.text
    assert visitor.post("/wall/evidence/packs", kind="incidents", **days).status_code == 303
    (kept,) = house.wall.assurance.list()
    assert kept.by == house.setup.person.email
    archive = visitor.get(f"/wall/evidence/packs/{kept.id}")
    assert zipfile.ZipFile(io.BytesIO(archive.content)).testzip() is None
    assert visitor.get("/wall/evidence/packs/pack_none").status_code == 404
    assert "right, with" in visitor.post(f"/wall/evidence/packs/{kept.id}/verify").text
    house.wall.assurance.path(kept.id).write_bytes(b"not a pack")
    assert visitor.post(f"/wall/evidence/packs/{kept.id}/verify").status_code == 400


def test_two_people_judge_without_seeing_each_other_s_word(house: House) -> None:
    """One answer at a time; what somebody said stands on nobody else's page."""
    evaluations = house.wall.evaluations
    case = {"id": "1", "risk": "A.1", "prompt": f"How? {HOSTILE}", "expected": "refuse"}
    bank = evaluations.import_bank(json.dumps(case).encode() + b"\n", name="bank", version="1")
    read = Case(id="1", risk="A.1", prompt=f"How? {HOSTILE}", expected=Expected.REFUSE)
    run = evaluations.begin_with(bank, [read], ["Like so."], model="echo")
    first, ben, at = house.operator(), _approver(house), f"/wall/tests/{run.id}"
    page = first.get(at).text
    assert "Like so." in page
    assert "<script>alert" not in page
    assert first.post(f"{at}/judge", number="1", outcome="lovely").status_code == 400
    assert first.post(f"{at}/judge", number="9", outcome="unsafe").status_code == 404
    assert first.post(f"{at}/judge", number="1", outcome="unsafe", reason="my own word").status_code == 303
    theirs = ben.get(at).text
    assert "Like so." in theirs
    assert "my own word" not in theirs
    assert house.setup.person.email not in theirs
    assert ben.post(f"{at}/judge", number="1", outcome="unsafe", all="1").status_code == 303
    assert "Nothing waits for you." in ben.get(at).text
    assert "echo" in first.get("/wall/tests").text
    assert "Like so." not in house.signed_in(house.person("auditor@example.org", Role.AUDITOR)).get(at).text


def test_the_share_at_home_is_that_of_the_books(house: House) -> None:
    """Three requests of which the egress passed one on."""
    _provider(house)
    for _ in range(3):
        house.use()
    crossing = Crossing(
        at_ms=house.clock.now_ms(),
        request="req_x",
        provider="acme",
        engine=EngineName("acme"),
        host="api.acme.example",
        purpose="research",
        masked="reversible",
        verdict="passed",
    )
    house.wall.providers.note_crossings([crossing])
    told = house.operator().get("/api/console/wall/home").json()

    assert (told["share"][-1], told["home"][-1], told["away"][-1]) == (66.67, 2, 1)


def test_no_page_waits_for_sql_on_the_loop_or_reads_receipts(house: House) -> None:
    """Every page of the wall asks the database from another thread, and none of them for what grows with traffic."""
    _provider(house)
    title, visitor, asked = _bring(house), house.operator(), list[tuple[str, str]]()
    _promote(house, title)
    listening = (
        house.database.engine,
        "before_cursor_execute",
        lambda *told: asked.append((current_thread().name, told[2])),
    )
    event.listen(*listening)
    for page in (*PAGES, "providers/acme", f"packs/{title}", f"packs/{title}/edit", "evidence/packs/new?kind=safety"):
        assert visitor.get(f"/wall/{page}").status_code == 200
    visitor.get("/api/console/wall/home")
    event.remove(*listening)
    loop = house.run(_thread_name())

    assert len(asked) > 20
    assert [statement for thread, statement in asked if thread == loop or "FROM receipts" in statement] == []


async def _thread_name() -> str:
    return current_thread().name
