"""Which of two things is faster, decided by interleaved blocks of load; pure.

Both sides run in turn, in the order A B B A A B B A ..., so that a machine that grows slower or
busier does so for both. A pair of neighbouring blocks gives one ratio; what is said rests on the
logarithms of these ratios, whose scatter is the noise of this machine at this time. Looked at more
than once, a difference that is none would be found sooner or later: the error allowed is divided
over the looks.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from perf_pipeline.errors import InputError
from perf_pipeline.terms import COMPARED

#: Pairs after which the data are looked at. Fewer than six say nothing at the error of one look.
LOOKS: Final = (6, 10, 15, 20, 30)
#: Probability of naming a difference where there is none, over all looks.
ERROR: Final = 0.05
#: Two-sided 99 % quantiles of Student's t by degrees of freedom: the error of one look. Between
#: two, that of fewer degrees is taken.
_T: Final = {
    2: 9.925,
    3: 5.841,
    4: 4.604,
    5: 4.032,
    6: 3.707,
    7: 3.499,
    8: 3.355,
    9: 3.250,
    14: 2.977,
    19: 2.861,
    29: 2.756,
}
#: Two sides are the same for practical purposes within this ratio: the noise floor of SPREAD_FLOOR
#: elsewhere, below which differences are code layout and timer resolution.
SAME: Final = 1.02
#: Resamples of the bootstrap: their quantiles at the smallest error (0.05 / 5 looks / 2 sides) have
#: 20 of them beyond.
RESAMPLES: Final = 4_000

Floats = npt.NDArray[np.float64]


class Decision(StrEnum):
    """What a comparison says."""

    A_BETTER = "A is better"
    B_BETTER = "B is better"
    SAME = "the same"
    NOT_SHOWN = "no difference shown"


@dataclass(frozen=True)
class Block:
    """What one block of load measured; None: nothing.

    Percentiles in ms, transactions a second, blocks that a transaction touched.
    """

    side: str
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    throughput_tps: float | None
    blocks: float | None = None


@dataclass(frozen=True)
class Compared:
    """One metric of B over A.

    Attributes
    ----------
    metric : str
    ratio, low, high : float
        B / A with its interval, which holds at every look at once.
    noise : float
        Standard deviation of the ratio of one pair, as a share: what a single pair may be off by.
    pairs : int
    decision : Decision

    """

    metric: str
    ratio: float
    low: float
    high: float
    noise: float
    pairs: int
    decision: Decision


def side(number: int) -> str:
    """Return which side block `number` (from 0) runs: A B B A, again and again."""
    return "ABBA"[number % 4]


def ratios(blocks: Sequence[Block], metric: str) -> Floats:
    """Return the logarithm of B / A of each whole pair of neighbouring blocks.

    Raises
    ------
    InputError
        Blocks are not in the order of `side`, or a value is no positive number.

    """
    found = []
    for number, block in enumerate(blocks):
        if block.side != side(number):
            raise InputError(
                f"block {number} is of side {block.side!r}, not {side(number)!r}",
                "run the blocks in the order A B B A",
            )
        value = getattr(block, metric)
        if not (isinstance(value, int | float) and math.isfinite(value) and value > 0):
            raise InputError(
                f"block {number}: {metric} = {value!r} is no measurement",
                "make blocks so long that each has transactions that succeed"
                if metric != "blocks"
                else "have pg_stat_statements in both databases, or compare by time",
            )
    for first, second in zip(blocks[::2], blocks[1::2], strict=False):
        by_side = {first.side: first, second.side: second}
        found.append(math.log(getattr(by_side["B"], metric) / getattr(by_side["A"], metric)))
    return np.array(found)


def interval(logs: Floats) -> tuple[float, float, float]:
    """Return the mean of logarithms and its bounds, by a studentised bootstrap.

    They miss the truth at one look with a probability of `ERROR` over the number of looks.
    Resampled means are taken in units of their own standard error, which keeps the promise for few
    and skewed values (Efron and Tibshirani 1993, 12.5). Resamples come from a fixed seed: the same
    data say the same.

    Parameters
    ----------
    logs : ndarray of float64
        At least three.

    """
    error = ERROR / len(LOOKS)
    n = logs.size
    mean = float(logs.mean())
    spread = float(logs.std(ddof=1))
    if spread == 0.0:
        return mean, mean, mean
    drawn = np.random.default_rng(n).integers(0, n, (RESAMPLES, n))
    sample = logs[drawn]
    own = sample.std(axis=1, ddof=1)
    # resamples of one value only have no error to be measured in
    some = own > 0
    t = (sample.mean(axis=1)[some] - mean) / (own[some] / math.sqrt(n))
    low_t, high_t = np.quantile(t, (error / 2, 1 - error / 2))
    # never narrower than that of normal values: few resamples know little of the tails
    least = _T[max(freedom for freedom in _T if freedom < n)]
    step = spread / math.sqrt(n)
    return mean, mean - max(float(high_t), least) * step, mean - min(float(low_t), -least) * step


def compare(blocks: Sequence[Block], metric: str = "p95_ms") -> Compared:
    """Say which side is better by one metric.

    Parameters
    ----------
    blocks : sequence of Block
        In the order of `side`; a last block without its partner is left out.
    metric : str
        Of `terms.COMPARED`.

    Raises
    ------
    InputError
        Fewer than three pairs, an unknown metric, blocks out of order, or no measurement.

    """
    if metric not in COMPARED:
        raise InputError(f"metric {metric!r} is unknown", f"one of {', '.join(COMPARED)}")
    logs = ratios(blocks, metric)
    if logs.size < 3:
        raise InputError(f"{logs.size} pairs of blocks are too few", "run at least three")
    mean, low, high = interval(logs)
    margin = math.log(SAME)
    if low > 0 or high < 0:
        is_more = low > 0
        decision = Decision.B_BETTER if is_more == COMPARED[metric] else Decision.A_BETTER
        if -margin < low and high < margin:
            decision = Decision.SAME
    elif -margin < low and high < margin:
        decision = Decision.SAME
    else:
        decision = Decision.NOT_SHOWN
    return Compared(
        metric,
        math.exp(mean),
        math.exp(low),
        math.exp(high),
        math.expm1(float(logs.std(ddof=1))),
        int(logs.size),
        decision,
    )


def is_decided(blocks: Sequence[Block], metric: str = "p95_ms") -> bool:
    """Return whether nothing more need be run: something is shown, or this was the last look."""
    pairs = len(blocks) // 2
    if pairs >= max(LOOKS):
        return True
    if pairs not in LOOKS or len(blocks) % 2:
        return False
    return compare(blocks, metric).decision is not Decision.NOT_SHOWN
