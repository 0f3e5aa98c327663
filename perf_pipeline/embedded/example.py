"""The servers and databases that demo, dev and the end-to-end tests share."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from perf_pipeline import settings as settings_module
from perf_pipeline.embedded import binaries, locks
from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.errors import BusyError, ConfigurationError, PerfPipelineError
from perf_pipeline.examples import fill, schema, thorbis
from perf_pipeline.examples.fill import Generated
from perf_pipeline.examples.thorbis_data import Size
from perf_pipeline.loadtests import pgbench
from perf_pipeline.postgres import connect as pg
from perf_pipeline.postgres.production import refuse_production
from perf_pipeline.store import Store, migrate

STORE_DATABASE = "perf_store"
DAGSTER_DATABASE = "dagster"
TARGET = "thorbis"

#: Seconds to wait for a demo or dev that is ending.
_ALONE_S = 2.0


@dataclass(frozen=True)
class House:
    """Running servers with everything in place."""

    server: EmbeddedServer
    home: Path
    store_url: str
    dagster_url: str
    target_url: str
    pgbench: Path


@contextmanager
def house(settings: settings_module.Settings | None = None) -> Iterator[House]:
    """Start the embedded server, with the databases that demo and dev need; stop it at the end.

    PERF_STORE_URL, DAGSTER_PG_URL and THORBIS_URL replace the embedded database of that role.

    Raises
    ------
    ServerStartError, ConfigurationError
        The embedded server cannot be started.
    UnreachableError
        DAGSTER_PG_URL names a server that cannot be reached.
    BusyError
        Another demo or dev runs in this folder.

    """
    chosen = settings or settings_module.current()
    home = chosen.home_dir
    server = EmbeddedServer(home / "embedded", pg_bin=chosen.pg_bin)
    dagster_url = settings_module.variable("DAGSTER_PG_URL")
    with _alone(home), server:
        if dagster_url:
            _require_reachable("DAGSTER_PG_URL", dagster_url)
        for database in (STORE_DATABASE, DAGSTER_DATABASE, TARGET):
            server.ensure_database(database)
        yield House(
            server,
            home,
            chosen.store_url or server.url(STORE_DATABASE),
            dagster_url or server.url(DAGSTER_DATABASE),
            settings_module.variable("THORBIS_URL") or server.url(TARGET),
            binaries.find(chosen.pg_bin).program("pgbench"),
        )


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Hold the folder: whoever ends stops the server, and a demo wants the database for itself.

    Raises
    ------
    BusyError
        Another demo or dev holds it; names the process.
    ConfigurationError
        The folder cannot be made or written.

    """
    lock = home / "house.lock"
    with ExitStack() as stack:
        try:
            home.mkdir(parents=True, exist_ok=True)
            stack.enter_context(locks.hold(lock, _ALONE_S, "running demo or dev"))
            lock.write_text(json.dumps({"pid": os.getpid()}))
        except BusyError as error:
            raise BusyError(
                f"another demo or dev (process {_holder(lock)}) runs in {home}",
                "wait for it or end it, or set PERF_HOME to another folder",
            ) from error
        except OSError as error:
            raise ConfigurationError(
                f"PERF_HOME={home} cannot be used: {error.strerror or error}",
                "set PERF_HOME to a folder that you may write, on a disk with free space",
            ) from error
        yield


def _require_reachable(variable: str, url: str) -> None:
    """Connect once: Dagster itself tries for long and fails with a traceback."""
    try:
        with pg.session(url, bare=True):
            pass
    except PerfPipelineError as error:
        kind = type(error)
        raise kind(f"{variable}: {error.message}", error.remedy) from error


def _holder(lock: Path) -> str:
    try:
        return str(json.loads(lock.read_text())["pid"])
    except (OSError, ValueError, KeyError):
        return "unknown"


def prepare_store(house: House) -> Store:
    """Return the store, its schema up to date."""
    store = Store(house.store_url)
    migrate.upgrade(store)
    return store


def prepare_target(house: House, size: Size) -> Generated:
    """Bring the thorbis database to its described state: schema, every index, data.

    Parameters
    ----------
    house : House
    size : Size
        Tenants, and orders of each on average (T-51).

    Raises
    ------
    ProductionError, ConfigurationError
        THORBIS_URL leads to a database that is marked as production, or is somebody else's.

    """
    with pg.session(house.target_url) as connection:
        refuse_production(connection)
        fill.refuse_foreign(connection)
    schema.apply(house.target_url, TARGET)
    return thorbis.generate(house.target_url, size.businesses, size.orders_per_business)


def start_load(
    house: House,
    variables: Mapping[str, int],
    *,
    duration_s: int,
    rate: float,
    clients: int = 4,
) -> pgbench.PgbenchRun:
    """Start the thorbis load on its database.

    Parameters
    ----------
    house : House
    variables : Mapping
        Sizes the scripts pick ids from.
    duration_s : int
        It ends by itself then.
    rate : float
        Transactions per second, open loop.
    clients : int
        Sessions.

    """
    return pgbench.start(
        house.target_url,
        pgbench.scripts("thorbis/load"),
        pgbench=house.pgbench,
        log_dir=house.home / "load",
        duration_s=duration_s,
        clients=clients,
        rate=rate,
        variables=variables,
    )
