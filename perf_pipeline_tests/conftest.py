"""What every test gets: a clean environment; and, where asked for, a real server."""

import contextlib
import importlib
import itertools
import os
import re
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest

from perf_pipeline import settings
from perf_pipeline.embedded import binaries
from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.store import Store, migrate
from perf_pipeline_tests.servers import memory, midnight
from perf_pipeline_tests.servers.caches import RedisServer
from perf_pipeline_tests.servers.databases import Databases, hasten
from perf_pipeline_tests.servers.running import MAJORS, Servers, majors_asked_for

#: Variables that lead to somebody's servers or folders; tests must never see them.
_LEADING = ("PERF_", "DAGSTER_", "PG")

#: PERF_PG_BIN of the caller: runs the suite on another major version.
PG_BIN = Path(os.environ["PERF_PG_BIN"]) if os.environ.get("PERF_PG_BIN") else None

#: A test server may forget everything: it is thrown away. Nothing is vacuumed or analyzed in it
#: behind a test's back: when a worker of autovacuum comes is chance, what it writes is a change.
FORGETFUL = {
    "autovacuum": "off",
    "max_prepared_transactions": "2",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_wal_size": "128MB",  # it is in memory
    # before 16 every CREATE and COPY of every test is an entry of its own: none may be evicted
    "pg_stat_statements.max": "20000",
}


