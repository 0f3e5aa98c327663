"""Statement texts: read only for statements not seen before, rarely, redacted, stored once."""

from dataclasses import dataclass

import polars as pl
import psycopg
from psycopg import errors as pg_errors
from psycopg import sql

from perf_pipeline.postgres import connect as pg
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.snapshots import reader
from perf_pipeline.snapshots.collect import Sweep
from perf_pipeline.snapshots.evidence import Observation
from perf_pipeline.snapshots.redact import CUT, MAXIMUM_LENGTH, redact, text_hash
from perf_pipeline.store.engine import Store
from perf_pipeline.store.own import OWN_TEXT

#: Under this name the state remembers when texts were last read.
EVIDENCE = "texts"

#: The comment inside each of the sweep's statements; texts with it are the collector's own.
MARK = "/* perf-pipeline */"
_HIDDEN = "<insufficient privilege>"

#: A generated statement may have megabytes, and 5,000 of them would not fit into memory. Twice what
#: is kept: redacting makes most texts shorter.
READ_CHARACTERS = 2 * MAXIMUM_LENGTH

#: pg_stat_statements keeps each text as its own database wrote it and converts all of them for
#: whoever reads one. (The last: there is no conversion between the two encodings.)
_FOREIGN_BYTES = (
    pg_errors.CharacterNotInRepertoire,
    pg_errors.UntranslatableCharacter,
    pg_errors.UndefinedFunction,
)

_KEYS = ["userid", "dbid", "queryid"]
_KEY_SCHEMA = dict.fromkeys(_KEYS, pl.Int64())
TEXTS = {**_KEY_SCHEMA, "text_hash": pl.String(), "query": pl.String()}


@dataclass(frozen=True)
class Budget:
    """How often texts may be read: the server reads its whole text file each time.

    Attributes
    ----------
    minimum_seconds : float
        Least time between two reads of one target, by its own clock; 0: at every sweep that has
        statements without a text.
    maximum_statements : int
        Most texts asked for at once; the rest waits for the next time.

    """

    minimum_seconds: float = 600.0
    maximum_statements: int = 5_000


def wanted(
    connection: psycopg.Connection,
    target_id: int,
    rows: pl.DataFrame,
    now: Observation,
    last: Observation | None,
    budget: Budget,
) -> pl.DataFrame:
    """Return the keys of statements that ran, have no text, and may be asked for now.

    Parameters
    ----------
    connection : psycopg.Connection
        A transaction of the store's.
    target_id : int
    rows : polars.DataFrame
        The interval's statement rows.
    now, last : Observation
        Of this sweep, and of the one that last read texts (None: never).
    budget : Budget

    Returns
    -------
    polars.DataFrame
        Columns userid, dbid, queryid, sorted; empty when it is not yet time.

    """
    nothing = pl.DataFrame(schema=_KEY_SCHEMA)
    if rows.is_empty():
        return nothing
    if last is not None:
        elapsed = (now.ts - last.ts).total_seconds()
        if 0 <= elapsed < budget.minimum_seconds:
            return nothing
    keys = rows.select(_KEYS).unique().sort(_KEYS)
    found = connection.execute(
        sqlfiles.load("store/snapshot_without_text").text,
        {
            "target_id": target_id,
            "userids": keys["userid"].to_list(),
            "dbids": keys["dbid"].to_list(),
            "queryids": keys["queryid"].to_list(),
        },
    ).fetchall()
    return (
        pl.DataFrame(found, schema=_KEY_SCHEMA, orient="row")
        .sort(_KEYS)
        .head(budget.maximum_statements)
    )


def read(
    session: psycopg.Connection, swept: Sweep, keys: pl.DataFrame, limits: pg.Limits | None = None
) -> pl.DataFrame:
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

    Returns
    -------
    polars.DataFrame
        Columns of `TEXTS`, one row per key that has a visible text. No literal of the target's
        statements leaves this function. Of a longer text only the first `READ_CHARACTERS`
        characters are read.

    Raises
    ------
    psycopg.Error
        The server refused, see `left_out`.

    """
    major = swept.observation.server_version_num // 10_000
    text = sql.SQL(sqlfiles.load("snapshots/texts", major).text).format(
        extension=sql.Identifier(swept.extension_schema)
    )
    wanted = {"queryids": keys["queryid"].to_list(), "characters": READ_CHARACTERS}
    with pg.transaction(session, limits):
        found = reader.read(session, text, "texts", wanted)
    found = found.join(keys, on=_KEYS, how="semi").unique(_KEYS, keep="first").sort(_KEYS)
    found = found.filter(pl.col("query").is_not_null() & (pl.col("query") != _HIDDEN))
    shown = [OWN_TEXT if MARK in query else _redacted(query) for query in found["query"]]
    return found.select(_KEYS).with_columns(
        pl.Series("text_hash", [text_hash(query) for query in shown], dtype=pl.String),
        pl.Series("query", shown, dtype=pl.String),
    )


def _redacted(query: str) -> str:
    shown = redact(query)
    cut = len(query) >= READ_CHARACTERS and not shown.endswith(CUT)
    return shown + CUT if cut else shown


def left_out(error: Exception) -> str:
    """Say why the texts could not be read, and what helps."""
    reason = str(error).strip().partition("\n")[0]
    if isinstance(error, _FOREIGN_BYTES):
        reason += (
            "; the server cannot read texts here while it keeps a statement of another database in"
            " another encoding: reset the statistics of that database with"
            " pg_stat_statements_reset(0, its oid, 0), or exclude it from tracking"
        )
    elif isinstance(error, pg_errors.QueryCanceled):
        reason += "; PERF_STATEMENT_TIMEOUT_MS sets the limit"
    return f"statement texts left out: {reason}"


def save(store: Store, target_id: int, now: Observation, found: pl.DataFrame) -> None:
    """Keep texts, each once, and say which statement has which.

    Parameters
    ----------
    store : Store
    target_id : int
    now : Observation
        When they were read.
    found : polars.DataFrame
        Columns of `TEXTS`.

    """
    if found.is_empty():
        return
    distinct = found.unique("text_hash").sort("text_hash")
    with store.begin() as connection:
        connection.execute(
            sqlfiles.load("store/snapshot_query_texts").text,
            {
                "ts": now.ts,
                "text_hashes": distinct["text_hash"].to_list(),
                "queries": distinct["query"].to_list(),
            },
        )
        connection.execute(
            sqlfiles.load("store/snapshot_statement_texts").text,
            {
                "target_id": target_id,
                **{f"{name}s": found[name].to_list() for name in _KEYS},
                "text_hashes": found["text_hash"].to_list(),
            },
        )


def own_statements(connection: psycopg.Connection, target_id: int) -> pl.DataFrame:
    """Return the keys (userid, dbid, queryid) of the collector's own statements of a target."""
    found = connection.execute(
        sqlfiles.load("store/snapshot_own_statements").text,
        {"target_id": target_id, "text_hash": text_hash(OWN_TEXT)},
    ).fetchall()
    return pl.DataFrame(found, schema=_KEY_SCHEMA, orient="row")
