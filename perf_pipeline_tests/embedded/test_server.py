"""What a caller sees: start, stop, databases, settings, who may connect."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from perf_pipeline import settings
from perf_pipeline.embedded import config, endpoint, probe
from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.errors import (
    BusyError,
    ConfigurationError,
    ServerStartError,
    UnreachableError,
)
from perf_pipeline_tests.conftest import FORGETFUL

pytestmark = pytest.mark.server


def value(url: str, query: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(query).fetchone()
    return row[0] if row else None


def test_not_started(directory: Path) -> None:
    server = EmbeddedServer(directory)
    assert not server.running()
    with pytest.raises(UnreachableError, match="is not running"):
        server.url()
    server.stop()
    server.stop(force=True)
    assert not directory.exists()


def test_restart_keeps_data_port_and_password(directory: Path) -> None:
    with EmbeddedServer(directory, settings=FORGETFUL) as server:
        first = endpoint.read(directory)
        assert server.running()
        assert server.owner
        server.ensure_database("shop")
        with psycopg.connect(server.url("shop")) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    assert not server.running()
    assert endpoint.read(directory) is None
    with EmbeddedServer(directory, settings=FORGETFUL) as server:
        second = endpoint.read(directory)
        assert value(server.url("shop"), "SELECT answer FROM kept") == 42
    assert first is not None
    assert second is not None
    assert (first.port, first.password) == (second.port, second.password)
    assert first.pid != second.pid


def test_start_twice_is_one_server(made: Path) -> None:
    with EmbeddedServer(made, settings=FORGETFUL) as server:
        other = EmbeddedServer(made)
        assert other.start() == server.start()
        assert not other.owner
        other.stop()
        assert server.running()
        other.stop(force=True)
        assert not server.running()
        assert not server.owner
        server.start()
        assert server.running()


def test_settings_module_finds_the_endpoint(
    monkeypatch: pytest.MonkeyPatch, directory: Path
) -> None:
    home = directory.parent
    monkeypatch.setenv("PERF_HOME", str(home))
    with EmbeddedServer(home / "embedded", settings=FORGETFUL) as server:
        assert settings.embedded_url("postgres") == server.url("postgres")
        assert value(settings.embedded_url("postgres"), "SELECT 1") == 1


def test_secrets_are_private(directory: Path) -> None:
    with EmbeddedServer(directory, settings=FORGETFUL) as server:
        found = server.start()
        for name in ("endpoint.json", "password"):
            assert (directory / name).stat().st_mode & 0o777 == 0o600
        assert found.data_directory.stat().st_mode & 0o777 == 0o700
        assert found.password not in repr(found)
        assert found.password not in (directory / "server.log").read_text()


def test_what_the_project_needs_is_on(make_database: Callable[..., str]) -> None:
    assert config.DEFAULTS["pg_stat_statements.max"] == "5000"
    with psycopg.connect(make_database()) as connection:
        rows = connection.execute("SELECT name, setting FROM pg_settings").fetchall()
        found = dict(rows)
        wanted = {
            "shared_preload_libraries": "pg_stat_statements",
            # the tests' own value, in the place of the default
            "pg_stat_statements.max": FORGETFUL["pg_stat_statements.max"],
            "pg_stat_statements.track": "all",
            "track_io_timing": "on",
            "track_functions": "pl",
            "compute_query_id": "on",
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "password_encryption": "scram-sha-256",
            "TimeZone": "UTC",
            "log_timezone": "UTC",
            "server_encoding": "UTF8",
            "fsync": "off",  # the tests' own
        }
        assert {name: found[name] for name in wanted} == wanted
        connection.execute("CREATE EXTENSION pg_stat_statements")
        connection.execute("SELECT count(*) FROM pg_stat_statements(false)")
        ordered = "SELECT string_agg(x, '' ORDER BY x) FROM (VALUES ('b'), ('B'), ('a')) v(x)"
        row = connection.execute(ordered).fetchone()
        assert row == ("Bab",)  # code points, on every machine


def test_fsync_is_on_and_settings_override(made: Path) -> None:
    chosen = {"shared_buffers": "32MB", "max_connections": "20", "application_name": "it's \\ odd"}
    with EmbeddedServer(made, settings=chosen) as server:
        assert value(server.url(), "SHOW fsync") == "on"
        assert value(server.url(), "SHOW shared_buffers") == "32MB"
        assert value(server.url(), "SHOW max_connections") == "20"
        assert value(server.url(), "SHOW application_name") == "it's \\ odd"


def test_unknown_setting_shows_the_log(made: Path) -> None:
    with pytest.raises(ServerStartError, match="unrecognized configuration parameter"):
        EmbeddedServer(made, settings={"no_such_setting": "1"}).start()


def test_private_setting_is_refused_before_any_work(directory: Path) -> None:
    with pytest.raises(ConfigurationError, match="listen_addresses"):
        EmbeddedServer(directory, settings={"listen_addresses": "*"}).start()
    assert not directory.exists()


def test_listens_on_loopback_only(server: EmbeddedServer) -> None:
    found = server.start()
    for address in ("127.0.0.2", _outside_address()):
        with socket.socket() as sock:
            sock.settimeout(2)
            with pytest.raises(OSError):
                sock.connect((address, found.port))
    for table in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        for line in table.read_text().splitlines()[1:] if table.exists() else []:
            local, state = line.split()[1], line.split()[3]
            address, port = local.split(":")
            if int(port, 16) == found.port and state == "0A":
                assert address == "0100007F", line


def _outside_address() -> str:
    """Return an address of this machine that others may reach (no packet is sent)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.3"  # no network at all
        return str(sock.getsockname()[0])


