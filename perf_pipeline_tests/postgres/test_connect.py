import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress

import psycopg
import pytest

from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.errors import ConfigurationError, UnreachableError, UnsupportedServerError
from perf_pipeline.postgres import connect

MakeDatabase = Callable[..., str]

QUICK = connect.Limits(statement_timeout_ms=300, lock_timeout_ms=100, connect_timeout_s=2)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://bob:secret@db:5433/shop?sslmode=require", "postgresql://bob@db:5433/shop"),
        ("postgresql://db/shop", "postgresql://db/shop"),
        ("host=db user=bob password=secret dbname=shop", "bob@db/shop"),
        ("postgresql://bob:secret@db:port/shop", "<unreadable URL>"),
        ("what is this", "<unreadable connection string>"),
        ("host=db user=bob password=sec://ret dbname=shop", "bob@db/shop"),
        ("postgresql://bob:secret@a:1,b:2/shop", "postgresql://bob@a,b:1,2/shop"),
        ("postgresql://bob:secret@db/a%40b", "postgresql://bob@db/a@b"),
        # passwords with a character that ends them where libpq reads it
        ("postgresql://bob:sec/ret@db/shop", "<unreadable URL>"),
        ("postgresql://bob:12/ret@db/shop", "<unreadable URL>"),
        ("postgresql://bob:sec@ret@db/shop", "<unreadable URL>"),
        ("postgresql://bob:sec?ret@db/shop", "postgresql://bob@db/shop"),
        ("postgresql://bob:secret@db?application_name=a@b/c", "postgresql://bob@db/"),
        ("postgresql://bob:sec#ret@db:x/shop", "<unreadable URL>"),
        ("postgresql://bob:sec%ret@db/shop", "<unreadable URL>"),
    ],
)
def test_messages_never_show_a_password(url: str, shown: str) -> None:
    assert connect.describe(url) == shown


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_every_spelling_of_the_scheme_is_read(scheme: str) -> None:
    assert connect.libpq_url(f"{scheme}://u@h/d") == "postgresql://u@h/d"


@pytest.mark.parametrize("url", ["mysql://u@h/d", "nonsense", "postgresql://u@h/d?no_such=1"])
def test_what_is_no_postgres_url_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="not a PostgreSQL connection URL"):
        connect.libpq_url(url)


