"""Packs, decisions and differences, as the command line shows them."""

from typing import Any

from rich.markup import escape
from rich.table import Table

from courtyard.cli.common import out, print_table
from courtyard.policy import Change, Decision, Difference, Explanation, Pack, Parameter

_FACTS_SHOWN = ("organisation", "provider", "tier", "region", "purpose", "model", "classes")


def show_pack(pack: Pack) -> None:
    """Print a pack for people."""
    manifest = pack.manifest
    until = manifest.effective_until or "further notice"
    out.print(f"[bold]{pack.title}[/bold] {escape(manifest.title)}", highlight=False)
    out.print(f"in effect from {manifest.effective_from} until {until}; digest {pack.digest[:12]}", highlight=False)
    out.print(f"[yellow]{escape(manifest.notice)}[/yellow]", highlight=False)
    rules = Table("rule", "", "article", "says", "asks for")
    for rule in pack.rules:
        kind = "permits" if rule.permits else "forbids"
        rules.add_row(rule.id, kind, escape(rule.article), escape(rule.reason), ", ".join(rule.duties))
    print_table(rules, "asks for", "article")
    figures = Table("parameter", "value", "article", "source", "checked", "confidence")
    for one in pack.parameters:
        value = f"{written(one)} {one.unit}".strip()
        figures.add_row(one.name, escape(value), escape(one.article), escape(one.source), one.checked_on, _sure(one))
    print_table(figures, "source", "checked")


def show_explanation(explained: Explanation) -> None:
    """Print why something was decided, and what would turn it."""
    decision = explained.decision
    out.print(_headline(decision, explained.verdict), highlight=False, soft_wrap=True)
    for rule in explained.rules:
        kind = "permits" if rule.permits else "gives way" if decision.allowed else "forbids"
        out.print(
            f"  {rule.id} {kind}: {escape(rule.reason)} ({escape(rule.article)})", highlight=False, soft_wrap=True
        )
    if not explained.rules:
        out.print(f"  {decision.reason}", highlight=False)
    for obligation in decision.obligations:
        asked = f"{obligation.name} {obligation.value}".strip()
        out.print(f"  to be done: {asked}", highlight=False)
    turned = "refused" if decision.allowed else "allowed"
    for flip in explained.flips:
        out.print(f"  would be {turned} with {' and '.join(map(_change, flip))}", highlight=False, soft_wrap=True)
    if not explained.flips:
        out.print(f"  no change of up to three facts has it {turned} ({explained.tried:,} tried)", highlight=False)
    if explained.to_confirm:
        names = ", ".join(explained.to_confirm)
        out.print(f"  [yellow]to be confirmed in the official text:[/yellow] {names}", highlight=False, soft_wrap=True)


def differences_table(differences: tuple[Difference, ...]) -> Table:
    """Draw what a candidate would decide otherwise."""
    table = Table("times", "would be", "now by", "then by", "facts")
    for one in differences:
        then = one.failed if one.then is None else _by(one.then)
        table.add_row(f"{one.count:,}", one.changes, escape(_by(one.now)), escape(then), escape(_facts(one)))
    return table


def written(parameter: Parameter) -> str:
    """Write a parameter's value for people."""
    match parameter.value:
        case bool():
            return "yes" if parameter.value else "no"
        case int():
            return f"{parameter.value:,}"
        case tuple():
            return ", ".join(parameter.value)
    return parameter.value


def _headline(decision: Decision, verdict: str) -> str:
    word = "[green]allowed[/green]" if decision.allowed else "[red]refused[/red]"
    masked = ", once it is masked" if verdict == "rewrite" else ""
    return f"{word} by {decision.pack}{masked}"


def _change(change: Change) -> str:
    if change.how == "is":
        return f"{change.fact} {escape(_value(change.then))} instead of {escape(_value(change.now))}"
    return f"{change.fact} {change.how} {escape(_value(change.then))}"


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else repr(value) if value != "" else "nothing"


def _by(decision: Decision) -> str:
    return ", ".join(decision.rules) or decision.reason


def _facts(difference: Difference) -> str:
    told = []
    for name in _FACTS_SHOWN:
        value = getattr(difference.facts, name)
        if value:
            told.append(f"{name}={','.join(sorted(value)) if isinstance(value, frozenset) else value}")
    return " ".join(told)


def _sure(parameter: Parameter) -> str:
    return f"[yellow]{parameter.confidence}[/yellow]" if parameter.confidence == "low" else parameter.confidence.value
