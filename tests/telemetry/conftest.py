"""An exchange to tell of, and somewhere to tell it."""

import io
from collections.abc import Callable

import pytest

from courtyard.core.amount import Amount, money
from courtyard.core.usage import Usage
from courtyard.telemetry import Exchange, Telemetry, TelemetrySettings


@pytest.fixture
def exchange() -> Exchange:
    """A streamed chat that went well."""
    return Exchange(
        request_id="req_1",
        door="openai",
        method="POST",
        path="/v1/chat/completions",
        status=200,
        begun_ms=1_767_225_600_123,
        duration_ms=812.5,
        first_token_ms=90.0,
        kind="chat",
        stream=True,
        model="small",
        engine="llama",
        region="home",
        organisation="org_1",
        project="prj_1",
        key="key_1",
        usage=Usage(input=9, cached_input=3, output=50, reasoning=1),
        cost=Amount(1_234, money("USD")),
        outcome="complete",
        marks={"authenticate": 0.5, "admit": 1.5},
    )


@pytest.fixture
def lines() -> io.BytesIO:
    return io.BytesIO()


@pytest.fixture
def telemetry(lines: io.BytesIO) -> Telemetry:
    return Telemetry(TelemetrySettings(log_format="json"), stream=lines)


@pytest.fixture
def sample(telemetry: Telemetry) -> Callable[[str], float]:
    """Read one line of `/metrics` by its name and labels."""

    def read(series: str) -> float:
        for line in telemetry.metrics().decode().splitlines():
            name, _, value = line.rpartition(" ")
            if name == series:
                return float(value)
        raise AssertionError(f"no series {series}")

    return read
