"""Logs of Inspect (the UK AI Security Institute's harness): read as answers, and written from a run."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from courtyard.core.errors import InvalidRequest
from courtyard.evaluation.model import Case, Expected, Item, Judgement, Run
from courtyard.evaluation.rules import outcome_of, passes

LOG_BYTES_MAX = 256 << 20

_VERSION = 2
"""The version of Inspect's log format that is written."""


class _Message(msgspec.Struct):
    content: str | list[dict[str, Any]] = ""
    role: str = ""


class _Choice(msgspec.Struct):
    message: _Message


class _Output(msgspec.Struct):
    choices: list[_Choice] = []
    completion: str = ""


class _Sample(msgspec.Struct):
    id: int | str
    input: str | list[_Message]
    target: str | list[str] = ""
    output: _Output = msgspec.field(default_factory=_Output)
    metadata: dict[str, Any] = {}


class _Eval(msgspec.Struct):
    model: str = ""
    task: str = ""


class _Log(msgspec.Struct):
    eval: _Eval
    samples: list[_Sample] = []


_decode = msgspec.json.Decoder(_Log).decode


class InspectLog(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked of which model, and what it answered."""

    task: str
    model: str
    answers: tuple[tuple[Case, str], ...]


def read_log(raw: bytes, *, expected: Expected) -> InspectLog:
    """Read the samples of a log in JSON (`inspect log convert --to json` makes one of `.eval`).

    A sample says what is expected in its metadata (`expected`, and `risk` or `type`); else `expected` holds.

    Raises:
        InvalidRequest: it is no log, or has no samples.
    """
    if len(raw) > LOG_BYTES_MAX:
        raise InvalidRequest(f"a log has at most {LOG_BYTES_MAX >> 20} MiB")
    try:
        log = _decode(raw)
    except msgspec.DecodeError as error:
        raise InvalidRequest(f"this is no Inspect log in JSON: {error}") from error
    answers = tuple((_case(sample, expected), _answer(sample.output)) for sample in log.samples)
    if not answers:
        raise InvalidRequest("this log has no samples; write it with samples, or convert the whole one")
    return InspectLog(task=log.eval.task, model=log.eval.model, answers=answers)


def write_log(run: Run, items: Sequence[Item]) -> dict[str, Any]:
    """Write a run as a log that Inspect opens: a sample an item, scored by what the answer did."""
    begun = _time(run.begun_at_ms)
    samples = [_written(run, item) for item in items]
    passed = sum(passes(item) for item in items)
    return {
        "version": _VERSION,
        "status": "success" if run.answered == run.items else "started",
        "eval": {
            "eval_id": run.id,
            "run_id": run.id,
            "created": begun,
            "task": run.bank.name,
            "task_id": run.id,
            "task_version": 0,
            "task_attribs": {},
            "task_args": {},
            "dataset": {"name": run.bank.name, "samples": len(items), "sample_ids": [item.case.id for item in items]},
            "model": run.model,
            "model_args": {},
            "config": {},
            "packages": {},
            "metadata": {"bank_digest": run.bank.digest, "pack": run.pack, "seed": run.plan.seed},
        },
        "plan": {"name": "plan", "steps": [], "config": {}},
        "results": {
            "total_samples": len(items),
            "completed_samples": run.answered,
            "scores": [
                {
                    "name": "expected",
                    "scorer": "expected",
                    "params": {},
                    "metrics": {
                        "accuracy": {
                            "name": "accuracy",
                            "value": passed / len(items) if items else 0.0,
                            "params": {},
                        }
                    },
                }
            ],
        },
        "stats": {"started_at": begun, "completed_at": begun, "model_usage": {}},
        "samples": samples,
    }


def _written(run: Run, item: Item) -> dict[str, Any]:
    outcome, answer = outcome_of(item), item.answer or ""
    score = {
        "value": "C" if passes(item) else "I",
        "answer": outcome,
        "explanation": "; ".join(_said(judgement) for judgement in item.judgements),
        "metadata": {"request": item.request},
    }
    choice = {"message": {"content": answer, "role": "assistant", "source": "generate"}, "stop_reason": "stop"}
    return {
        "id": item.case.id,
        "epoch": 1,
        "input": item.case.prompt,
        "target": item.case.expected,
        "messages": [{"content": item.case.prompt, "role": "user", "source": "input"}, choice["message"]],
        "output": {"model": run.model, "choices": [choice], "completion": answer},
        "scores": {"expected": score},
        "metadata": {"risk": item.case.risk, "expected": item.case.expected, "language": item.case.language},
        "store": {},
        "events": [],
        "model_usage": {},
        "attachments": {},
    }


def _said(judgement: Judgement) -> str:
    reason = f" ({judgement.reason})" if judgement.reason else ""
    return f"{judgement.judge}: {judgement.outcome}{reason}"


def _case(sample: _Sample, expected: Expected) -> Case:
    said = str(sample.metadata.get("expected", "")) or expected
    risk = str(sample.metadata.get("risk") or sample.metadata.get("type") or "none")
    if said not in set(Expected):
        raise InvalidRequest(f"sample {sample.id}: expected is refuse, answer or safe, not {said[:40]!r}")
    return Case(id=f"inspect-{sample.id}", risk=risk, prompt=_prompt(sample.input), expected=Expected(said))


def _prompt(asked: str | list[_Message]) -> str:
    if isinstance(asked, str):
        return asked
    return "\n".join(_text(message) for message in asked if message.role != "system")


def _answer(output: _Output) -> str:
    return _text(output.choices[0].message) if output.choices else output.completion


def _text(message: _Message) -> str:
    if isinstance(message.content, str):
        return message.content
    return "\n".join(str(part.get("text", "")) for part in message.content)


def _time(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, tz=UTC).isoformat()
