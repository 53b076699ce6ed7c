"""Prometheus metrics, with children bound once a label set and a bound on how many sets there are."""

from collections.abc import Callable, Iterable, Mapping

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from courtyard.core.amount import currency
from courtyard.core.usage import Usage
from courtyard.telemetry.model import Exchange

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

OTHER = "other"
"""Stands for every address that is no route, every model that is not in the catalogue, and what passes the bound."""

_SETS_MAX = 2000
"""Label sets kept: a caller can make up names for ever, the memory of a server and of its Prometheus ends."""

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
_TOKEN_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 1, 2.5)

Reading = Callable[[], float | Mapping[str, float]]


class Metrics:
    """Everything that `/metrics` shows."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # A third of the page, and nobody asks when a counter was born.
        self._registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self._registry)
        self._requests = self._counter(
            "courtyard_requests", "Requests by how they ended.", "door", "path", "model", "status", "error"
        )
        self._duration = self._histogram(
            "courtyard_request_duration_seconds",
            "From the first byte in to the last byte out.",
            "door",
            "path",
            "model",
        )
        self._first_token = self._histogram(
            "courtyard_first_token_seconds",
            "From the first byte in to the first piece of the answer.",
            "model",
            "engine",
        )
        self._token_time = self._histogram(
            "courtyard_time_per_output_token_seconds",
            "Time a generated token took after the first.",
            "model",
            "engine",
            buckets=_TOKEN_SECONDS,
        )
        self._tokens = self._counter("courtyard_tokens", "Tokens, each counted once.", "model", "engine", "direction")
        self._cost = self._counter("courtyard_cost_nano", "Cost in nano-units of a currency.", "model", "currency")
        self._ended: dict[tuple[str, str, str, int, str], tuple[Counter, Histogram]] = {}
        self._served: dict[tuple[str, str], _Served] = {}
        self._costs: dict[tuple[str, str], Counter] = {}

    def count(self, exchange: Exchange) -> None:
        """Add an exchange to every metric that it has a value for."""
        path = OTHER if exchange.error in ("not_found", "method_not_allowed") else exchange.path
        model = OTHER if exchange.error == "model_not_found" else exchange.model or ""
        requests, duration = self._bind_ended((exchange.door, path, model, exchange.status, exchange.error or ""))
        requests.inc()
        duration.observe(exchange.duration_ms / 1000)
        if exchange.engine is not None:
            self._bind_served((model, exchange.engine)).count(exchange)
        if exchange.cost is not None and exchange.cost.count:
            self._bind_cost((model, exchange.cost.unit)).inc(exchange.cost.count)

    def watch(self, name: str, description: str, read: Reading, *, label: str = "") -> None:
        """Show a gauge that is read when somebody looks: one number, or one for each value of `label`."""
        self._registry.register(_Watched(name, description, read, label))

    def text(self) -> bytes:
        """Render in Prometheus' text format."""
        return generate_latest(self._registry)

    def _bind_ended(self, labels: tuple[str, str, str, int, str]) -> tuple[Counter, Histogram]:
        bound = self._ended.get(labels)
        if bound is None:
            if len(self._ended) >= _SETS_MAX:
                labels = (labels[0], OTHER, OTHER, labels[3], labels[4])
            door, path, model, status, error = labels
            bound = (
                self._requests.labels(door, path, model, str(status), error),
                self._duration.labels(door, path, model),
            )
            self._ended[labels] = bound
        return bound

    def _bind_served(self, labels: tuple[str, str]) -> "_Served":
        bound = self._served.get(labels)
        if bound is None:
            bound = _Served(
                first_token=self._first_token.labels(*labels),
                token_time=self._token_time.labels(*labels),
                input=self._tokens.labels(*labels, "input"),
                cached_input=self._tokens.labels(*labels, "cached_input"),
                cache_write=self._tokens.labels(*labels, "cache_write"),
                output=self._tokens.labels(*labels, "output"),
                reasoning=self._tokens.labels(*labels, "reasoning"),
            )
            self._served[labels] = bound
        return bound

    def _bind_cost(self, labels: tuple[str, str]) -> Counter:
        bound = self._costs.get(labels)
        if bound is None:
            model, unit = labels
            bound = self._costs[labels] = self._cost.labels(model, _currency(unit))
        return bound

    def _counter(self, name: str, description: str, *labels: str) -> Counter:
        return Counter(name, description, labels, registry=self._registry)

    def _histogram(self, name: str, description: str, *labels: str, buckets: tuple[float, ...] = _SECONDS) -> Histogram:
        return Histogram(name, description, labels, buckets=buckets, registry=self._registry)


class _Served:
    """The children of one model on one engine."""

    def __init__(
        self,
        *,
        first_token: Histogram,
        token_time: Histogram,
        input: Counter,
        cached_input: Counter,
        cache_write: Counter,
        output: Counter,
        reasoning: Counter,
    ) -> None:
        self._first_token = first_token
        self._token_time = token_time
        self._input = input
        self._cached_input = cached_input
        self._cache_write = cache_write
        self._output = output
        self._reasoning = reasoning

    def count(self, exchange: Exchange) -> None:
        usage = exchange.usage or _NOTHING
        first_ms = exchange.first_token_ms
        if first_ms is not None:
            self._first_token.observe(first_ms / 1000)
            if exchange.stream and usage.completion > 1:
                self._token_time.observe((exchange.duration_ms - first_ms) / 1000 / (usage.completion - 1))
        self._input.inc(usage.input)
        self._output.inc(usage.output)
        if usage.cached_input:
            self._cached_input.inc(usage.cached_input)
        if usage.cache_write:
            self._cache_write.inc(usage.cache_write)
        if usage.reasoning:
            self._reasoning.inc(usage.reasoning)


_NOTHING = Usage()


class _Watched(Collector):
    """A gauge read when scraped."""

    def __init__(self, name: str, description: str, read: Reading, label: str) -> None:
        self._name = name
        self._description = description
        self._read = read
        self._label = label

    def collect(self) -> Iterable[Metric]:
        family = GaugeMetricFamily(self._name, self._description, labels=[self._label] if self._label else None)
        reading = self._read()
        if isinstance(reading, Mapping):
            for value, number in reading.items():
                family.add_metric([value], number)
        else:
            family.add_metric([], reading)
        return (family,)

    def describe(self) -> Iterable[Metric]:
        return (GaugeMetricFamily(self._name, self._description),)


def _currency(unit: str) -> str:
    return currency(unit) or unit  # type: ignore[arg-type]
