"""Secrets that are no statement's, and the search itself; see `test_corpus` for statements."""

import re
import threading

import psycopg
import pytest
from hypothesis import given, settings
from psycopg import sql

from perf_pipeline.postgres.target import Target
from perf_pipeline.reports.build import build, latest
from perf_pipeline.snapshots import changes, texts
from perf_pipeline.snapshots.record import collect
from perf_pipeline.snapshots.redact import Scanned, redact
from perf_pipeline.store import Store
from perf_pipeline_tests.snapshots import planted
from perf_pipeline_tests.snapshots.conftest import flush

pytestmark = pytest.mark.server

NO_WAIT = texts.Budget(minimum_seconds=0)


def test_what_is_not_a_statement(
    store: Store, victim_target: Target, victim: psycopg.Connection, planter: planted.Planter
) -> None:
    """Settings, names, definitions, applications, lock waits, notes; and the day's report."""
    fill = planter.fill
    for before in (
        "CREATE TABLE app.d (a text, b text DEFAULT {q})",
        "CREATE INDEX d1 ON app.d (a) WHERE a = {q}",
        "CREATE INDEX d2 ON app.d (a) WHERE a = {q}",
    ):
        victim.execute(fill(before))
    name = sql.Identifier(victim.info.dbname)
    collect(victim_target, store, text_budget=NO_WAIT)
    for setting in ("app.token = {q}", "app.n = {n}", "search_path = {name}, {name}"):
        victim.execute(sql.SQL("ALTER DATABASE {} SET ").format(name) + sql.SQL(fill(setting)))
    victim.execute("DROP INDEX app.d2")
    for change in (
        "DROP INDEX app.d1; CREATE INDEX d1 ON app.d (a) WHERE a = {q}",
        "CREATE TABLE app.{name} (a int PRIMARY KEY, {name} text DEFAULT {q})",
        "CREATE INDEX {name} ON app.d ((a || {q})) WITH (fillfactor = 71)",
        "CREATE FUNCTION app.f({name} text DEFAULT {q}) RETURNS text LANGUAGE sql AS"
        " $b$ SELECT {q} $b$",
        "CREATE VIEW app.{name} AS SELECT {q} AS a",
        "INSERT INTO app.d VALUES ({q})",
    ):
        victim.execute(fill(change))
    holder, waiter = (
        psycopg.connect(
            victim.info.dsn, password=victim.info.password, application_name=planter.shaped()
        )
        for _ in range(2)
    )
    planter.planted.update(dict.fromkeys(planter._fresh, "application_name"))
    with holder, waiter:
        holder.execute(fill("UPDATE app.t SET email = {q}"))
        holder.execute("LOCK TABLE app.t")
        statement = fill("UPDATE app.t SET email = {q} WHERE email = {q}")
        waiting = threading.Thread(target=waiter.execute, args=(statement,))
        waiting.start()
        while not victim.execute(
            "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            " AND datname = current_database()"
        ).fetchall():
            pass
        flush(victim)
        swept = collect(victim_target, store, text_budget=NO_WAIT)
        holder.rollback()
        waiting.join()
    found = planted.dump(store)
    assert swept.rows["locks"] >= 1
    changed = found[f"ledger.schema_changes_{swept.ts:%Y_%m_%d}"]
    assert "CREATE INDEX d2 ON app.d USING btree (a) WHERE (a = ?::text)" in changed
    assert "WHERE (a = ?::text) -- other values" in changed
    setting = found[f"ledger.settings_changes_{swept.ts:%Y_%m_%d}"]
    assert re.search(r'search_path,.*public",.hidden, fingerprint [0-9a-f]{4}', setting)
    build(store, victim_target.name, swept.ts.date(), swept.ts.date())
    report = latest(store, victim_target.name, swept.ts.date())
    assert report is not None
    assert "CREATE INDEX d2 ON app.d USING btree (a) WHERE (a = ?::text)" in report.html
    found |= {"report": report.html, "notes": "\n".join(swept.notes)}
    assert planted.leaks(found, planter.planted) == []


def test_the_search_finds_what_is_stored(
    store: Store,
    victim_target: Target,
    victim: psycopg.Connection,
    planter: planted.Planter,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without redaction each of these secrets is found: the tests above can fail."""
    monkeypatch.setattr(texts.redact, "scan", lambda text: Scanned(text, ()))
    monkeypatch.setattr(changes, "redact", lambda text: text)
    collect(victim_target, store, text_budget=NO_WAIT)
    victim.execute(planter.fill("CREATE USER planted_1 PASSWORD {q}"))
    victim.execute(planter.fill("CREATE INDEX d1 ON app.t (id) WHERE email = {q}"))
    collect(victim_target, store, text_budget=NO_WAIT)
    found = planted.leaks(planted.dump(store), planter.planted)
    assert {marker for _, marker, _ in found} == set(planter.planted)
    places = {place.partition("_20")[0] for place, _, _ in found}
    assert places == {"ledger.query_texts", "ledger.schema_changes", "state of schema_objects"}


@settings(max_examples=250, deadline=None)
@given(planted.soups())
def test_nothing_planted_in_a_soup_of_tokens_survives(template: str) -> None:
    planter = planted.Planter(seed=len(template))
    text = planter.fill(template)
    shown = redact(text)
    assert [m for m in planter.planted if m.lower() in shown.lower()] == []
