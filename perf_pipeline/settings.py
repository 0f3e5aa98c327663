"""The PERF_* environment, validated once."""

import json
import os
from functools import cache
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from perf_pipeline.errors import ConfigurationError, UnreachableError

#: Written by the embedded server's launcher beside its data directory while the server runs.
ENDPOINT_FILE = "endpoint.json"


class Settings(BaseSettings):
    """Every knob of the environment; the README's settings table lists them."""

    model_config = SettingsConfigDict(env_prefix="PERF_", extra="ignore")

    store_url: Annotated[
        str | None,
        Field(description="URL of the store; unset: database perf_store on the embedded server."),
    ] = None
    redis_url: Annotated[
        str | None,
        Field(description="URL of the Redis that sinks tell which name no other."),
    ] = None
    home: Annotated[
        Path,
        Field(
            description="Folder of all we write locally: embedded server, Dagster home, reports."
        ),
    ] = Path(".perf-pipeline")
    pg_bin: Annotated[
        Path | None,
        Field(description="bin folder of the PostgreSQL to embed; unset: the packaged 18."),
    ] = None
    statement_timeout_ms: Annotated[
        int,
        Field(ge=100, le=600_000, description="Server-side limit of one statement on a target."),
    ] = 15_000  # a sweep of 100,000 statements takes about 1 s; ten times that, and some
    lock_timeout_ms: Annotated[
        int, Field(ge=10, le=60_000, description="Server-side limit of waiting for one lock.")
    ] = 500  # a reader that waits longer than this starts to queue writers behind it
    connect_timeout_s: Annotated[
        int, Field(ge=2, le=60, description="Limit of opening one connection (libpq's least is 2).")
    ] = 5
    collection_threads: Annotated[
        int, Field(ge=1, le=64, description="Targets swept at the same time by fleet/collection.")
    ] = 8
    archive_url: Annotated[
        str | None,
        Field(
            description="Where closed ledger days lie as Parquet: a folder, or s3://, gs://, "
            "az://bucket/prefix with credentials from the environment; unset: PERF_HOME/archive."
        ),
    ] = None
    hot_days: Annotated[
        int,
        Field(ge=8, le=3_650, description="Days the ledger's intervals stay in the store itself."),
    ] = 14  # two weeks: a day and the same day of the week before, with room for a long weekend
    hot_sweep_days: Annotated[
        int,
        Field(
            ge=70,
            le=3_650,
            description="Days that sweeps and changes of schema and settings stay in the store.",
        ),
    ] = 92  # a tenth of a megabyte a day; what is due is asked of them, 62 days back
    archive_days: Annotated[
        int,
        Field(ge=8, le=36_500, description="Days archived files are kept; 36500 is for ever."),
    ] = 400  # a year and a month: a month beside the same month of last year
    hourly_months: Annotated[
        int,
        Field(
            ge=3,
            le=1_200,
            description="Months hourly rollups, baselines and the details of load tests are kept.",
        ),
    ] = 13  # at least what a window of 35 days and a backfill of last month need
    daily_months: Annotated[
        int,
        Field(
            ge=3,
            le=1_200,
            description="Months daily rollups, findings, reports and texts are kept.",
        ),
    ] = 37  # three years and a month: what a trend of growth needs

    @property
    def archive_place(self) -> str:
        """The archive's folder or URL."""
        return self.archive_url or str(self.home_dir / "archive")

    heartbeat_url: Annotated[
        str | None,
        Field(
            description="Asked for (GET) after each evaluation of alerts, by a service that tells "
            "when it no longer is; unset: nobody."
        ),
    ] = None

    budget_percent: Annotated[
        float,
        Field(
            gt=0.0,
            le=100.0,
            description="Percent of a target's database time that its sweeps may cost; when they "
            "cost more, they become fewer.",
        ),
    ] = 0.2

    @property
    def home_dir(self) -> Path:
        """`home` as an absolute path."""
        return self.home.expanduser().absolute()


def load() -> Settings:
    """Read the environment.

    Returns
    -------
    Settings

    Raises
    ------
    ConfigurationError
        Names the variable, the value and what is allowed.

    """
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "PERF_" + str(first["loc"][0]).upper()
        raise ConfigurationError(
            f"environment variable {name}={first['input']!r}: {first['msg']}",
            f"set {name} to a value in that range, or unset it for the default",
        ) from error


@cache
def current() -> Settings:
    """Return the settings of this process, read once."""
    return load()


def embedded_url(database: str, settings: Settings | None = None) -> str:
    """Return the URL of a database on the running embedded server.

    Parameters
    ----------
    database : str
        Name of the database.
    settings : Settings, optional
        Default: this process's settings.

    Returns
    -------
    str
        `postgresql://user:password@127.0.0.1:port/database`.

    Raises
    ------
    UnreachableError
        The embedded server is not running.

    """
    path = (settings or current()).home_dir / "embedded" / ENDPOINT_FILE
    try:
        endpoint = json.loads(path.read_text())
        user, password = quote(endpoint["user"], safe=""), quote(endpoint["password"], safe="")
        return f"postgresql://{user}:{password}@{endpoint['host']}:{endpoint['port']}/{database}"
    except (OSError, ValueError, KeyError) as error:
        raise UnreachableError(
            f"the embedded server is not running (no endpoint at {path})",
            "start it with `perf-pipeline dev` or `perf-pipeline demo`, "
            "or set PERF_STORE_URL and the target's own variable",
        ) from error


def store_url(settings: Settings | None = None) -> str:
    """Return the URL of the store: PERF_STORE_URL, else the embedded default.

    Raises
    ------
    UnreachableError
        PERF_STORE_URL is unset and the embedded server is not running.

    """
    chosen = settings or current()
    return chosen.store_url or embedded_url("perf_store", chosen)


def variable(name: str) -> str | None:
    """Return an environment variable, None when unset or blank."""
    return os.environ.get(name, "").strip() or None
