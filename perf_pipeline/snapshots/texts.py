"""Statement texts: read only for statements not seen before, rarely, redacted, stored once."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import polars as pl
import psycopg
from psycopg import errors as pg_errors
from psycopg import sql

from perf_pipeline.errors import UnreachableError
from perf_pipeline.postgres import connect as pg
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.postgres.deadline import deadline
from perf_pipeline.snapshots import reader, redact, tags, text_budget, values
from perf_pipeline.snapshots.collect import Sweep
from perf_pipeline.snapshots.redact import CUT, MAXIMUM_LENGTH, text_hash
from perf_pipeline.snapshots.text_budget import Budget, Reading
from perf_pipeline.store.engine import Store
from perf_pipeline.store.own import OWN_TEXT

#: The comment inside each of the sweep's statements; texts with it are the collector's own.
MARK = "perf-pipeline"
_HIDDEN = "<insufficient privilege>"

#: A generated statement may have megabytes, and 5,000 of them would not fit into memory. Twice what
#: is kept: redacting makes most texts shorter. The comment with a long one's tags is at its end.
READ_CHARACTERS = 2 * MAXIMUM_LENGTH
ENDING_CHARACTERS = tags.LONGEST_COMMENT

#: pg_stat_statements keeps each text as its own database wrote it and converts all of them for
#: whoever reads one. (The last: there is no conversion between the two encodings.)
_FOREIGN_BYTES = (
    pg_errors.CharacterNotInRepertoire,
    pg_errors.UntranslatableCharacter,
    pg_errors.UndefinedFunction,
)

_KEYS = ["userid", "dbid", "queryid"]
_KEY_SCHEMA = dict.fromkeys(_KEYS, pl.Int64())
TEXTS = {**_KEY_SCHEMA, "text_hash": pl.String(), "query": pl.String(), "tags": pl.String()}


@dataclass(frozen=True)
class Claim:
    """Texts that may be read now.

    Attributes
    ----------
    keys : polars.DataFrame
        Columns userid, dbid, queryid; the statements that took most time first. Empty: read
        nothing.
    unseen : int
        How many of them have no text yet; those after are read again for their tags.
    waiting : int
        Statements without a text that are too many for one reading.
    reading : Reading or None
        What the store remembers of it; None: nothing is read.
    note : str
        On the last reading, for the sweep; empty when it went well.

    """

    keys: pl.DataFrame
    unseen: int = 0
    waiting: int = 0
    reading: Reading | None = None
    note: str = ""


@dataclass(frozen=True)
class Found:
    """What a reading brought.

    Attributes
    ----------
    texts : polars.DataFrame
        Columns of `TEXTS`, one row per key whose text was read; no tags: null.
    held_back : polars.DataFrame
        Keys whose text was past the limit of bytes.
    milliseconds : float
        How long the server took.

    """

    texts: pl.DataFrame
    held_back: pl.DataFrame
    milliseconds: float = 0.0


@dataclass(frozen=True)
class Fetched:
    """Notes added to the sweep, and how long the server took to answer; 0: it was not asked."""

    notes: tuple[str, ...] = ()
    milliseconds: float = 0.0


def claim(
    connection: psycopg.Connection,
    target_id: int,
    rows: pl.DataFrame,
    now: datetime,
    budget: Budget,
) -> Claim:
    """Say which texts may be read now, and remember in the store that they are.

    Parameters
    ----------
    connection : psycopg.Connection
        The transaction of the store's that writes the interval.
    target_id : int
    rows : polars.DataFrame
        The interval's statement rows.
    now : datetime
        Of the sweep, by the target's clock.
    budget : Budget

    """
    nothing = Claim(pl.DataFrame(schema=_KEY_SCHEMA))
    if rows.is_empty():
        return nothing
    found = _fetch(connection, "text_reading", {"target_id": target_id})
    last = Reading(*found[0]) if found else None
    if not text_budget.is_due(last, now, budget):
        return nothing
    waits = {"seconds": budget.minimum_seconds, "most_seconds": text_budget.MOST_SECONDS}
    asked = {"target_id": target_id, "ts": now, **waits}
    unseen = _known(connection, "snapshot_without_text", text_budget.dearest_first(rows), asked)
    again = _known(connection, "snapshot_with_tags", text_budget.counted_anew(rows), asked)
    if unseen.is_empty() and again.is_empty():
        return nothing
    wanted = unseen.head(budget.maximum_statements)
    keys = pl.concat([wanted, again]).unique(maintain_order=True)
    reading = text_budget.begun(last, now)
    _save_reading(connection, target_id, reading)
    note = ""
    if last is not None and not last.finished:
        note = f"the reading of statement texts begun at {_clock(last.begun_at)} did not finish"
    return Claim(
        keys.head(budget.maximum_statements),
        wanted.height,
        unseen.height - wanted.height,
        reading,
        note,
    )


def fetch(
    store: Store,
    session: psycopg.Connection,
    swept: Sweep,
    target_id: int,
    ts: datetime,
    claimed: Claim,
    budget: Budget,
    limits: pg.Limits | None = None,
) -> Fetched:
    """Read the claimed texts and keep them, after the interval is committed.

    Parameters
    ----------
    store : Store
    session : psycopg.Connection
        Of the target, outside a transaction.
    swept : Sweep
    target_id : int
    ts : datetime
        Of the sweep in the ledger: what went wrong, or is left, is added to its notes.
    claimed : Claim
    budget : Budget
    limits : postgres.connect.Limits, optional
        Default: the environment's.

    """
    if claimed.reading is None:
        return Fetched()
    chosen = limits or pg.Limits.from_settings()
    chosen = replace(
        chosen, statement_timeout_ms=min(chosen.statement_timeout_ms, budget.timeout_ms)
    )
    started = time.perf_counter()
    try:
        with deadline(session, pg.most_seconds(chosen), "reading statement texts"):
            found = read(session, swept, claimed.keys, chosen, budget.maximum_bytes)
    except (psycopg.Error, UnreachableError) as error:
        took_ms = (time.perf_counter() - started) * 1000.0
        again = _clock(text_budget.next_at(claimed.reading, budget))
        note = f"{left_out(error)}; asked again after {again}"
        with store.begin() as connection:
            _save_reading(connection, target_id, text_budget.failed(claimed.reading))
            _add_note(connection, target_id, ts, note)
        return Fetched((note,), took_ms)
    waiting = claimed.waiting + found.held_back.height
    note = f"{waiting} statements have no text yet: they are read later" if waiting else ""
    save(store, target_id, ts, claimed, found, note)
    return Fetched((note,) if note else (), found.milliseconds)


def read(
    session: psycopg.Connection,
    swept: Sweep,
    keys: pl.DataFrame,
    limits: pg.Limits | None = None,
    maximum_bytes: int = Budget.maximum_bytes,
) -> Found:
    """Read the texts of statements from the target, redacted.

    Parameters
    ----------
    session : psycopg.Connection
        Of the target, outside a transaction; the reading is a transaction of its own.
    swept : Sweep
        For the schema of the extension and the server's version.
    keys : polars.DataFrame
        Columns userid, dbid, queryid.
    limits : postgres.connect.Limits, optional
        Default: the environment's.
    maximum_bytes : int
        Texts beyond are held back.

    Returns
    -------
    Found
        No literal of the target's statements leaves this function. Of a longer text only the first
        `READ_CHARACTERS` characters are read, and the tags at its end.

    Raises
    ------
    psycopg.Error
        The server refused, see `left_out`.

    """
    major = swept.observation.server_version_num // 10_000
    text = sql.SQL(sqlfiles.load("snapshots/texts", major).text).format(
        extension=sql.Identifier(swept.extension_schema)
    )
    params = {
        "queryids": keys["queryid"].to_list(),
        "characters": READ_CHARACTERS,
        "ending_characters": ENDING_CHARACTERS,
        "bytes": maximum_bytes,
    }
    started = time.perf_counter()
    with pg.transaction(session, limits):
        for name in ("quiet", "own_cost"):
            session.execute(sql.SQL(sqlfiles.load(f"snapshots/{name}", major).text))
        rows = reader.read(session, text, "texts", params)
    milliseconds = (time.perf_counter() - started) * 1000.0
    rows = rows.join(keys, on=_KEYS, how="semi").unique(_KEYS, keep="first").sort(_KEYS)
    visible = rows.filter(pl.col("query").is_not_null() & (pl.col("query") != _HIDDEN))
    made = [arranged(query, ending) for query, ending in visible.select("query", "ending").rows()]
    texts = visible.select(_KEYS).with_columns(
        pl.Series("text_hash", [text_hash(query) for query, _ in made], dtype=pl.String),
        pl.Series("query", [query for query, _ in made], dtype=pl.String),
        pl.Series("tags", [tags.to_json(kept) if kept else None for _, kept in made], pl.String),
    )
    return Found(texts, rows.filter(~pl.col("within_limit")).select(_KEYS), milliseconds)


def arranged(query: str, ending: str | None = None) -> tuple[str, Mapping[str, str]]:
    """Return a text as it is kept, and the tags of its comments. Pure.

    Parameters
    ----------
    query : str
        As the server has it, or its beginning.
    ending : str, optional
        The end of a text of which `query` is the beginning.

    """
    scanned = redact.scan(query)
    if any(comment.strip() == MARK for comment in scanned.comments):
        return OWN_TEXT, {}
    if ending is None:
        return scanned.text, tags.kept(scanned.comments)
    shown = scanned.text if scanned.text.endswith(CUT) else scanned.text + CUT
    # the last comment of the beginning may be cut, or be a part of what stands at the end
    return shown, tags.kept([*tags.last_comment(ending), *scanned.comments[:-1]])


def left_out(error: Exception) -> str:
    """Say why the texts could not be read, and what helps."""
    reason = values.screened(str(error).strip().partition("\n")[0])
    if isinstance(error, _FOREIGN_BYTES):
        reason += (
            "; the server cannot read texts here while it keeps a statement of another database in"
            " another encoding: reset the statistics of that database with"
            " pg_stat_statements_reset(0, its oid, 0), or exclude it from tracking"
        )
    elif isinstance(error, pg_errors.QueryCanceled):
        reason += "; its file of texts is large: pg_stat_statements_reset() or a smaller .max help"
    return f"statement texts left out: {reason}"


def save(
    store: Store,
    target_id: int,
    ts: datetime,
    claimed: Claim,
    found: Found,
    note: str = "",
) -> None:
    """Keep texts, each once, say which statement has which, and which were asked for in vain.

    Parameters
    ----------
    store : Store
    target_id : int
    ts : datetime
        Of the sweep.
    claimed : Claim
    found : Found
    note : str
        For the sweep; empty: none.

    """
    texts = found.texts
    distinct = texts.unique("text_hash").sort("text_hash")
    tagged = texts.filter(pl.col("tags").is_not_null())
    asked = claimed.keys.head(claimed.unseen)
    vain = asked.join(texts, on=_KEYS, how="anti").join(found.held_back, on=_KEYS, how="anti")
    target: dict[str, object] = {"target_id": target_id, "ts": ts}
    with store.begin() as connection:
        _run(
            connection,
            "snapshot_query_texts",
            {
                "ts": ts,
                "text_hashes": distinct["text_hash"].to_list(),
                "queries": distinct["query"].to_list(),
            },
        )
        hashes = {"text_hashes": texts["text_hash"].to_list()}
        _run(connection, "snapshot_statement_texts", {**target, **_lists(texts), **hashes})
        if not tagged.is_empty():
            sets = {"tags": tagged["tags"].to_list()}
            _run(connection, "snapshot_statement_tags", {**target, **_lists(tagged), **sets})
        if not vain.is_empty():
            _run(connection, "missing_texts_save", {**target, **_lists(vain)})
        _run(connection, "missing_texts_forget", target)
        if claimed.reading is not None:
            done = text_budget.succeeded(claimed.reading, found.milliseconds)
            _save_reading(connection, target_id, done)
        if note:
            _add_note(connection, target_id, ts, note)


def own_statements(connection: psycopg.Connection, target_id: int) -> pl.DataFrame:
    """Return the keys (userid, dbid, queryid) of the collector's own statements of a target."""
    params = {"target_id": target_id, "text_hash": text_hash(OWN_TEXT)}
    found = _fetch(connection, "snapshot_own_statements", params)
    return pl.DataFrame(found, schema=_KEY_SCHEMA, orient="row")


