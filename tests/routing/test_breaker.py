"""A failing engine is left alone for longer and longer, and one request at a time finds out whether it is well."""

from hypothesis import given
from hypothesis import strategies as st

from courtyard.routing import CircuitBreaker


def opened(*, at_s: float = 0.0) -> CircuitBreaker:
    """A breaker that has just opened, for one second."""
    breaker = CircuitBreaker(failures_max=2, pause_s=1.0, pause_s_max=4.0)
    breaker.failed(at_s)
    breaker.failed(at_s)
    return breaker


def test_a_success_between_failures_keeps_it_closed() -> None:
    """Only failures in a row open the breaker."""
    breaker = CircuitBreaker(failures_max=2)
    breaker.failed(0)
    breaker.succeeded()
    breaker.failed(0)

    assert breaker.allows(0)


def test_failures_in_a_row_open_it_for_the_pause() -> None:
    """Nothing is sent until the pause is over; then a probe may go."""
    breaker = opened(at_s=10)

    assert not breaker.allows(10)
    assert not breaker.allows(10.999)
    assert breaker.allows(11)


def test_one_probe_goes_at_a_time() -> None:
    """While a probe is out nothing else is sent, and looking at the breaker takes nobody's turn."""
    breaker = opened()
    assert all(breaker.allows(1) for _ in range(3))
    breaker.tried(1)

    assert not breaker.allows(1)
    assert not breaker.allows(1.5)


def test_a_probe_that_works_closes_it() -> None:
    """After one good answer everything is sent again, and the next pause is a short one."""
    breaker = opened()
    breaker.tried(1)
    breaker.succeeded()

    assert breaker.allows(1)
    breaker.failed(2)
    breaker.failed(2)
    assert breaker.allows(3)


def test_each_failed_probe_doubles_the_pause_up_to_the_longest() -> None:
    """An engine that stays down is asked less and less often."""
    breaker = opened()
    now_s, pauses = 1.0, []
    for _ in range(4):
        breaker.tried(now_s)
        breaker.failed(now_s)
        pause_s = next(pause for pause in (1.0, 2.0, 4.0, 8.0) if breaker.allows(now_s + pause))
        pauses.append(pause_s)
        now_s += pause_s

    assert pauses == [2.0, 4.0, 4.0, 4.0]


def test_a_burst_of_old_failures_does_not_lengthen_the_pause() -> None:
    """Requests that were under way when the breaker opened fail without consequence."""
    breaker = opened()
    for _ in range(100):
        breaker.failed(0.5)

    assert breaker.allows(1)


def test_a_probe_that_never_ends_gives_way_to_another() -> None:
    """A client that hangs up on a probe does not keep the engine out for good."""
    breaker = opened()
    breaker.tried(1)

    assert not breaker.allows(1.9)
    assert breaker.allows(2)


@given(st.lists(st.sampled_from(["tried", "succeeded", "failed"]), max_size=60), st.data())
def test_whatever_happens_it_allows_a_request_again(events: list[str], data: st.DataObject) -> None:
    """No sequence of events keeps an engine out for longer than the longest pause."""
    breaker = CircuitBreaker(failures_max=2, pause_s=1.0, pause_s_max=8.0)
    now_s = 0.0
    for event in events:
        now_s += data.draw(st.sampled_from([0.0, 0.5, 1.0, 10.0]))
        breaker.succeeded() if event == "succeeded" else getattr(breaker, event)(now_s)

    assert breaker.allows(now_s + 8.0)