# How long examples take says more of the machine than of the code; a test's own limit remains. The
# same examples each time: what new ones find is looked for by `--hypothesis-profile=searching`.
_ANY = hypothesis.settings(deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.register_profile("patient", _ANY, derandomize=True, database=None)
hypothesis.settings.register_profile("searching", _ANY, derandomize=False)
hypothesis.settings.load_profile("patient")

#: Modules that share what takes minutes to make: one worker runs them all, first of all.
_TOGETHER = ("integration/test_demo.py", "integration/test_ui.py")


_ROOM = pytest.StashKey[memory.Room | None]()


def pytest_configure(config: pytest.Config) -> None:
    """Keep the session's files in memory; the workers of pytest-xdist inherit where.

    Behind `&` SIGINT is ignored, and Dagster, called within a test, then ignores SIGTERM, too: so
    would all programs that tests start and end.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(config, "workerinput"):
        return
    room = config.stash[_ROOM] = memory.take()
    if room is not None:
        room.use()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Keep the files of failed tests to be looked at, until the next session begins."""
    room = session.config.stash.get(_ROOM, None)
    if room is not None and session.testsfailed:
        room.close(keep=True)
        session.config.stash[_ROOM] = None


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Give the memory back."""
    room = config.stash.get(_ROOM, None)
    if room is not None:
        room.close()


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """Have each worker begin with other modules than the rest, where all are collected.

    In a fresh clone the modules are compiled, their assertions rewritten. Workers that go through
    them in one order all do it; so each does its share, and finds those of the others done.
    """
    worker = getattr(session.config, "workerinput", None)
    tests = Path(__file__).resolve().parent
    if worker is None or [Path(each).resolve() for each in session.config.args] != [tests]:
        return
    modules = sorted(tests.rglob("test_*.py"))
    number, count = int(worker["workerid"].removeprefix("gw")), worker["workercount"]
    first = len(modules) * number // count
    for module in modules[first:] + modules[:first]:
        with contextlib.suppress(Exception, pytest.skip.Exception):  # told when it is collected
            name = ".".join(module.relative_to(tests.parent).with_suffix("").parts)
            importlib.import_module(name)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that no worker waits for it at the end.

    Modules without a server are the shortest: they come last.
    """
    served = {_module(item.nodeid) for item in items if item.get_closest_marker("server")}

    def turn(item: pytest.Item) -> int:
        module = _module(item.nodeid)
        return 0 if module.endswith(_TOGETHER) else 1 if module in served else 2

    items.sort(key=turn)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Let no test that asks a server for today begin when today is about to end."""
    if item.get_closest_marker("server"):
        long = _module(item.nodeid).endswith(_TOGETHER)
        midnight.keep_off(midnight.LONG_S if long else midnight.SHORT_S)


@pytest.hookimpl(optionalhook=True)  # pytest-xdist's
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Keep each module on one worker, what shares a long fixture together on one."""
    from xdist.scheduler import LoadScopeScheduling

    class ByModule(LoadScopeScheduling):  # type: ignore[misc,unused-ignore]
        def _split_scope(self, nodeid: str) -> str:
            module = _module(nodeid)
            if module.endswith(_TOGETHER):
                return "demo"
            # one worker starts the servers of all versions
            return "versions" if re.search(r"\[pg\d\d[\]-]", nodeid) else module

    config.option.loadscopereorder = False
    return ByModule(config, log)


def _module(nodeid: str) -> str:
    return nodeid.partition("::")[0]


@pytest.fixture(scope="session")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of all tests' PERF_HOME and DAGSTER_HOME.

    `mktemp` for each would read, to number them, the names of all there are: 8,000 at the end.
    """
    return tmp_path_factory.mktemp("environments")


@pytest.fixture(autouse=True)
def isolated_environment(monkeypatch: pytest.MonkeyPatch, environments: Path) -> Iterator[None]:
    """Hide the caller's variables, give an empty PERF_HOME and DAGSTER_HOME, forget settings."""
    for name in list(os.environ):
        if name.startswith(_LEADING) or name.endswith("_URL"):
            monkeypatch.delenv(name)
    folder = environments / str(next(_NUMBERS))
    for name in ("PERF_HOME", "DAGSTER_HOME"):
        (folder / name.lower()).mkdir(parents=True)
        monkeypatch.setenv(name, str(folder / name.lower()))
    settings.current.cache_clear()
    yield
    settings.current.cache_clear()


@pytest.fixture(scope="session")
def server_directory() -> Iterator[Path]:
    """Return an empty folder that the server's user may enter (pytest's own are closed)."""
    folder = Path(tempfile.mkdtemp(prefix="perf-pipeline-tests-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def default_server(server_directory: Path) -> Iterator[EmbeddedServer]:
    """Return a running server, one for the whole session."""
    with EmbeddedServer(server_directory / "server", pg_bin=PG_BIN, settings=FORGETFUL) as running:
        hasten(running)
        yield running


@pytest.fixture(scope="session")
def server(default_server: EmbeddedServer) -> EmbeddedServer:
    """Return the running server that databases, stores and targets of a test are on."""
    return default_server


@pytest.fixture(scope="session")
def servers(
    request: pytest.FixtureRequest, default_server: EmbeddedServer, server_directory: Path
) -> Iterator[Servers]:
    """Return the running servers of all majors; those that tests ask for start at once."""
    found = Servers(default_server, binaries.find(PG_BIN).major, server_directory, FORGETFUL)
    found.prepare(majors_asked_for(request.session.items))
    yield found
    found.stop()


@pytest.fixture(scope="session")
def server_of(servers: Servers) -> Callable[[int], EmbeddedServer]:
    """Return a function from a major version to its running server."""
    return servers.of


@pytest.fixture(scope="session", params=MAJORS, ids=lambda major: f"pg{major}")
def each_major(request: pytest.FixtureRequest) -> int:
    """Return one major version after the other."""
    major: int = request.param
    return major


@pytest.fixture(scope="session")
def each_server(servers: Servers, each_major: int) -> EmbeddedServer:
    """Return the running server of each major version, one after the other.

    A module whose own fixture `server` returns this one runs with all that hangs on it (databases,
    the store, targets) on each version. What hangs on it must be of that module or of one test:
    pytest keeps a session's fixture when another module's `server` takes over.
    """
    return servers.of(each_major)


@pytest.fixture(scope="session")
def databases(default_server: EmbeddedServer) -> Iterator[Databases]:
    """Return what makes and drops databases cheaply."""
    made = Databases()
    yield made
    made.close()


@pytest.fixture
def make_database(server: EmbeddedServer, databases: Databases) -> Iterator[Callable[..., str]]:
    """Return a function that makes a database and returns its URL.

    `make_database()` an empty one, `make_database("name")` a copy of the database `name`. All are
    dropped when the test ends.
    """
    made: list[str] = []

    def make(template: str | None = None) -> str:
        name = f"test_{os.getpid()}_{next(_NUMBERS)}"
        made.append(name)
        databases.make(server, name, template)
        return server.url(name)

    yield make
    for name in made:
        databases.drop(server, name)


_NUMBERS = itertools.count(1)


#: Servers that have a store to copy; it goes with the server.
_WITH_STORE: set[Path] = set()


@pytest.fixture(scope="module")
def store_template(server: EmbeddedServer) -> str:
    """Return the name of a database with an up-to-date, empty store, to copy.

    Made once per server, not per session: modules have servers of their own.
    """
    name = "store_template"
    if server.directory not in _WITH_STORE:
        server.ensure_database(name)
        with Store(server.url(name)) as opened:
            migrate.upgrade(opened)
        _WITH_STORE.add(server.directory)
    return name


@pytest.fixture(scope="module")
def shared_store(
    server: EmbeddedServer, databases: Databases, store_template: str
) -> Iterator[Store]:
    """Return one empty store for all tests of a module, each of which uses targets of its own."""
    name = f"shared_{os.getpid()}_{next(_NUMBERS)}"
    databases.make(server, name, store_template)
    with Store(server.url(name)) as opened:
        yield opened
    databases.drop(server, name)


@pytest.fixture
def store(make_database: Callable[..., str], store_template: str) -> Iterator[Store]:
    """Return an empty store."""
    with Store(make_database(store_template)) as opened:
        yield opened


@pytest.fixture(scope="session")
def running_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """Return a running Redis, one for the session."""
    server = RedisServer(tmp_path_factory.mktemp("redis")).start()
    yield server
    server.stop()


@pytest.fixture
def redis_server(running_redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> RedisServer:
    """Return the session's Redis, empty; PERF_REDIS_URL leads to it."""
    with running_redis.client() as client:
        client.flushall()
    monkeypatch.setenv("PERF_REDIS_URL", running_redis.url)
    return running_redis


@pytest.fixture
def own_redis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RedisServer]:
    """Return a Redis of the test's own, to be killed; PERF_REDIS_URL leads to it."""
    server = RedisServer(tmp_path / "redis").start()
    monkeypatch.setenv("PERF_REDIS_URL", server.url)
    yield server
    server.stop()
