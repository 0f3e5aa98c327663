"""A DAGSTER_HOME folder with our dagster.yaml, and the environment that goes with it."""

import os
from importlib import resources
from pathlib import Path

from perf_pipeline.platform.storage import with_driver

#: Materializations of one step are written together: a backfilled partition costs 19-33 ms, not 81.
EVENT_BATCH_SIZE = "1000"


def template() -> Path:
    """Return our dagster.yaml: inside the wheel, else at the top of the repository."""
    packaged = Path(str(resources.files("perf_pipeline"))) / "_dagster.yaml"
    return packaged if packaged.is_file() else Path(__file__).resolve().parents[2] / "dagster.yaml"


def prepare(home: Path, dagster_pg_url: str) -> dict[str, str]:
    """Make `home` a DAGSTER_HOME and return the variables its processes need.

    Parameters
    ----------
    home : pathlib.Path
        Created when absent; its dagster.yaml is replaced by ours.
    dagster_pg_url : str
        URL of Dagster's own database, in any PostgreSQL spelling; never a watched database.

    Returns
    -------
    dict
        DAGSTER_HOME, DAGSTER_PG_URL, DAGSTER_EVENT_BATCH_SIZE; add them to the environment of
        webserver, daemon, code location and command line.

    Raises
    ------
    ConfigurationError
        Not a PostgreSQL URL.

    """
    url = with_driver(dagster_pg_url)
    home = home.expanduser().absolute()
    home.mkdir(parents=True, exist_ok=True)
    # a process that starts meanwhile reads the old file or the new one, never half of one
    fresh = home / f".dagster.yaml.{os.getpid()}"
    fresh.write_bytes(template().read_bytes())
    fresh.replace(home / "dagster.yaml")
    return {
        "DAGSTER_HOME": str(home),
        "DAGSTER_PG_URL": url,
        "DAGSTER_EVENT_BATCH_SIZE": EVENT_BATCH_SIZE,
    }
