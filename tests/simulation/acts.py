"""What may happen in a step, and how often."""

from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any

from courtyard.core.amount import REQUEST, Amount
from courtyard.core.errors import CourtyardError
from courtyard.ledger import Ledger, Outcome, Period
from courtyard.storage import Entry
from tests.simulation.faults import Fault
from tests.simulation.world import USD, Node, World

Act = Callable[[World], None]

_MINUTE_S = 60
_SKEW_MS_MAX = 20_000


def _node(world: World) -> Node | None:
    up = world.up()
    return world.chance.choice(up) if up else None


def ask(world: World) -> None:
    """A caller asks; every so often under an idempotency key that others use too."""
    node = _node(world)
    if node is None:
        return
    chance = world.chance
    key = f"key_{chance.randrange(40)}" if chance.random() < 0.2 else None
    work = world.begin(node, chance.choice(world.tenants), ceiling=chance.randrange(1, 90), key=key)
    _refusable(world, node, world.beside(node, work) if chance.random() < 0.5 else work)


def answer(world: World) -> None:
    """An answer ends: whole, cut, given up by its reader, or failed by its engine."""
    node = _node(world)
    running = sorted(id for id, stream in node.streams.items() if stream.settlement is None) if node else []
    if node is not None and running:
        world.finish(node, world.chance.choice(running), world.chance.choice(list(Outcome)), part=world.chance.random())


def flush(world: World) -> None:
    """A group of receipts becomes durable, and their answers end."""
    if (node := _node(world)) is not None:
        world.flush(node)


def post(world: World) -> None:
    """A node posts its journal, and then some of it once more."""
    node = _node(world)
    if node is None or node.ledger is None:
        return
    world.flush(node)
    ledger = node.ledger
    _refusable(world, node, ledger._post_durable())
    if node.ledger is ledger and world.chance.random() < 0.3:
        entries = list(ledger._journal.entries())
        begin = world.chance.randrange(len(entries) + 1)
        again = entries[begin : begin + world.chance.randrange(1, 9)]
        _refusable(world, node, _sent(ledger, again))


def turn(world: World) -> None:
    """A node renews, returns and looks for what others want."""
    node = _node(world)
    if node is None or node.ledger is None:
        return

    async def turned(ledger=node.ledger) -> None:
        ledger.reload()
        await ledger._turn()

    _refusable(world, node, turned())


def trouble(world: World) -> None:
    """The next transaction of a node goes wrong."""
    if (node := _node(world)) is not None:
        node.line.next = world.chance.choice(list(Fault))


def part(world: World) -> None:
    """A node and the book are parted, or find each other again."""
    node = world.chance.choice(world.nodes)
    node.line.is_cut = world.chance.random() < 0.3


def kill(world: World) -> None:
    """A process is gone."""
    if (node := _node(world)) is not None:
        world.kill(node)


def start(world: World) -> None:
    """A process that was gone comes back."""
    down = [node for node in world.nodes if not node.is_up]
    if down:
        world.start(world.chance.choice(down))


def stop(world: World) -> None:
    """A node is drained in order."""
    node = _node(world)
    if node is None or node.ledger is None or world.chance.random() < 0.7:
        return
    for id in [id for id, stream in node.streams.items() if stream.settlement is None]:
        node.ledger.release(node.streams.pop(id).hold)
    world.flush(node)
    _refusable(world, node, node.ledger.stop())
    node.ledger = None


def wait(world: World) -> None:
    """Time goes by: mostly seconds, sometimes hours."""
    chance = world.chance
    world.true_clock.advance(chance.choice([1, 1, 2, 5, 20, _MINUTE_S, 40 * _MINUTE_S, 5 * 3600]))


def set_clock(world: World) -> None:
    """A node's clock jumps."""
    world.chance.choice(world.nodes).clock.skew_ms = world.chance.randrange(-_SKEW_MS_MAX, _SKEW_MS_MAX)


def top_up(world: World) -> None:
    """Somebody pays, and the payment is told twice."""
    tenant, count = world.chance.choice(world.tenants), world.chance.randrange(1, 900)
    reference = f"payment_{world.chance.getrandbits(48):x}"
    world.top_up(tenant, count, reference)
    world.office.top_up(world.wallets[tenant].id, _usd(count), reference)


def set_limit(world: World) -> None:
    """An admin raises or lowers a limit."""
    tenant, chance = world.chance.choice(world.tenants), world.chance
    if chance.random() < 0.5:
        world.limit(tenant, USD, Period.MONTH, chance.randrange(100, 12_000))
    else:
        world.limit(tenant, REQUEST, chance.choice([Period.DAY, Period.MINUTE]), chance.randrange(2, 200))


WEIGHTS: dict[Act, int] = {
    ask: 30,
    answer: 24,
    flush: 10,
    post: 9,
    turn: 12,
    wait: 8,
    trouble: 3,
    part: 3,
    kill: 1,
    start: 6,
    stop: 1,
    set_clock: 1,
    top_up: 3,
    set_limit: 1,
}


def step(world: World) -> str:
    """Let one thing happen, and say what it was."""
    act = world.chance.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
    act(world)
    return act.__name__


def _usd(count: int) -> Amount:
    return Amount(count, USD)


async def _sent(ledger: Ledger, entries: Sequence[Entry]) -> None:
    ledger._book.post(entries)


def _refusable(world: World, node: Node, work: Coroutine[Any, Any, object]) -> None:
    """Run what may be refused: a refusal is an answer too."""
    with suppress(CourtyardError):
        world.run(node, work)
