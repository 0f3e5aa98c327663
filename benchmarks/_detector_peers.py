"""Run the public change-point detectors; started with the peers' own interpreter.

Usage: `python _detector_peers.py IN.npz OUT.json`. IN: `value` f64 and `offset` i64 (where each
series starts). OUT: for each detector the first sample of each new level per series, and the
CPU seconds it took. Needs NumPy, and apache-otava or ruptures for what it is asked to run.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

Cuts = Callable[[np.ndarray], list[int]]


def otava(log: bool, max_pvalue: float) -> Cuts:
    """Apache Otava (E-divisive candidates, t-test) at a p-value, on values or logarithms."""
    from otava.analysis import compute_change_points

    def cuts(x: np.ndarray) -> list[int]:
        points, _ = compute_change_points((np.log(x) if log else x).tolist(), max_pvalue=max_pvalue)
        return [int(p.index) for p in points]

    return cuts


def kernel(penalty: float) -> Cuts:
    """Ruptures' KernelCPD (rbf) on logarithms scaled by a robust sigma, penalty * ln n."""
    import ruptures

    def cuts(x: np.ndarray) -> list[int]:
        y = np.log(x)
        sigma = 1.4826 * np.median(np.abs(np.diff(y))) / np.sqrt(2) or 1.0
        found = ruptures.KernelCPD(kernel="rbf", params={"gamma": 0.5}, min_size=6)
        return found.fit((y / sigma)[:, None]).predict(pen=penalty * np.log(len(y)))[:-1]

    return cuts


DETECTORS: dict[str, Callable[[], Cuts]] = {
    "Otava 0.8 defaults": lambda: otava(log=False, max_pvalue=0.001),
    "Otava 0.8 log p 1e-5": lambda: otava(log=True, max_pvalue=1e-5),
    "ruptures KernelCPD rbf 1.5": lambda: kernel(1.5),
}


def main() -> None:
    """Run every detector on every series."""
    data = np.load(sys.argv[1])
    series = np.split(data["value"], data["offset"][1:-1])
    out = {}
    for name, make in DETECTORS.items():
        try:
            cuts = make()
        except ImportError as error:
            out[name] = {"skipped": str(error)}
            continue
        cuts(series[0])
        start = time.process_time()
        found = [[int(k) for k in cuts(x)] for x in series]
        out[name] = {"cuts": found, "cpu_seconds": time.process_time() - start}
    Path(sys.argv[2]).write_text(json.dumps(out))


main()
