import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perf_pipeline.errors import InputError
from perf_pipeline.loadtests import ab
from perf_pipeline.loadtests.ab import Block, Decision


def block(number: int, value: float, **changes: Any) -> Block:
    usual = {
        "side": ab.side(number), "p50_ms": value, "p95_ms": value, "p99_ms": value,
        "throughput_tps": 1000 / value,
    }  # fmt: skip
    return Block(**(usual | changes))


def blocks(values: Sequence[float], effect: float = 1.0) -> list[Block]:
    """Return blocks with these values, those of B times `effect`."""
    return [
        block(number, value * (effect if ab.side(number) == "B" else 1.0))
        for number, value in enumerate(values)
    ]


def noisy(seed: int, count: int, drift: float = 0.0) -> list[float]:
    """Return values with heavy tails that depend on the one before, on a machine that drifts."""
    r = np.random.default_rng(seed)
    noise = np.zeros(count)
    for i in range(1, count):
        noise[i] = 0.5 * noise[i - 1] + 0.05 * r.standard_t(4)
    return list(10 * np.exp(noise + drift * np.arange(count) / count))


def run(source: Callable[[int], list[float]], seed: int, effect: float) -> ab.Compared:
    """Run blocks until it is decided, as the program does."""
    values = source(seed)
    for pairs in ab.LOOKS:
        some = blocks(values[: 2 * pairs], effect)
        if ab.is_decided(some):
            return ab.compare(some)
    raise AssertionError("the last look decides")


def test_the_sides_take_turns_and_each_goes_first_as_often() -> None:
    sides = "".join(ab.side(number) for number in range(8))
    assert sides == "ABBAABBA"


def test_what_is_no_difference_is_rarely_named() -> None:
    """Over all looks, on noise with heavy tails and memory, and on a machine that slows down."""
    for drift in (0.0, 0.5):
        found = [run(lambda s, d=drift: noisy(s, 60, d), seed, 1.0) for seed in range(120)]
        wrong = [each for each in found if each.decision in {Decision.A_BETTER, Decision.B_BETTER}]
        assert len(wrong) <= 120 * ab.ERROR


def test_a_difference_is_found_and_early() -> None:
    found = [run(lambda s: noisy(s, 60), seed, 1.3) for seed in range(30)]
    assert all(each.decision is Decision.A_BETTER for each in found)
    assert np.median([each.pairs for each in found]) <= 10
    assert np.median([each.ratio for each in found]) == pytest.approx(1.3, rel=0.03)
    covered = sum(each.low <= 1.3 <= each.high for each in found)
    assert covered >= 28


def test_two_that_are_the_same_are_said_to_be() -> None:
    values = [10 * (1 + 0.002 * math.sin(number * 7)) for number in range(20)]
    found = ab.compare(blocks(values))
    assert found.decision is Decision.SAME
    assert ab.is_decided(blocks(values))
    # a difference too small to matter is none, however sure it is
    assert ab.compare(blocks(values, 1.01)).decision is Decision.SAME
    assert ab.compare(blocks([10.0] * 12, 1.5)).decision is Decision.A_BETTER


def test_noise_hides_a_difference_and_is_told() -> None:
    r = np.random.default_rng(4)
    found = ab.compare(blocks(list(10 * np.exp(r.normal(0, 0.4, 12))), 1.05))
    assert found.decision is Decision.NOT_SHOWN
    assert found.noise > 0.2
    assert found.low < 1 < found.high


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(1, 1000), min_size=12, max_size=40), st.floats(0.1, 10))
def test_the_unit_does_not_matter_and_sides_may_be_swapped(
    values: list[float], unit: float
) -> None:
    found = ab.compare(blocks(values))
    assert ab.compare(blocks([value * unit for value in values])).ratio == pytest.approx(
        found.ratio
    )
    swapped = [
        block(number, value) for number, value in enumerate(_exchanged(values[: 2 * found.pairs]))
    ]
    other = ab.compare(swapped)
    assert other.ratio == pytest.approx(1 / found.ratio)
    opposite = {
        Decision.A_BETTER: Decision.B_BETTER,
        Decision.B_BETTER: Decision.A_BETTER,
    }
    if found.decision in opposite and other.decision in opposite:
        assert other.decision is opposite[found.decision]


def _exchanged(values: Sequence[float]) -> list[float]:
    return [x for first, second in zip(values[::2], values[1::2], strict=True)
            for x in (second, first)]  # fmt: skip


def test_more_throughput_is_better_and_more_latency_worse() -> None:
    slower = blocks(noisy(1, 40), 1.5)
    assert ab.compare(slower, "p99_ms").decision is Decision.A_BETTER
    found = ab.compare(slower, "throughput_tps")
    assert found.decision is Decision.A_BETTER
    assert found.ratio < 1


@pytest.mark.parametrize(
    ("given_blocks", "said"),
    [
        (blocks([1.0] * 4), "2 pairs of blocks are too few"),
        ([block(0, 1.0), block(0, 1.0)], "block 1 is of side 'A', not 'B'"),
        ([*blocks([1.0] * 5), block(5, 1.0, p95_ms=0.0)], "block 5: p95_ms = 0.0 is no"),
        ([block(0, 1.0, p95_ms=math.nan)], "block 0: p95_ms = nan is no"),
        ([block(0, 1.0, p95_ms=None)], "block 0: p95_ms = None is no"),
    ],
)
def test_bad_blocks_are_refused(given_blocks: list[Block], said: str) -> None:
    with pytest.raises(InputError, match=said):
        ab.compare(given_blocks)


def test_an_unknown_metric_is_refused() -> None:
    with pytest.raises(InputError, match="metric 'p42_ms' is unknown"):
        ab.compare(blocks([1.0] * 12), "p42_ms")


def test_work_decides_where_times_cannot() -> None:
    blocks = [
        Block(
            ab.side(n),
            1.0,
            2.0 + n % 3,
            5.0 * (1 + n % 4),
            100.0,
            40.0 if ab.side(n) == "B" else 4.0,
        )
        for n in range(12)
    ]
    assert ab.compare(blocks, "blocks").decision is ab.Decision.A_BETTER
    assert ab.compare(blocks, "p95_ms").decision is not ab.Decision.A_BETTER
