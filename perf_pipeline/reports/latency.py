"""Estimate a percentile of latency over all calls from the mean and spread of each statement."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

#: Below this deviation of the logarithm a statement's latencies are taken as all alike.
_LEAST_SIGMA = 1e-3
#: Bisections: a span of 30 in the logarithm to one part in a thousand millions, far below what is
#: shown.
_HALVINGS = 36


def percentile(
    calls: Floats, total_ms: Floats, squares: Floats, probability: float = 0.95
) -> float | None:
    """Return the latency below which a share of all calls lies.

    pg_stat_statements keeps no histogram. Each statement's latencies are taken as log-normal with
    the recorded mean and variance (log-normal fits execution times well, normal would give
    negative ones), and the mixture of all statements, weighted by calls, is solved for the
    percentile by bisection.

    Parameters
    ----------
    calls, total_ms, squares : ndarray of float64
        Per statement: calls, sum of latencies (ms), sum of squared latencies (ms²; NaN where it is
        not known).
    probability : float
        Between 0 and 1.

    Returns
    -------
    float or None
        Milliseconds; None when nothing was called, or the spread of some statement is not known.

    """
    used = (calls > 0) & (total_ms > 0)
    if not used.any() or np.isnan(squares[used]).any():
        return None
    weight, mean = calls[used], total_ms[used] / calls[used]
    variance = np.maximum(squares[used] / weight - mean**2, 0.0)
    sigma = np.maximum(np.sqrt(np.log1p(variance / mean**2)), _LEAST_SIGMA)
    middle = np.log(mean) - sigma**2 / 2
    weight = weight / weight.sum()
    low = float((middle - 9 * sigma).min())
    high = float((middle + 9 * sigma).max())
    for _ in range(_HALVINGS):
        guess = (low + high) / 2
        if float(np.dot(weight, _normal_cdf((guess - middle) / sigma))) < probability:
            low = guess
        else:
            high = guess
    return float(np.exp((low + high) / 2))


def _normal_cdf(z: Floats) -> Floats:
    """Abramowitz and Stegun 26.2.17, error below 7.5e-8."""
    size = np.abs(z)
    t = 1 / (1 + 0.2316419 * size)
    series = t * (
        0.319381530 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429)))
    )
    tail: Floats = np.exp(-(size**2) / 2) / np.sqrt(2 * np.pi) * series
    return np.where(z >= 0, 1 - tail, tail)