@pytest.mark.parametrize("password", ["sec/ret", "12/ret", "sec@ret", "sec%ret"])
def test_a_password_that_is_not_encoded_is_not_shown(password: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        connect.connect(f"postgresql://bob:{password}@127.0.0.1:1/d", limits=QUICK)
    told = "".join(traceback.format_exception(caught.value))
    assert "ret" not in str(caught.value)
    assert "ret@" not in told
    assert "percent-encoded" in caught.value.remedy


def test_an_old_server_is_refused() -> None:
    assert connect.check_version(140001, "x") == 14
    with pytest.raises(UnsupportedServerError, match="x runs PostgreSQL 13; 14 is the oldest"):
        connect.check_version(130022, "x")


@pytest.mark.server
def test_a_session_is_limited_and_in_utc(server: EmbeddedServer) -> None:
    with connect.session(server.url(), limits=QUICK) as connection:
        rows = connection.execute(
            "SELECT name, setting FROM pg_settings WHERE name IN ('statement_timeout',"
            " 'lock_timeout', 'idle_in_transaction_session_timeout', 'TimeZone', 'DateStyle',"
            " 'search_path', 'application_name', 'transaction_read_only')"
        ).fetchall()
        assert dict(rows) == {
            "statement_timeout": "300",
            "lock_timeout": "100",
            "idle_in_transaction_session_timeout": "300",
            "TimeZone": "UTC",
            "DateStyle": "ISO, YMD",
            "search_path": "pg_catalog",
            "application_name": "perf-pipeline",
            "transaction_read_only": "on",
        }
        with pytest.raises(psycopg.errors.QueryCanceled):
            connection.execute("SELECT pg_sleep(5)")
    assert connection.closed


@pytest.mark.server
def test_a_bare_session_goes_back_to_a_pooler_as_it_came(server: EmbeddedServer) -> None:
    """Behind a pooler in transaction mode, what a session keeps is the application's next."""
    asked = (
        "SELECT name, setting FROM pg_settings WHERE name IN ('statement_timeout', 'lock_timeout',"
        " 'idle_in_transaction_session_timeout', 'search_path', 'transaction_read_only')"
    )
    with connect.session(server.url(), limits=QUICK, bare=True) as connection:
        before = dict(connection.execute(asked).fetchall())
        with connect.transaction(connection, QUICK):
            within = dict(connection.execute(asked).fetchall())
            isolation = connection.execute("SHOW transaction_isolation").fetchone()
            with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
                connection.execute("CREATE TABLE public.never (id int)")
        for _ in range(8):  # a named statement would be left in the pooler's session
            connection.execute("SELECT 1")
        named = connection.execute("SELECT name FROM pg_prepared_statements").fetchall()
        assert dict(connection.execute(asked).fetchall()) == before
    assert within == {
        "statement_timeout": "300",
        "lock_timeout": "100",
        "idle_in_transaction_session_timeout": "300",
        "search_path": "pg_catalog",
        "transaction_read_only": "on",
    }
    assert isolation == ("repeatable read",)
    assert before["search_path"] != "pg_catalog"
    assert named == []


@pytest.mark.server
def test_limits_leave_one_entry_in_the_servers_statements(make_database: MakeDatabase) -> None:
    url = make_database()
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute("CREATE EXTENSION pg_stat_statements")
        for _ in range(2):
            connect.connect(url, limits=QUICK).close()
            with connect.session(url, bare=True) as opened, connect.transaction(opened, QUICK):
                pass
        seen = admin.execute(
            "SELECT query FROM pg_stat_statements WHERE query LIKE '%set_config%'"
            " AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())"
            " AND query NOT LIKE 'SELECT query%'"
        ).fetchall()
    assert len(seen) == 1
    assert "/* perf-pipeline */" in seen[0][0]


@pytest.mark.server
def test_a_session_closes_on_an_error(server: EmbeddedServer) -> None:
    with pytest.raises(ZeroDivisionError), connect.session(server.url()) as connection:
        raise ZeroDivisionError
    assert connection.closed


@pytest.mark.server
def test_writing_has_to_be_asked_for(server: EmbeddedServer) -> None:
    for autocommit in (False, True):
        with (
            connect.session(server.url(), autocommit=autocommit) as reading,
            pytest.raises(psycopg.errors.ReadOnlySqlTransaction),
        ):
            reading.execute("CREATE TABLE public.never (id int)")
    with connect.session(server.url(), read_only=False) as writing:
        writing.execute("CREATE TABLE public.never (id int)")
        writing.rollback()


@pytest.mark.server
def test_wrong_password_database_and_role(server: EmbeddedServer) -> None:
    good = psycopg.conninfo.conninfo_to_dict(server.url())
    for wrong in ({"password": "wrong"}, {"dbname": "no_such_database"}, {"user": "no_such_role"}):
        url = psycopg.conninfo.make_conninfo(**{**good, **wrong})
        with pytest.raises(ConfigurationError) as caught:
            connect.connect(url, limits=QUICK)
        assert caught.value.remedy
        assert str(good["password"]) not in str(caught.value)


def test_nobody_listens() -> None:
    with pytest.raises(UnreachableError) as caught:
        connect.connect("postgresql://u@127.0.0.1:1/d", limits=QUICK)
    assert caught.value.exit_code == 3
    assert "check that the server runs" in caught.value.remedy


@pytest.fixture
def mute() -> Iterator[int]:
    """Return a port that accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        held: list[socket.socket] = []

        def accept() -> None:
            try:
                while True:
                    held.append(listener.accept()[0])
            except OSError:
                pass

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        for each in held:
            each.close()


def test_a_server_that_accepts_and_never_answers(mute: int) -> None:
    start = time.perf_counter()
    with pytest.raises(UnreachableError, match="no answer within 2 s"):
        connect.connect(f"postgresql://u@127.0.0.1:{mute}/d", limits=QUICK)
    assert time.perf_counter() - start < 60.0  # it is mute for ever


def test_locks_are_free_before_the_server_noticed_the_closing(make_database: MakeDatabase) -> None:
    url = make_database()
    free = "SELECT pg_try_advisory_lock(7) AND pg_try_advisory_lock(1, 2)"
    with (
        psycopg.connect(url, autocommit=True) as other,
        psycopg.connect(url, autocommit=True) as ours,
    ):
        for failure in ("SELECT 1", "SELECT 1 / 0", "BEGIN"):
            with suppress(psycopg.Error), connect.letting_go(ours):
                ours.execute("SELECT pg_advisory_lock(7), pg_advisory_lock(1, 2)")
                assert other.execute(free.encode()).fetchone() == (False,)
                ours.execute(failure.encode())
            assert other.execute(free.encode()).fetchone() == (True,)
            other.execute("SELECT pg_advisory_unlock_all()")
        with connect.letting_go(ours):  # a lost session is no error of its own
            ours.execute("SELECT pg_advisory_lock(7)")
            ours.close()
