import os
import threading
from collections.abc import Callable

import psycopg
import pytest
import sqlalchemy as sa
from psycopg import sql

from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.errors import ConfigurationError
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.store import Store, migrate, partitions

pytestmark = pytest.mark.server


def test_upgrade_from_nothing_and_again(make_database: Callable[..., str]) -> None:
    with Store(make_database()) as store:
        before = migrate.status(store)
        assert before.current is None
        assert not before.up_to_date
        with pytest.raises(ConfigurationError, match=r"revision none.*needs") as caught:
            migrate.require_current(store)
        assert "store upgrade" in caught.value.remedy
        assert migrate.upgrade(store).up_to_date
        assert migrate.upgrade(store) == migrate.status(store)
        migrate.require_current(store)
        with store.begin() as connection:
            tables = connection.execute(
                "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                " WHERE n.nspname IN ('ledger', 'perf_mgmt') AND c.relkind = 'p'"
            ).fetchall()
        monthly = {name for _, name in partitions.MONTHLY}
        assert {row[0] for row in tables} == {*partitions.DAILY, *monthly}


def test_a_newer_store_is_left_alone(store: Store) -> None:
    with store.begin() as connection:
        connection.execute("UPDATE public.alembic_version SET version_num = '9999'")
    with pytest.raises(ConfigurationError, match="'9999', which this version does not know"):
        migrate.upgrade(store)


@pytest.mark.parametrize(
    ("refusal", "says", "remedy"),
    [
        ("SET ROLE nobody_special", "permission denied", "owner"),
        ("SET transaction_read_only = on", "read-only", "primary"),
    ],
)
def test_a_refusal_of_the_server_is_explained(
    make_database: Callable[..., str], refusal: str, says: str, remedy: str
) -> None:
    with Store(make_database()) as store:
        if "ROLE" in refusal:
            with store.engine.begin() as connection:
                connection.execute(sa.text("DROP ROLE IF EXISTS nobody_special"))
                connection.execute(sa.text("CREATE ROLE nobody_special"))
        sa.event.listen(
            store.engine, "begin", lambda connection: connection.exec_driver_sql(refusal)
        )
        with pytest.raises(ConfigurationError, match=f"cannot be upgraded: .*{says}") as caught:
            migrate.upgrade(store)
        assert remedy in caught.value.remedy


def test_two_upgrades_at_once(make_database: Callable[..., str]) -> None:
    url = make_database()
    failures: list[BaseException] = []

    def run() -> None:
        try:
            with Store(url) as store:
                assert migrate.upgrade(store).up_to_date
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_every_store_statement_is_valid(store: Store) -> None:
    """Prepare each file: names and types are resolved, nothing is run."""
    files = [file for file in sqlfiles.folder("store") if file.path.parent.name == "store"]
    assert len(files) > 10
    for file in files:
        with store.begin() as connection:
            # as libpq sees it: each named placeholder once, numbered
            query = psycopg._queries.PostgresQuery(psycopg.adapt.Transformer(connection))
            names: dict[str, object] = _Nones()
            query.convert(file.text, names)
            result = connection.pgconn.prepare(b"", query.query)
            assert result.status == psycopg.pq.ExecStatus.COMMAND_OK, (
                file.path.name,
                result.error_message,
            )


class _Nones(dict[str, object]):
    """A value for whatever a file asks for."""

    def __missing__(self, name: str) -> object:
        return None

    def __contains__(self, name: object) -> bool:
        return True


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_store_in_another_encoding_is_refused(server: EmbeddedServer, encoding: str) -> None:
    name = f"store_{encoding.lower()}_{os.getpid()}"
    with psycopg.connect(server.url(), autocommit=True) as admin:
        provider = " LOCALE_PROVIDER libc" if admin.info.server_version >= 150_000 else ""
        admin.execute(
            sql.SQL(
                "CREATE DATABASE {} ENCODING {} LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
                + provider
            ).format(sql.Identifier(name), sql.Literal(encoding))
        )
    try:
        with Store(server.url(name)) as store:
            for use in (migrate.status, migrate.upgrade, lambda store: store.rows("newest_sweep")):
                with pytest.raises(
                    ConfigurationError, match=f"is a database in {encoding}"
                ) as told:
                    use(store)
                assert "ENCODING 'UTF8'" in told.value.remedy
    finally:
        server.drop_database(name)
