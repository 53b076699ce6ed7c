"""Decides whether a request may run, and where: rules are asked in order, and an admission is the proof."""

from courtyard.policy.candidates import NOTHING, Candidate, Seen
from courtyard.policy.explaining import Change, Explanation, explain
from courtyard.policy.facts import Decision, Facts, Judge, digest_of
from courtyard.policy.files import ENVELOPE, read_archive, read_files, write_archive
from courtyard.policy.gate import Gate
from courtyard.policy.judging import Judgement, failing, verdict_of
from courtyard.policy.model import Deny, Narrow, Pass, Rewrite, Rule, Verdict
from courtyard.policy.pack import Outcome, Pack, PackRefused, Parameter, Vector, day_of
from courtyard.policy.reading import read_pack
from courtyard.policy.replaying import Judged, Replay, replay
from courtyard.policy.service import Policy
from courtyard.policy.shelf import Packs, checked, shipped, shipped_files, statement_of
from courtyard.policy.shelved import Activation, Key, Shelved
from courtyard.policy.signing import read_private_key, read_public_key, sign, write_keys
from courtyard.policy.trials import Difference, Trial

__all__ = [
    "ENVELOPE",
    "NOTHING",
    "Activation",
    "Candidate",
    "Change",
    "Decision",
    "Deny",
    "Difference",
    "Explanation",
    "Facts",
    "Gate",
    "Judge",
    "Judged",
    "Judgement",
    "Key",
    "Narrow",
    "Outcome",
    "Pack",
    "PackRefused",
    "Packs",
    "Parameter",
    "Pass",
    "Policy",
    "Replay",
    "Rewrite",
    "Rule",
    "Seen",
    "Shelved",
    "Trial",
    "Vector",
    "Verdict",
    "checked",
    "day_of",
    "digest_of",
    "explain",
    "failing",
    "read_archive",
    "read_files",
    "read_pack",
    "read_private_key",
    "read_public_key",
    "replay",
    "shipped",
    "shipped_files",
    "sign",
    "statement_of",
    "verdict_of",
    "write_archive",
    "write_keys",
]
