"""Servers, a light load and the Dagster UI with daemon, sensors and schedules; Ctrl-C ends all."""

import contextlib
import os
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from perf_pipeline.embedded import example, orphans
from perf_pipeline.embedded.children import Child
from perf_pipeline.embedded.code_location import CodeLocation
from perf_pipeline.embedded.console import Steps
from perf_pipeline.embedded.dagster_runs import environment
from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.errors import ConfigurationError, ServerStartError, UnreachableError
from perf_pipeline.examples import history
from perf_pipeline.examples.systems import SYSTEMS, System
from perf_pipeline.loadtests.pgbench import PgbenchRun

#: Per system: enough for every statement to have calls in each 5-minute interval, too little to be
#: noticed.
LOAD_TPS = 5.0
#: thorbis' own load is of home services; these scenarios give its other industries some, too.
SCENARIOS = ("auto_service_peak", "restaurant_rush_hour", "retail_sale_day")
SCENARIO_TPS = 1.0
#: The load is started anew this often, so that an orphan would end by itself.
LOAD_SECONDS = 3600
#: A load that ended with an error is not started again before.
LOAD_PAUSE_S = 10.0
#: Webserver, daemon and code location take 10-15 s on 2 quiet cores.
READY_SECONDS = 120.0
_LAST_PORT = 65535


def run(*, port: int = 3000, load: bool = True) -> None:
    """Run until Ctrl-C or SIGTERM.

    Parameters
    ----------
    port : int
        Of the UI, on 127.0.0.1.
    load : bool
        Keep a light load on the example systems.

    Raises
    ------
    ConfigurationError
        The port is taken.
    ServerStartError
        Dagster ended or did not come up.

    """
    steps = Steps()
    require_free(port)
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell's background job ignores the first
        signal.signal(number, _interrupt)
    with steps.opening("start the embedded PostgreSQL", example.house()) as house:
        with steps.step("bring the store up to date"), example.prepare_store(house) as store:
            if not history.spans(store, example.TARGET):
                # something to look at and to backfill on the first day; marked as generated
                history.generate(store, example.TARGET)
        for system in SYSTEMS.values():
            with steps.step(f"{system.name}: schema and data"):
                example.prepare_system(house, system, system.demo)
        orphans.bury_in(house)
        log = house.home / "dagster-dev.log"
        variables = {**os.environ, **environment(house)}
        with log.open("ab") as output, _dagster(port, variables, output) as dagster:
            with steps.step("start webserver, daemon and code location"):
                _await_ready(dagster, port, log)
            steps.say(f"\nDagster UI:  http://127.0.0.1:{port}   (log: {log})")
            steps.say(f"store:       {_shown(house.store_url)}")
            steps.say("Ctrl-C stops everything.")
            with contextlib.suppress(KeyboardInterrupt):
                _serve(house, dagster, CodeLocation(port), load, log)
            steps.say("stopping ...")


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _shown(url: str) -> str:
    from perf_pipeline.postgres.connect import describe

    return describe(url)


def require_free(port: int) -> None:
    """Refuse a port that is none, or that somebody listens on.

    Raises
    ------
    ConfigurationError
        Names the port.

    """
    if not 1 <= port <= _LAST_PORT:
        raise ConfigurationError(
            f"--port {port} is no TCP port", f"choose one from 1 to {_LAST_PORT}"
        )
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise ConfigurationError(
                f"--port {port} cannot be used: {error.strerror}",
                "stop what listens there, or choose another with --port",
            ) from error


def workspace() -> list[str]:
    """Return the arguments that name our code location: workspace.yaml, else the module."""
    file = Path(__file__).resolve().parents[2] / "workspace.yaml"
    return ["-w", str(file)] if file.is_file() else ["-m", "perf_pipeline.definitions"]


@contextlib.contextmanager
def _dagster(port: int, variables: dict[str, str], output: object) -> Iterator[Child]:
    command = [sys.executable, "-m", "dagster", "dev", *workspace()]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    child = Child(command, environment=variables, output=output, grace_seconds=30)  # type: ignore[arg-type]
    with child:
        yield child


def _await_ready(dagster: Child, port: int, log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if dagster.poll() is not None:
            break
        with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
            url = f"http://127.0.0.1:{port}/server_info"
            with urllib.request.urlopen(url, timeout=5) as answer:
                if answer.status == 200:
                    return
        time.sleep(0.2)
    how = "ended while starting" if dagster.poll() is not None else "did not come up"
    raise ServerStartError(f"Dagster {how} (limit {READY_SECONDS:.0f} s)", f"see the end of {log}")


def _serve(house: example.House, dagster: Child, code: CodeLocation, load: bool, log: Path) -> None:
    """Keep server, code and load running until Dagster ends or we are interrupted."""
    address = house.server.url()
    loads = _loads(house) if load else []
    try:
        while dagster.poll() is None:
            revive(house.server, address)
            for name in code.keep():
                sys.stderr.write(f"code location {name} was lost or failed: loading it again\n")
            for each in loads:
                each.keep()
            time.sleep(0.5)
    finally:
        for each in loads:
            each.stop()
    raise ServerStartError("Dagster ended by itself", f"see the end of {log}")


def _loads(house: example.House) -> list["Load"]:
    """Return the light load on each system, and on each industry of thorbis."""

    def of_system(system: System) -> PgbenchRun:
        return example.start_load(
            house, system, system.demo, duration_s=LOAD_SECONDS, rate=LOAD_TPS, clients=2
        )

    def of_scenario(name: str) -> PgbenchRun:
        return example.start_scenario(house, name, duration_s=LOAD_SECONDS, rate=SCENARIO_TPS)

    return [
        *(Load(partial(of_system, system)) for system in SYSTEMS.values()),
        *(Load(partial(of_scenario, name)) for name in SCENARIOS),
    ]


class Load:
    """One light load, started again whenever it ended.

    Parameters
    ----------
    start : callable
        Starts it.

    """

    def __init__(self, start: Callable[[], PgbenchRun]) -> None:
        self._start = start
        self._running: PgbenchRun | None = None
        self._due = 0.0

    def keep(self) -> None:
        """Start it where it does not run, unless that was tried a moment ago."""
        if self._running is not None and not self._running.running():
            self.stop()  # lets go of what watched it
        if self._running is None and time.monotonic() >= self._due:
            self._due = time.monotonic() + LOAD_PAUSE_S
            with contextlib.suppress(UnreachableError):  # the server comes back
                self._running = self._start()

    def stop(self) -> None:
        """End it."""
        running, self._running = self._running, None
        if running is not None:
            running.stop()


def revive(server: EmbeddedServer, address: str) -> bool:
    """Start the embedded server again where it ended by itself; return whether it had to be.

    Parameters
    ----------
    server : EmbeddedServer
    address : str
        Its `url()` of old, which Dagster's processes know.

    Raises
    ------
    ServerStartError
        It does not start, or not at that address.

    """
    if server.owner or server.running():
        return False
    steps = Steps()
    steps.say(f"the embedded PostgreSQL ended by itself (log: {server.log})")
    with steps.step("start it again"):
        server.start()
    if server.url() != address:
        raise ServerStartError(
            "the embedded PostgreSQL came back at another port: somebody took its own",
            "start `perf-pipeline dev` again",
        )
    return True
