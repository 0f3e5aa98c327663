import threading
from datetime import UTC, datetime, timedelta

import pytest

from perf_pipeline.store import Store, servers, targets
from perf_pipeline.store.servers import Hold, Server

pytestmark = pytest.mark.server

STARTED = datetime(2026, 3, 1, tzinfo=UTC)
HERE = Server(7, "10.0.0.1", 5432, STARTED)
AGAIN = Server(7, "10.0.0.1", 5432, STARTED + timedelta(days=1))
SPACING = 300.0
#: Nobody is ever heard of soon enough.
NONE = 0.0


@pytest.fixture
def two(store: Store) -> tuple[int, int]:
    return targets.register(store, "one"), targets.register(store, "two")


def claim(store: Store, server: Server, target_id: int, spacing: float = SPACING) -> Hold:
    with store.begin() as connection:
        return servers.claim(connection, server, target_id, spacing)


def may_hold(store: Store, server: Server, target_id: int, spacing: float = SPACING) -> bool:
    with store.begin() as connection:
        return servers.may_hold(connection, server, target_id, spacing)


def test_the_first_one_holds_it_and_keeps_it(store: Store, two: tuple[int, int]) -> None:
    one, other = two
    assert may_hold(store, HERE, one)
    assert may_hold(store, HERE, other)
    assert claim(store, HERE, one) == Hold(one, continued=False)
    assert claim(store, HERE, other) == Hold(one, continued=False)
    assert not may_hold(store, HERE, other)
    assert claim(store, HERE, one) == Hold(one, continued=True)


def test_one_that_went_quiet_is_replaced_and_begins_anew(
    store: Store, two: tuple[int, int]
) -> None:
    one, other = two
    claim(store, HERE, one)
    assert may_hold(store, HERE, other, NONE)
    assert claim(store, HERE, other, NONE) == Hold(other, continued=False)
    # the first one is back: what the second counted is not its interval
    assert claim(store, HERE, one) == Hold(other, continued=False)
    assert claim(store, HERE, one, NONE) == Hold(one, continued=False)
    assert claim(store, HERE, one) == Hold(one, continued=True)


def test_quiet_by_its_own_reckoning_it_goes_on(store: Store, two: tuple[int, int]) -> None:
    one, _ = two
    claim(store, HERE, one)
    assert claim(store, HERE, one, NONE) == Hold(one, continued=True)


@pytest.mark.parametrize(
    "there",
    [
        Server(8, "10.0.0.1", 5432, STARTED),
        Server(7, "10.0.0.2", 5432, STARTED),
        Server(7, "10.0.0.1", 5433, STARTED),
    ],
)
def test_another_server_is_another_ones(there: Server, store: Store, two: tuple[int, int]) -> None:
    one, other = two
    claim(store, HERE, one)
    assert claim(store, there, other) == Hold(other, continued=False)


def test_it_is_kept_over_a_restart_whoever_sweeps_first(store: Store, two: tuple[int, int]) -> None:
    one, other = two
    claim(store, HERE, one)
    assert claim(store, AGAIN, other) == Hold(one, continued=False)
    assert claim(store, AGAIN, one) == Hold(one, continued=True)
    assert claim(store, AGAIN, other) == Hold(one, continued=False)


def test_the_holder_itself_may_see_the_restart_first(store: Store, two: tuple[int, int]) -> None:
    one, other = two
    claim(store, HERE, one)
    assert claim(store, AGAIN, one) == Hold(one, continued=True)
    assert not may_hold(store, AGAIN, other)


def test_a_holder_that_was_quiet_does_not_get_the_restarted_server(
    store: Store, two: tuple[int, int]
) -> None:
    one, other = two
    claim(store, HERE, one)
    assert claim(store, AGAIN, other, NONE) == Hold(other, continued=False)


def test_a_replica_with_the_same_address_gets_its_own_holder(
    store: Store, two: tuple[int, int]
) -> None:
    """Two containers: all but the start of the server is the same."""
    primary, replica = two
    claim(store, HERE, primary)
    assert claim(store, AGAIN, replica) == Hold(primary, continued=False)
    with store.begin() as connection:  # nobody sweeps it in the name of the primary's target
        connection.execute(
            "UPDATE ledger.servers SET swept_at = swept_at - interval '1 hour'"
            " WHERE postmaster_start = %s",
            [AGAIN.postmaster_start],
        )
    assert claim(store, HERE, primary).holder_id == primary
    assert claim(store, AGAIN, replica).holder_id == replica
    assert claim(store, HERE, primary) == Hold(primary, continued=True)


def test_a_removed_target_holds_nothing(store: Store, two: tuple[int, int]) -> None:
    one, other = two
    claim(store, HERE, one)
    with store.begin() as connection:
        connection.execute("DELETE FROM ledger.targets WHERE target_id = %s", [one])
    assert claim(store, HERE, other) == Hold(other, continued=False)


@pytest.mark.parametrize("there", [HERE, AGAIN])
def test_of_many_at_once_one_gets_it(there: Server, store: Store) -> None:
    ids = [targets.register(store, f"t{number}") for number in range(6)]
    if there is AGAIN:
        claim(store, HERE, ids[3])
    barrier = threading.Barrier(len(ids))
    found: list[int] = []

    def run(target_id: int) -> None:
        with store.begin() as connection:
            barrier.wait(timeout=30)
            found.append(servers.claim(connection, there, target_id, SPACING).holder_id)
            connection.execute("SELECT pg_sleep(0.02)")

    threads = [threading.Thread(target=run, args=(one,)) for one in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == len(ids)
    assert len(set(found)) == 1
    if there is AGAIN:
        assert set(found) == {ids[3]}


def test_others_do_not_wait_for_the_holder(store: Store, two: tuple[int, int]) -> None:
    one, other = two
    claim(store, HERE, one)
    with store.begin() as connection:
        servers.claim(connection, HERE, one, SPACING)  # and has not committed
        with store.begin() as second:
            second.execute("SET LOCAL lock_timeout = '200ms'")
            assert servers.claim(second, HERE, other, SPACING).holder_id == one
