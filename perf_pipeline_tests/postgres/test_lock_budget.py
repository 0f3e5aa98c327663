import threading
import time
from collections.abc import Callable, Iterator

import psycopg
import pytest
from psycopg import sql

from perf_pipeline.errors import BusyError, ConfigurationError
from perf_pipeline.postgres import connect as pg
from perf_pipeline.postgres.lock_budget import (
    LockBudget,
    LockBudgetError,
    Spent,
    run_statement,
    run_transaction,
)

pytestmark = pytest.mark.server
ADD = "ALTER TABLE public.t ADD COLUMN IF NOT EXISTS b int"


@pytest.fixture
def url(make_database: Callable[..., str]) -> str:
    made = make_database()
    with psycopg.connect(made) as connection:
        connection.execute("CREATE TABLE public.t (a int)")
    return made


@pytest.fixture
def connection(url: str) -> Iterator[psycopg.Connection]:
    with pg.session(url, read_only=False, autocommit=True) as opened:
        yield opened


def relation(connection: psycopg.Connection) -> int:
    row = connection.execute("SELECT 'public.t'::regclass::oid").fetchone()
    assert row is not None
    return int(row[0])


def limits(connection: psycopg.Connection) -> tuple[str, str]:
    row = connection.execute(
        "SELECT current_setting('lock_timeout'), current_setting('statement_timeout')"
    ).fetchone()
    assert row is not None
    return row


def test_a_held_lock_is_named_when_the_budget_is_spent(
    url: str, connection: psycopg.Connection
) -> None:
    before = limits(connection)
    with psycopg.connect(url, application_name="the one") as holder:
        holder.execute("LOCK TABLE public.t IN ACCESS SHARE MODE")
        start = time.monotonic()
        spent = Spent()
        with pytest.raises(LockBudgetError, match=r"alter t: no lock within 1 s .*the one") as e:
            run_statement(
                connection,
                ADD,
                LockBudget(total_s=1.0),
                spent=spent,
                relations=[relation(connection)],
                what="alter t",
            )
        assert time.monotonic() - start < 30.0  # it is held for ever
        assert isinstance(e.value, BusyError)
        assert "AccessShareLock" in str(e.value)
        assert spent.attempts >= 2
        assert 150 < spent.waited_ms < 30_000
        holder.rollback()
    assert limits(connection) == before
    run_statement(connection, ADD, LockBudget())  # nothing was left behind that forbids it


def test_it_is_done_as_soon_as_the_lock_is_free(url: str, connection: psycopg.Connection) -> None:
    holder = psycopg.connect(url)
    holder.execute("LOCK TABLE public.t IN ACCESS EXCLUSIVE MODE")
    timer = threading.Timer(0.4, holder.close)
    timer.start()
    spent = Spent()

    def work(inside: psycopg.Connection) -> int:
        inside.execute(ADD)
        return 7

    assert run_transaction(connection, work, LockBudget(), spent=spent) == 7
    timer.join()
    assert spent.attempts >= 2
    assert connection.execute("SELECT b FROM public.t").fetchall() == []


def test_a_bystander_waits_no_longer_than_the_budget(
    url: str, connection: psycopg.Connection
) -> None:
    """A reader that queues behind our attempt goes on when the attempt ends."""
    budget = LockBudget(first_ms=300, most_ms=300, total_s=2.5)
    waits: list[float] = []
    stop = threading.Event()

    def read() -> None:
        with psycopg.connect(url, autocommit=True) as reader:
            while not stop.is_set():
                start = time.monotonic()
                reader.execute("SELECT count(*) FROM public.t")
                waits.append(time.monotonic() - start)
                time.sleep(0.005)

    with psycopg.connect(url) as holder:
        holder.execute("SELECT * FROM public.t")
        reader = threading.Thread(target=read)
        reader.start()
        with pytest.raises(LockBudgetError):
            run_statement(connection, ADD, budget)
        meanwhile = list(waits)
        stop.set()
        reader.join()
    # behind one attempt that lasts as long as the budget it would have waited once
    assert sum(each > 0.1 for each in meanwhile) >= 2


def test_other_errors_are_not_tried_again(connection: psycopg.Connection) -> None:
    spent = Spent()
    with pytest.raises(psycopg.errors.UndefinedTable):
        run_statement(connection, "DROP TABLE public.nobody", LockBudget(), spent=spent)
    assert spent.attempts == 0


def test_a_transaction_that_is_lost_leaves_nothing(
    url: str, connection: psycopg.Connection
) -> None:
    def work(inside: psycopg.Connection) -> None:
        inside.execute("CREATE TABLE public.made (a int)")
        inside.execute(sql.SQL(ADD))

    with psycopg.connect(url) as holder:
        holder.execute("SELECT * FROM public.t")
        with pytest.raises(LockBudgetError):
            run_transaction(connection, work, LockBudget(total_s=0.5))
    row = connection.execute("SELECT to_regclass('public.made')").fetchone()
    assert row == (None,)


def test_what_is_no_budget_is_refused(url: str) -> None:
    for wrong in ({"first_ms": 50}, {"most_ms": 5_000}, {"first_ms": 900, "most_ms": 800}):
        with pytest.raises(ConfigurationError, match="lock budget"):
            LockBudget(**wrong)
    with pytest.raises(ConfigurationError, match="total_s"):
        LockBudget(total_s=0.0)
    with psycopg.connect(url) as inside, pytest.raises(ConfigurationError, match="autocommit"):
        run_statement(inside, "SELECT 1", LockBudget())
