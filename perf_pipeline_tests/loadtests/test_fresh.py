"""A run's own copy of a database: the target is never touched, and nothing is left behind."""

import os
from collections.abc import Callable, Iterator

import psycopg
import pytest
from psycopg import sql

from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.errors import BusyError, ConfigurationError
from perf_pipeline.loadtests import fresh

pytestmark = pytest.mark.server


@pytest.fixture
def url(make_database: Callable[..., str]) -> str:
    found = make_database()
    with psycopg.connect(found, autocommit=True) as session:
        session.execute("CREATE TABLE jobs AS SELECT 1 AS id")
        name = sql.Identifier(session.info.dbname)
        for setting in ("work_mem = '7MB'", 'search_path = jobs, "$user", public', "a.b = 'c d'"):
            session.execute(sql.SQL("ALTER DATABASE {} SET " + setting).format(name))
    return found


@pytest.fixture
def plain_role(server: EmbeddedServer) -> Iterator[str]:
    """Return a role that may log in, and no more."""
    name = f"plain_{os.getpid()}"
    with psycopg.connect(server.url(), autocommit=True) as session:
        session.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'x'").format(sql.Identifier(name)))
        yield name
        session.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


def databases(url: str) -> set[str]:
    with psycopg.connect(url) as session:
        return {name for (name,) in session.execute("SELECT datname FROM pg_database")}


def ids(url: str) -> list[int]:
    with psycopg.connect(url) as session:
        return [number for (number,) in session.execute("SELECT id FROM public.jobs ORDER BY id")]


def named(url: str) -> str:
    return str(psycopg.conninfo.conninfo_to_dict(url)["dbname"])


def test_each_run_begins_with_the_same_data(url: str, server: EmbeddedServer) -> None:
    before = databases(server.url())
    for _ in range(2):
        with fresh.place(url, wanted=True) as place:
            assert place.restored
            assert place.note == ""
            assert ids(place.url) == [1]
            with psycopg.connect(place.url, autocommit=True) as session:
                session.execute("INSERT INTO public.jobs VALUES (2)")
    assert ids(url) == [1]
    assert databases(server.url()) == before


def test_settings_of_the_database_hold_in_its_copy(url: str) -> None:
    def shown(where: str) -> list[object]:
        with psycopg.connect(where) as session:
            return [
                session.execute(sql.SQL("SHOW {}").format(sql.SQL(name))).fetchone()
                for name in ("work_mem", "search_path", "a.b")
            ]

    with fresh.place(url, wanted=True) as place:
        assert shown(place.url) == shown(url)


def test_nothing_is_copied_that_was_not_asked_for(url: str) -> None:
    with fresh.place(url, wanted=False) as place:
        assert (place.url, place.restored, place.note) == (url, False, "")


@pytest.mark.parametrize(
    "mark",
    [
        sql.SQL("COMMENT ON DATABASE {} IS {}").format(
            sql.Placeholder("copy"), sql.Literal(fresh.COMMENT)
        ),
        # killed before it could say more
        sql.SQL("ALTER DATABASE {} CONNECTION LIMIT {}").format(
            sql.Placeholder("copy"), sql.Literal(fresh.LIMIT)
        ),
    ],
    ids=["whole", "just made"],
)
def test_a_copy_left_by_a_run_that_was_killed_is_dropped(
    url: str, server: EmbeddedServer, mark: sql.Composed
) -> None:
    copy = fresh.copy_name(named(url))
    server.ensure_database(copy)
    with psycopg.connect(server.url(), autocommit=True) as session:
        text = mark.as_string(session).replace("%(copy)s", sql.Identifier(copy).as_string(session))
        session.execute(text)  # type: ignore[call-overload]
    with psycopg.connect(server.url(copy)), fresh.place(url, wanted=True) as place:
        assert ids(place.url) == [1]
    assert copy not in databases(url)


def test_a_database_of_somebody_else_is_never_dropped(url: str, server: EmbeddedServer) -> None:
    copy = fresh.copy_name(named(url))
    server.ensure_database(copy)
    try:
        with (
            pytest.raises(ConfigurationError, match="was not made by a load test"),
            fresh.place(url, wanted=True),
        ):
            pass
        assert copy in databases(url)
    finally:
        server.drop_database(copy)


def test_who_may_not_copy_runs_on_the_database_and_says_so(url: str, plain_role: str) -> None:
    parts = psycopg.conninfo.conninfo_to_dict(url)
    theirs = psycopg.conninfo.make_conninfo("", **{**parts, "user": plain_role, "password": "x"})
    with fresh.place(theirs, wanted=True) as place:
        assert (place.url, place.restored) == (theirs, False)
        assert place.note == "not restored: the role lacks CREATEDB"
    with psycopg.connect(url, autocommit=True) as session:
        session.execute(sql.SQL("ALTER ROLE {} CREATEDB").format(sql.Identifier(plain_role)))
    with fresh.place(theirs, wanted=True) as place:
        assert place.note == "not restored: the role does not own the database"


def test_somebody_who_stays_connected_is_told_of(url: str) -> None:
    told: list[str] = []
    with (
        psycopg.connect(url),
        pytest.raises(BusyError, match="1 sessions are on it"),
        fresh.place(url, wanted=True, patience_s=0.0, say=told.append),
    ):
        pass
    assert fresh.copy_name(named(url)) not in databases(url)


def test_one_run_at_a_time_has_the_copy(url: str) -> None:
    with (
        fresh.place(url, wanted=True) as place,
        pytest.raises(BusyError, match="another load test"),
        fresh.place(url, wanted=True),
    ):
        pass
    assert place.restored


def test_a_long_name_leaves_room() -> None:
    assert fresh.copy_name("a") == "a_perf_load"
    assert len(fresh.copy_name("ä" * 31).encode()) <= 63