def _known(
    connection: psycopg.Connection, name: str, keys: pl.DataFrame, params: Mapping[str, object]
) -> pl.DataFrame:
    """Return those of the keys that a statement of the store picks out."""
    if keys.is_empty():
        return keys
    found = _fetch(connection, name, {**params, **_lists(keys)})
    return pl.DataFrame(found, schema=_KEY_SCHEMA, orient="row")


def _lists(keys: pl.DataFrame) -> dict[str, list[int]]:
    return {f"{name}s": keys[name].to_list() for name in _KEYS}


def _run(connection: psycopg.Connection, name: str, params: Mapping[str, object]) -> None:
    connection.execute(sqlfiles.load(f"store/{name}").text, params)


def _fetch(
    connection: psycopg.Connection, name: str, params: Mapping[str, object]
) -> list[tuple[Any, ...]]:
    return connection.execute(sqlfiles.load(f"store/{name}").text, params).fetchall()


def _save_reading(connection: psycopg.Connection, target_id: int, reading: Reading) -> None:
    _run(connection, "text_reading_save", {"target_id": target_id, **vars(reading)})


def _add_note(connection: psycopg.Connection, target_id: int, ts: datetime, note: str) -> None:
    _run(connection, "text_note", {"target_id": target_id, "ts": ts, "note": note})


def _clock(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M:%S} UTC"
