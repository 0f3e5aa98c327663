"""What statements of the thorbis example do hour by hour, with known changes; pure.

Texts and usual behaviour are data (`sql/thorbis/history/`); the numbers follow from a seed.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt

from perf_pipeline.postgres import sqlfiles
from perf_pipeline.postgres.sqlfiles import SqlFile

FOLDER = "thorbis/history"

#: Share of a statement's calls by UTC hour of a working day, relative to its mean.
HOURS = np.array(
    (
        *(0.35, 0.3, 0.3, 0.3, 0.35, 0.5, 0.8, 1.2, 1.6, 1.8, 1.8, 1.7),
        *(1.5, 1.6, 1.7, 1.7, 1.6, 1.4, 1.1, 0.9, 0.7, 0.6, 0.5, 0.4),
    )
)
WEEKEND = 0.4
#: Persistence from one hour to the next of what makes all calls slower or faster.
AUTOCORRELATION = 0.5
#: Spread of single calls around their mean (coefficient of variation).
CALL_CV = 0.6
#: Hour at which nightly work runs.
NIGHTLY_HOUR = 2

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Statement:
    """A statement and its usual behaviour, from the header of its file.

    Attributes
    ----------
    name, text : str
    queryid : int
        From the text's hash.
    mean_ms, calls_per_hour, rows_per_call : float
    noise : float
        Standard deviation of the logarithm of the hourly mean.
    behaviour : str
        `steady`, `seasonal` (slower under load), `noisy` (spikes), `bimodal` (two plans),
        `few calls`, `nightly`.

    """

    name: str
    text: str
    queryid: int
    mean_ms: float
    calls_per_hour: float
    rows_per_call: float
    noise: float
    behaviour: str


@dataclass(frozen=True)
class Effect:
    """What an event does to a statement: time per call times `factor` from `onset` on.

    `ramp` spreads it over a time (a drift); `temp_blocks` are written per call from then on.
    """

    statement: str
    onset: datetime
    factor: float
    ramp: timedelta = timedelta(0)
    temp_blocks: int = 0


@dataclass(frozen=True)
class Behaviour:
    """One statement, interval by interval; arrays of equal length."""

    calls: npt.NDArray[np.int64]
    mean_ms: Floats
    factor: Floats
    temp_blocks: npt.NDArray[np.int64]


def statements() -> list[Statement]:
    """Return the statements of the example history, by name."""
    return [_statement(file) for file in sqlfiles.folder(FOLDER)]


def _statement(file: SqlFile) -> Statement:
    header = file.header
    body = "\n".join(line for line in file.text.splitlines() if not line.startswith("-- ")).strip()
    digest = hashlib.sha256(body.encode()).digest()
    return Statement(
        name=file.path.stem,
        text=body,
        queryid=int.from_bytes(digest[:8], "big", signed=True),
        mean_ms=float(header["mean ms"]),
        calls_per_hour=float(header["calls per hour"]),
        rows_per_call=float(header["rows per call"]),
        noise=float(header["noise"]),
        behaviour=header["behaviour"],
    )


def load_profile(ends: Sequence[datetime]) -> Floats:
    """Return the load at each instant relative to its mean over working hours and weekends."""
    hours = np.array([ts.hour for ts in ends])
    weekend = np.array([ts.weekday() >= 5 for ts in ends])
    return np.asarray(HOURS[hours] * np.where(weekend, WEEKEND, 1.0), dtype=np.float64)


def behave(
    statement: Statement,
    ends: Sequence[datetime],
    hours: float,
    effects: Sequence[Effect],
    rng: np.random.Generator,
) -> Behaviour:
    """Simulate one statement.

    Parameters
    ----------
    statement : Statement
    ends : Sequence of datetime
        End of each interval, naive UTC, ascending.
    hours : float
        Length of an interval.
    effects : Sequence of Effect
        Those of this statement.
    rng : numpy.random.Generator

    """
    n = len(ends)
    load = load_profile(ends)
    rate = statement.calls_per_hour * hours * load
    if statement.behaviour == "nightly":
        rate = np.zeros(n)
    calls = rng.poisson(rate).astype(np.int64)
    if statement.behaviour == "nightly":
        first = [i == 0 or ends[i].hour != ends[i - 1].hour for i in range(n)]
        calls = np.array(
            [int(f and ts.hour == NIGHTLY_HOUR) for f, ts in zip(first, ends, strict=True)],
            dtype=np.int64,
        )
    log = np.log(statement.mean_ms) + _persistent(n, statement.noise, rng)
    if statement.behaviour == "seasonal":
        log += 0.15 * (load - 1.0)
    if statement.behaviour == "noisy":
        log += np.where(rng.random(n) < 0.02, rng.uniform(0.7, 1.6, n), 0.0)
    if statement.behaviour == "bimodal":
        log += np.log1p(1.5 * rng.beta(0.4, 2.4, n))
    # the mean of n calls varies less than one call
    log += rng.normal(0.0, 1.0, n) * CALL_CV / np.sqrt(np.maximum(calls, 1))
    factor, temp = np.ones(n), np.zeros(n, dtype=np.int64)
    for effect in effects:
        share = np.array([_share(effect, ts, hours) for ts in ends])
        factor *= np.exp(share * math.log(effect.factor))
        temp += np.rint(share * effect.temp_blocks).astype(np.int64)
    return Behaviour(calls, np.exp(log) * factor, factor, temp * calls)


def _persistent(n: int, sigma: float, rng: np.random.Generator) -> Floats:
    shocks = rng.normal(0.0, sigma * math.sqrt(1 - AUTOCORRELATION**2), n)
    shocks[0] = rng.normal(0.0, sigma)
    out = np.empty(n)
    level = 0.0
    for i, shock in enumerate(shocks):
        level = AUTOCORRELATION * level + shock
        out[i] = level
    return out


def _share(effect: Effect, end: datetime, hours: float) -> float:
    """How much of an effect an interval shows: the part of it after the onset, or of the ramp."""
    if effect.ramp:
        return min(1.0, max(0.0, (end - effect.onset) / effect.ramp))
    return min(1.0, max(0.0, (end - effect.onset) / timedelta(hours=hours)))
