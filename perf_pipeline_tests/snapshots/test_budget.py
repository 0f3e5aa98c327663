"""The cadence that a budget allows: never more than the share, never nothing, never to and fro."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_pipeline.snapshots import budget
from perf_pipeline.snapshots.budget import Account

CADENCE = 300.0
shares = st.floats(0.0001, 0.2)


class Watched:
    """A target on a schedule: sweeps when a tick finds it due, and remembers when and at what."""

    def __init__(self, share: float) -> None:
        self.share, self.balance = share, math.inf
        self.at: list[float] = []
        self.paid: list[float] = []

    def tick(self, now: float, cost_ms: float, active_share: float = 0.0) -> bool:
        elapsed = now - self.at[-1] if self.at else 0.0
        account = Account(self.balance, elapsed)
        if self.at and not budget.is_due(account, self.share):
            return False
        active = active_share * elapsed * 1000.0
        self.balance = budget.charge(account, cost_ms, active, self.share)
        self.at.append(now)
        self.paid.append(cost_ms)
        return True

    @property
    def spacings(self) -> list[float]:
        return [after - before for before, after in itertools.pairwise(self.at)]


@given(shares, st.lists(st.tuples(st.floats(0.0, 0.99), st.booleans()), max_size=80))
def test_all_sweeps_cost_no_more_than_the_share_of_their_time_and_of_the_hour_before(
    share: float, costs: list[tuple[float, bool]]
) -> None:
    watched = Watched(share)
    for number, (part, dear) in enumerate(costs):
        # none alone costs more than the budget of the longest wait
        most = share * budget.MOST_SECONDS * 1000.0
        cost = part * most * (1.0 if dear else 0.01)
        watched.tick(number * CADENCE, cost)
        elapsed_ms = 1000.0 * (watched.at[-1] - watched.at[0])
        kept = share * budget.CREDIT_SECONDS * 1000.0
        earned = share * elapsed_ms * (1 + 1e-9)
        assert sum(watched.paid) <= earned + kept + watched.paid[-1]


@given(shares, st.floats(0.0, 1e9), st.integers(2, 60))
def test_no_target_waits_longer_than_the_longest_wait(
    share: float, cost: float, sweeps: int
) -> None:
    watched = Watched(share)
    for number in range(sweeps * 13):
        watched.tick(number * CADENCE, cost)
    assert max(watched.spacings) <= budget.MOST_SECONDS
    now = watched.at[-1]
    for number in range(1, 14):  # and it recovers at once when the sweeps get cheap
        watched.tick(now + number * CADENCE, 0.0)
    assert watched.at[-1] == now + 13 * CADENCE
    assert watched.spacings[-1] == CADENCE


@given(shares, st.floats(0.01, 12.0))
def test_a_constant_cost_leads_to_a_constant_cadence_within_one_tick(
    share: float, ticks: float
) -> None:
    watched = Watched(share)
    cost = share * ticks * CADENCE * 1000.0  # what this many ticks earn
    for number in range(400):
        watched.tick(number * CADENCE, cost)
    later = watched.spacings[20:]  # the credit is used up by then, or never
    assert max(later) - min(later) <= CADENCE
    assert sum(later) / len(later) == pytest.approx(
        min(max(1.0, ticks) * CADENCE, budget.MOST_SECONDS), rel=0.1
    )
    if ticks <= 1.0:
        assert set(watched.spacings) == {CADENCE}


def test_a_dear_sweep_an_hour_is_paid_for_by_the_cheap_ones() -> None:
    watched = Watched(0.002)
    for number in range(24 * 12):
        watched.tick(number * CADENCE, 2_000.0 if number % 12 == 11 else 30.0)
    assert set(watched.spacings) == {CADENCE}
    assert sum(watched.paid) / (1000.0 * watched.at[-1]) < 0.002


def test_a_busy_database_gives_more_room() -> None:
    idle, busy = Watched(0.002), Watched(0.002)
    for number in range(100):
        idle.tick(number * CADENCE, 3_000.0)
        busy.tick(number * CADENCE, 3_000.0, active_share=8.0)
    assert set(busy.spacings[1:]) == {CADENCE}
    assert set(idle.spacings[5:]) == {1500.0}


def test_what_is_not_used_is_not_kept_for_ever() -> None:
    after_a_week = budget.charge(Account(0.0, 7 * 86_400.0), 0.0, None, 0.002)
    assert after_a_week == 0.002 * budget.CREDIT_SECONDS * 1000.0


def test_a_monstrous_sweep_is_forgotten_after_the_longest_wait() -> None:
    balance = budget.charge(Account(), 1e9, None, 0.002)
    assert budget.wait_s(balance, 0.002) == budget.MOST_SECONDS
    assert not budget.is_due(Account(balance, budget.MOST_SECONDS - 1), 0.002)
    assert budget.is_due(Account(balance, budget.MOST_SECONDS), 0.002)


def test_a_sweep_that_broke_off_delays_the_next_but_not_for_long() -> None:
    balance = budget.charge(Account(), 35_000.0, None, 0.002, broken=True)
    assert budget.wait_s(balance, 0.002) == budget.BROKEN_OFF_SECONDS
    # it never makes an older debt smaller
    deep = budget.charge(Account(-7_000.0, 0.0), 35_000.0, None, 0.002, broken=True)
    assert deep == -7_000.0
    assert budget.charge(Account(-10.0, 0.0), 30.0, None, 0.002, broken=True) == -40.0


def test_a_clock_that_went_back_neither_earns_nor_waits() -> None:
    assert budget.charge(Account(-500.0, -3600.0), 30.0, None, 0.002) == -530.0
    assert budget.is_due(Account(-5_000.0, -3600.0), 0.002)


@pytest.mark.parametrize(
    ("balance", "expected"), [(100.0, 300.0), (0.0, 300.0), (-600.0, 300.0), (-601.0, 600.0)]
)
def test_the_spacing_to_expect_is_whole_ticks(balance: float, expected: float) -> None:
    assert budget.spacing_s(balance, 0.002, CADENCE) == expected
