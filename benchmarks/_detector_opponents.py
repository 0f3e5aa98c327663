"""The public detectors in an environment of their own, and their change points as findings."""

import json
import subprocess
import threading
import venv
from pathlib import Path

import numpy as np
import polars as pl

PEERS = ("apache-otava==0.8.0", "ruptures==1.1.10", "numpy==2.2.6", "scipy")
INSTALL_SECONDS = 100


class Peers:
    """A temporary environment with the public detectors, installed while we score ourselves."""

    def __init__(self, folder: Path) -> None:
        self.python = folder / "bin" / "python"
        self.folder = folder
        self.problem = ""
        self._thread = threading.Thread(target=self._install)
        self._thread.start()

    def _install(self) -> None:
        # Without Otava's own dependencies: its analysis needs NumPy and SciPy, not BigQuery.
        command = [str(self.python), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        try:
            venv.create(self.folder, with_pip=True)
            for extra in (["--no-deps", *PEERS[:2]], [*PEERS[2:]]):
                subprocess.run(
                    [*command, *extra], check=True, capture_output=True, timeout=INSTALL_SECONDS
                )
        except (OSError, subprocess.SubprocessError) as error:
            self.problem = f"cannot install {', '.join(PEERS[:2])}: {type(error).__name__}"

    def run(self, values: list[np.ndarray]) -> dict[str, dict]:
        """Return changes and CPU seconds of each peer; empty if there are no peers."""
        self._thread.join()
        if self.problem:
            return {}
        offset = np.cumsum([0, *(len(v) for v in values)])
        source, target = self.folder / "in.npz", self.folder / "out.json"
        np.savez(source, value=np.concatenate(values), offset=offset)
        script = Path(__file__).with_name("_detector_peers.py")
        try:
            subprocess.run(
                [str(self.python), str(script), str(source), str(target)],
                check=True, capture_output=True, timeout=120,
            )  # fmt: skip
        except subprocess.CalledProcessError as error:
            self.problem = f"peers failed: {error.stderr.decode().strip().splitlines()[-1:]}"
            return {}
        except subprocess.TimeoutExpired as error:
            self.problem = f"peers took more than {error.timeout} s"
            return {}
        return json.loads(target.read_text())


def peer_findings(series: pl.DataFrame, cuts: list[list[int]]) -> pl.DataFrame:
    """Peers' change points with direction and size from the medians of both levels."""
    rows = []
    parts = series.partition_by("series_id", maintain_order=True)
    for part, at in zip(parts, cuts, strict=True):
        value, ts = part["value"].to_numpy(), part["ts"].to_list()
        edges = [0, *sorted({k for k in at if 0 < k < len(value)}), len(value)]
        for a, b, c in zip(edges, edges[1:], edges[2:], strict=False):
            ratio = float(np.median(value[b:c]) / np.median(value[a:b])) - 1
            rows.append((part["series_id"][0], ts[b], "up" if ratio > 0 else "down", ratio))
    schema = {
        "series_id": pl.String, "change_ts": pl.Datetime("us"), "direction": pl.String,
        "relative_change": pl.Float64,
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row")
