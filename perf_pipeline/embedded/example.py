"""The servers and databases that demo, dev and the end-to-end tests share."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from perf_pipeline import settings as settings_module
from perf_pipeline.components.capture import capture_declared
from perf_pipeline.embedded import binaries, locks
from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.errors import BusyError, ConfigurationError, PerfPipelineError
from perf_pipeline.examples import systems
from perf_pipeline.examples.fill import Generated
from perf_pipeline.examples.systems import SYSTEMS, Size, System
from perf_pipeline.loadtests import compile as scenario_scripts
from perf_pipeline.loadtests import drive, pgbench, scenario
from perf_pipeline.postgres import connect as pg
from perf_pipeline.store import Store, migrate

STORE_DATABASE = "perf_store"
DAGSTER_DATABASE = "dagster"
#: The system of the demo's story; the others are beside it.
TARGET = "thorbis"

#: Seconds to wait for a demo or dev that is ending.
_ALONE_S = 2.0


@dataclass(frozen=True)
class House:
    """Running servers with everything in place; `urls` has one per example system."""

    server: EmbeddedServer
    home: Path
    store_url: str
    dagster_url: str
    urls: Mapping[str, str]
    pgbench: Path


@contextmanager
def house(settings: settings_module.Settings | None = None) -> Iterator[House]:
    """Start the embedded server, with the databases that demo and dev need; stop it at the end.

    PERF_STORE_URL, DAGSTER_PG_URL and the systems' variables (THORBIS_URL, ...) replace the
    embedded database of that role.

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
        for database in (STORE_DATABASE, DAGSTER_DATABASE, *SYSTEMS):
            server.ensure_database(database)
        yield House(
            server,
            home,
            chosen.store_url or server.url(STORE_DATABASE),
            dagster_url or server.url(DAGSTER_DATABASE),
            {
                system.name: settings_module.variable(system.url_env) or server.url(system.name)
                for system in SYSTEMS.values()
            },
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


def prepare_system(house: House, system: System, size: Size) -> Generated:
    """Bring an example system's database to its described state: schema, indexes, data, capture.

    Parameters
    ----------
    house : House
    system : System
    size : Size
        Of that system.

    Raises
    ------
    ProductionError, ConfigurationError
        Its variable leads to a database that is marked as production, or is somebody else's.

    """
    generated = systems.create(house.urls[system.name], system, size)[1]
    capture_declared(system.name, house.urls[system.name])
    return generated


def scripts(system: System) -> tuple[pgbench.Script, ...]:
    """Return the scripts of a system's load, in the order pgbench numbers them."""
    return pgbench.scripts(f"{system.name}/load")


def start_load(
    house: House,
    system: System,
    size: Size,
    *,
    duration_s: int,
    rate: float,
    clients: int = 4,
) -> pgbench.PgbenchRun:
    """Start a system's load on its database.

    Parameters
    ----------
    house : House
    system : System
    size : Size
        As it was filled: the scripts pick ids from it.
    duration_s : int
        It ends by itself then.
    rate : float
        Transactions per second, open loop.
    clients : int
        Sessions.

    """
    return pgbench.start(
        house.urls[system.name],
        scripts(system),
        pgbench=house.pgbench,
        log_dir=house.home / "load" / system.name,
        duration_s=duration_s,
        clients=clients,
        rate=rate,
        variables=size.variables(),
    )


def start_scenario(
    house: House, name: str, *, duration_s: int, rate: float, clients: int = 1
) -> pgbench.PgbenchRun:
    """Start the mix of a load scenario on its system's database, at a rate of ours.

    Parameters
    ----------
    house : House
    name : str
        A scenario of the package.
    duration_s : int
        It ends by itself then.
    rate : float
        Transactions per second, open loop.
    clients : int
        Sessions.

    Raises
    ------
    ConfigurationError, UnreachableError
        The system's data are not there, or the server is not.

    """
    chosen = scenario.load(name)
    url = house.urls[chosen.system]
    folder = house.home / "load" / name
    with pg.session(url) as session:
        known = drive.facts(session, chosen)
    return pgbench.start(
        url,
        scenario_scripts.write(chosen, folder / "scripts"),
        pgbench=house.pgbench,
        log_dir=folder,
        duration_s=duration_s,
        clients=clients,
        rate=rate,
        variables=known,
    )
