"""Evidence for a change: p-value corrected for the search, interval, false discovery rate."""

import math
from statistics import NormalDist

import polars as pl


def t_tail(t: float, df: float) -> float:
    """Two-sided tail of Student's t with `df` degrees of freedom (Wallace's approximation).

    Wallace 1959: z = (8 df + 1) / (8 df + 3) * sqrt(df * ln(1 + t^2 / df)). Never too small in
    the range used: by under 5 % too large for |t| < 6 and df >= 10, by 38 % at t = 20, df = 4.
    """
    z = (8 * df + 1) / (8 * df + 3) * math.sqrt(df * math.log1p(t * t / df))
    return math.erfc(z / math.sqrt(2.0))


def search_p_value(t: float, df: float, n: int) -> float:
    """P-value of a statistic that is the largest over many places in a series of `n` samples.

    The tail of Student's t times the number of effectively independent comparisons the search
    makes, taken as max(4, n / 10) * ln n (positions of one change grow like ln n, pairs of
    neighbouring short levels like n). Set by simulation on independent noise of 30 to 720
    samples: there a p-value below 0.01 comes up in 0 to 2 % of the series, below 0.001 in 0 to
    0.3 % (`benchmarks/regressions.py` prints the rates).

    Parameters
    ----------
    t : float
        Difference of two levels over its standard error.
    df : float
        Degrees of freedom of the noise estimate.
    n : int
        Samples of the series.

    """
    comparisons = max(4.0, n / 10) * math.log(max(n, 3))
    return min(1.0, comparisons * t_tail(abs(t), df))


def interval_factor(confidence: float = 0.90) -> float:
    """Give the standard errors either side of an estimate for a two-sided interval."""
    return NormalDist().inv_cdf(0.5 + confidence / 2)


def false_discovery(findings: pl.DataFrame) -> pl.DataFrame:
    """Add `q_value`: Benjamini-Hochberg adjusted `p_value` over all rows given.

    `detect` judges each series alone; which findings of a whole run to believe at a given
    false discovery rate (say `q_value <= 0.05`) is decided over all of them, with this.

    Parameters
    ----------
    findings : DataFrame
        With `p_value` f64; other columns are kept.

    Returns
    -------
    DataFrame
        The same rows in the same order, plus `q_value` f64.

    """
    m = findings.height
    if m == 0:
        return findings.with_columns(q_value=pl.lit(None, dtype=pl.Float64))
    ranked = (
        findings.with_row_index("_row")
        .sort("p_value", "_row")
        .with_columns(_q=(pl.col("p_value") * m / pl.int_range(1, m + 1)).clip(0.0, 1.0))
        .with_columns(q_value=pl.col("_q").reverse().cum_min().reverse())
    )
    return ranked.sort("_row").drop("_row", "_q")
