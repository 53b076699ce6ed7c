"""What Prometheus is shown."""

from collections.abc import Callable

from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families

from courtyard.core.usage import Usage
from courtyard.telemetry import Exchange, Telemetry


def test_an_exchange_is_counted_once_in_every_metric(
    telemetry: Telemetry, exchange: Exchange, sample: Callable[[str], float]
) -> None:
    """Requests, times, tokens and cost all grow by what the exchange carries."""
    telemetry.finished(exchange)

    ended = 'door="openai",error="",model="small",path="/v1/chat/completions",status="200"'
    served = 'engine="llama",model="small"'
    assert sample(f"courtyard_requests_total{{{ended}}}") == 1
    assert (
        sample('courtyard_request_duration_seconds_sum{door="openai",model="small",path="/v1/chat/completions"}')
        == 0.8125
    )
    assert sample(f"courtyard_first_token_seconds_sum{{{served}}}") == 0.09
    assert sample('courtyard_cost_nano_total{currency="USD",model="small"}') == 1234
    directions = {"input": 9, "cached_input": 3, "output": 50, "reasoning": 1}
    for direction, count in directions.items():
        assert sample(f'courtyard_tokens_total{{direction="{direction}",{served}}}') == count


def test_token_time_leaves_the_first_token_out(
    telemetry: Telemetry, exchange: Exchange, sample: Callable[[str], float]
) -> None:
    """The wait for the first token has a metric of its own and does not slow the others."""
    telemetry.finished(replace(exchange, usage=Usage(output=11), first_token_ms=500.0, duration_ms=700.0))

    seconds = sample('courtyard_time_per_output_token_seconds_sum{engine="llama",model="small"}')
    assert abs(seconds - 0.02) < 1e-9


def test_what_callers_make_up_does_not_grow_the_metrics(telemetry: Telemetry, exchange: Exchange) -> None:
    """Ten thousand unknown models and addresses are one label value."""
    refused = replace(exchange, status=404, engine=None, usage=None, cost=None)
    for number in range(10_000):
        telemetry.finished(replace(refused, model=f"made-up-{number}", error="model_not_found"))
        telemetry.finished(replace(refused, path=f"/made/up/{number}", model=None, error="not_found"))

    text = telemetry.metrics()
    assert b"made-up" not in text
    assert b"/made/up" not in text
    assert b'model="other"' in text
    assert b'path="other"' in text


def test_label_sets_end_even_where_names_are_real(telemetry: Telemetry, exchange: Exchange) -> None:
    """Past two thousand sets the rest are counted together, so the page stays readable and memory ends."""
    for number in range(2_500):
        telemetry.finished(replace(exchange, model=f"model-{number}", engine=None))

    requests = [line for line in telemetry.metrics().splitlines() if line.startswith(b"courtyard_requests_total{")]
    assert len(requests) == 2_001
    assert sum(float(line.rpartition(b" ")[2]) for line in requests) == 2_500


def test_a_gauge_is_read_when_somebody_looks(telemetry: Telemetry, sample: Callable[[str], float]) -> None:
    """What a room shows is what it holds at that moment, one number or one a label value."""
    in_flight = [0]
    telemetry.watch("courtyard_in_flight", "Requests being served.", lambda: in_flight[0])
    telemetry.watch("courtyard_engine_up", "Whether an engine answers.", lambda: {"llama": 1, "e5": 0}, label="engine")
    in_flight[0] = 7

    assert sample("courtyard_in_flight") == 7
    assert sample('courtyard_engine_up{engine="llama"}') == 1
    assert sample('courtyard_engine_up{engine="e5"}') == 0


def test_prometheus_reads_the_page(telemetry: Telemetry, exchange: Exchange) -> None:
    """The page parses, every family says what it is, and names follow Prometheus' conventions."""
    telemetry.finished(exchange)

    families = list(text_string_to_metric_families(telemetry.metrics().decode()))
    ours = [family for family in families if family.name.startswith("courtyard_")]
    assert len(ours) >= 6
    assert all(family.documentation for family in ours)
    assert all(family.type in ("counter", "histogram") for family in ours)
