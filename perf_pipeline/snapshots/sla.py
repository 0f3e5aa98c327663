"""Service levels of a target in a span: response time (T-02), cache hits (T-05), connecting (T-06).

pg_stat_statements keeps a mean and a standard deviation per statement, no percentiles. The 95th
percentile is therefore an estimate: each statement's execution times are taken as log-normal with
its mean and deviation, and the mixture of all statements, weighted by calls, is inverted.
"""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
import polars as pl

from perf_pipeline.errors import InputError
from perf_pipeline.snapshots.redact import text_hash
from perf_pipeline.store import frames, targets
from perf_pipeline.store.engine import Store
from perf_pipeline.store.own import OWN_TEXT

STATEMENTS = {
    "userid": pl.Int64(),
    "dbid": pl.Int64(),
    "queryid": pl.Int64(),
    "calls": pl.Int64(),
    "total_exec_time": pl.Float64(),
    "exec_time_squares": pl.Float64(),
}

#: Halvings of the interval in which the quantile lies: enough for full double precision.
_BISECTIONS = 200

_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class SlaFigures:
    """Figures of a span; None where it could not be measured, and `notes` says why.

    Attributes
    ----------
    p95_ms : float or None
        Estimated 95th percentile of the execution time of top-level statements, by calls.
    cache_hit_ratio : float or None
        Blocks found in shared buffers / blocks asked for, 0 to 1.
    connection_ms : float or None
        95th percentile of the time the collector's own connections took until usable.
    calls : int
        Calls the estimate rests on.
    notes : str

    """

    p95_ms: float | None
    cache_hit_ratio: float | None
    connection_ms: float | None
    calls: int
    notes: str = ""


def log_normal_quantile(
    calls: _Floats, means: _Floats, variances: _Floats, share: float
) -> float | None:
    """Return the quantile of a mixture of log-normal distributions. Pure.

    Parameters
    ----------
    calls : array of float
        Weight of each part, at least 0.
    means, variances : array of float
        Of each part, at least 0 (units: ms, ms²). A variance of 0 is a fixed value.
    share : float
        Between 0 and 1, exclusive.

    Returns
    -------
    float or None
        In ms; None when there is no weight.

    Raises
    ------
    InputError
        `share` is not between 0 and 1.

    """
    if not 0.0 < share < 1.0:
        raise InputError(f"share is {share}; it must lie between 0 and 1", "use 0.95 for the p95")
    used = calls > 0
    calls, means, variances = calls[used], means[used], variances[used]
    if calls.size == 0:
        return None
    weights = calls / calls.sum()
    zero = means <= 0.0
    safe = np.where(zero, 1.0, means)
    # log-normal with mean m and variance v: sigma² = log(1 + v/m²), mu = log m - sigma²/2
    sigma = np.sqrt(np.log1p(np.where(zero, 0.0, np.maximum(variances, 0.0)) / safe**2))
    mu = np.log(safe) - sigma**2 / 2.0
    if weights[zero].sum() >= share:
        return 0.0
    fixed = sigma < 1e-9
    spread = np.where(fixed, 1.0, sigma)

    def below(x: float) -> float:
        """Share of executions that take at most exp(x) ms."""
        part = np.where(fixed, (mu <= x).astype(float), _normal_cdf((x - mu) / spread))
        return float((weights * np.where(zero, 1.0, part)).sum())

    # a quantile of the mixture lies between the smallest and the largest of its parts' quantiles;
    # 40 deviations leave nothing outside
    low = float((mu - 40.0 * sigma)[~zero].min()) - 1.0
    high = float((mu + 40.0 * sigma)[~zero].max()) + 1e-12
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2.0
        if below(middle) >= share:
            high = middle
        else:
            low = middle
    return float(np.exp(high))


def _normal_cdf(z: _Floats) -> _Floats:
    # Abramowitz and Stegun, Handbook of Mathematical Functions, 26.2.17: error below 7.5e-8
    t = 1.0 / (1.0 + 0.2316419 * np.abs(z))
    poly = t * (
        0.319381530 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429)))
    )
    tail = np.exp(-np.minimum(z * z, 1400.0) / 2.0) / np.sqrt(2.0 * np.pi) * poly
    cdf: _Floats = np.where(z >= 0.0, 1.0 - tail, tail)
    return cdf


def p95(statements: pl.DataFrame) -> float | None:
    """Return the estimated 95th percentile of execution times in ms, None without calls. Pure.

    Parameters
    ----------
    statements : polars.DataFrame
        Columns calls, total_exec_time (ms), exec_time_squares (ms²), one row per statement.

    """
    calls = statements["calls"].cast(pl.Float64).to_numpy()
    divisor = np.maximum(calls, 1.0)
    means = statements["total_exec_time"].to_numpy() / divisor
    variances = np.maximum(statements["exec_time_squares"].to_numpy() / divisor - means**2, 0.0)
    return log_normal_quantile(calls, means, variances, 0.95)


def hit_ratio(hits: int, reads: int) -> float | None:
    """Return hits / (hits + reads), None when no block was asked for. Pure."""
    asked = hits + reads
    return hits / asked if asked else None


def measure(store: Store, target_name: str, start: datetime, end: datetime) -> SlaFigures:
    """Measure the service levels of a target over the sweeps in `(start, end]`.

    Parameters
    ----------
    store : Store
    target_name : str
    start, end : datetime
        Aware.

    """
    target_id = targets.find(store, target_name)
    if target_id is None:
        return SlaFigures(None, None, None, 0, f"target {target_name!r} was never swept")
    span = {"target_id": target_id, "start": start, "finish": end}
    own = {**span, "own_hash": text_hash(OWN_TEXT)}
    statements = frames.read(store, "sla_statements", STATEMENTS, own)
    blocks = store.rows("sla_database", span)[0]
    connections = store.rows("sla_connections", span)[0]
    figures = SlaFigures(
        p95_ms=p95(statements),
        cache_hit_ratio=hit_ratio(blocks["blks_hit"], blocks["blks_read"]),
        connection_ms=connections["p95_ms"],
        calls=int(statements["calls"].sum()),
    )
    return _with_notes(figures)


def _with_notes(figures: SlaFigures) -> SlaFigures:
    missing = {
        "no statement ran in an interval of this span": figures.p95_ms,
        "no block was asked for": figures.cache_hit_ratio,
        "no sweep connected": figures.connection_ms,
    }
    notes = "; ".join(why for why, value in missing.items() if value is None)
    return SlaFigures(**{**vars(figures), "notes": notes})