def test_every_connection_needs_the_password(server: EmbeddedServer) -> None:
    rules = "SELECT array_agg(DISTINCT auth_method) FROM pg_hba_file_rules"
    assert value(server.url(), rules) == ["scram-sha-256"]
    found = server.start()
    bare = f"postgresql://{found.user}@{found.host}:{found.port}/postgres"
    with pytest.raises(psycopg.OperationalError, match="no password supplied"):
        psycopg.connect(bare)
    with pytest.raises(psycopg.OperationalError) as refused:
        psycopg.connect(bare, password="guess")
    assert probe.classify(str(refused.value)) is probe.State.REFUSED


def test_databases(server: EmbeddedServer) -> None:
    query = "SELECT count(*) FROM pg_database WHERE NOT datistemplate"
    before = value(server.url(), query)  # other tests' templates may be among them
    name = 'odd "name; of %s'
    server.ensure_database(name)
    server.ensure_database(name)
    with psycopg.connect(server.url(name), autocommit=True) as connection:
        connection.execute("CREATE TABLE t AS SELECT 1 AS x")
        with pytest.raises(BusyError, match="somebody is connected"):
            server.ensure_database("copy", name)
    server.ensure_database("copy", name)
    connection = psycopg.connect(server.url("copy"))
    assert connection.execute("SELECT x FROM t").fetchone() == (1,)
    server.drop_database("copy")  # with a session in it
    connection.close()
    server.drop_database(name)
    server.drop_database(name)
    assert value(server.url(), query) == before


def test_make_database(make_database: Callable[..., str]) -> None:
    url = make_database()
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE t AS SELECT 7 AS x")
        name = connection.info.dbname
    assert value(make_database(name), "SELECT x FROM t") == 7


def test_databases_without_a_server(directory: Path) -> None:
    server = EmbeddedServer(directory)
    with pytest.raises(UnreachableError):
        server.ensure_database("x")
    directory.mkdir()
    gone = endpoint.Endpoint("127.0.0.1", probe.free_port(None), "u", "p", 1, directory, directory)
    endpoint.write(gone)
    with pytest.raises(UnreachableError, match="refuses a connection"):
        server.drop_database("x")


def test_full_server_counts_as_running(made: Path) -> None:
    few = {"max_connections": "5", "superuser_reserved_connections": "1", "max_wal_senders": "0"}
    with EmbeddedServer(made, settings={**FORGETFUL, **few}) as server:
        connections = [psycopg.connect(server.url()) for _ in range(5)]
        with pytest.raises(psycopg.OperationalError, match="too many clients"):
            psycopg.connect(server.url())
        assert server.running()
        assert EmbeddedServer(made).start() == server.start()
        for connection in connections:
            connection.close()


def test_taken_port(made: Path) -> None:
    with EmbeddedServer(made, settings=FORGETFUL) as server:
        port = server.start().port
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", port))
        sock.listen()
        with pytest.raises(ServerStartError, match="could not bind"):
            EmbeddedServer(made, settings=FORGETFUL, port=port).start()
        with EmbeddedServer(made, settings=FORGETFUL) as server:
            assert server.start().port != port
    free = probe.free_port(None)
    with EmbeddedServer(made, settings=FORGETFUL, port=free) as server:
        assert server.start().port == free


def test_directory_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ServerStartError, match="cannot be used"):
        EmbeddedServer(tmp_path / "file" / "server").start()
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    if os.geteuid() != 0:  # root may write everywhere
        with pytest.raises(ServerStartError, match="cannot be used"):
            EmbeddedServer(closed / "server").start()
