"""One sweep of a target: every family in one read-only transaction, and what it cost.

Nothing of ours is counted. Our sessions are left out of `activity` by their application name. Our
statements are kept out of pg_stat_statements by switching its tracking off for the transaction
where the role may (superuser; from 15 on, a role with SET on that parameter). A role that may not
leaves about twenty statements of its own, each with the comment `/* perf-pipeline */`; `texts`
recognises them by it, after which they are left out of every sweep. No setting of ours outlives the
transaction: behind a pooler the session is lent, and the next one to have it is the application.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import polars as pl
import psycopg
from psycopg import errors as pg_errors

from perf_pipeline.errors import UnreachableError
from perf_pipeline.postgres import connect as pg
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.snapshots import extension, objects, values
from perf_pipeline.snapshots.arrivals import INFO_AFTER, Arrivals, Early
from perf_pipeline.snapshots.evidence import Observation
from perf_pipeline.snapshots.families import READ
from perf_pipeline.snapshots.objects import NO_NAMES
from perf_pipeline.snapshots.own_cost import OwnCost
from perf_pipeline.snapshots.reader import GRANT_REMEDY, Reader, Visit, first_line, query, row
from perf_pipeline.snapshots.registry import SOURCES
from perf_pipeline.snapshots.sources import Source, due

_STATEMENTS: Final = "pg_stat_statements"
#: Sources whose answer is another one each time.
_ALWAYS_NEW: Final = frozenset({"statements", "database"})


@dataclass(frozen=True)
class Sweep:
    """What one sweep read.

    Attributes
    ----------
    observation : Observation
    sources : tuple of Source
        Those that were due.
    frames : Mapping of source name to polars.DataFrame
        Of those that could be read and changed, as arranged; `schema_objects` only when the
        catalogs changed.
    unchanged : frozenset of str
        Sources whose answer was the same as the last time.
    digests : Mapping of source name to str
        By which the next sweep sees that.
    fingerprint : str or None
        Of the catalogs; None when some definition could not be read and must be tried again.
    schema_read : bool
        Whether the catalogs were compared at all.
    size_read : bool
        Whether `database_bytes` is of this sweep; else it is the one handed in.
    extension_schema : str
        Where pg_stat_statements lives.
    database_ms : float
        How long the server was at work on it, by its own clock where it says so; connecting not
        included.
    rows_read : int
    own_cost : OwnCost
    notes : tuple of str
        What was left out, and why.

    """

    observation: Observation
    sources: tuple[Source, ...]
    frames: Mapping[str, pl.DataFrame]
    unchanged: frozenset[str]
    digests: Mapping[str, str]
    fingerprint: str | None
    schema_read: bool
    size_read: bool
    extension_schema: str
    database_ms: float
    rows_read: int
    own_cost: OwnCost = field(default_factory=OwnCost)
    notes: tuple[str, ...] = field(default=())


def sweep(
    connection: psycopg.Connection,
    *,
    limits: pg.Limits | None = None,
    sources: Sequence[Source] = SOURCES,
    seen: Mapping[str, Observation] | None = None,
    holds_server: bool = True,
    known_objects: pl.DataFrame | None = None,
    known_bytes: int | None = None,
    states: Mapping[str, pl.DataFrame] | None = None,
    where: str = "the target",
    early: Early | None = None,
) -> Sweep:
    """Read what is due in one `REPEATABLE READ READ ONLY` transaction, end it, and follow up.

    Parameters
    ----------
    connection : psycopg.Connection
        As `postgres.connect` makes it, bare, outside a transaction.
    limits : postgres.connect.Limits, optional
        Of each statement; default: the environment's.
    sources : sequence of Source
        Of these, the ones that `sources.due`.
    seen : Mapping of family to Observation, optional
        Of the sweep that read it last. An answer with the same fingerprint is not looked at; by the
        same one of `schema_objects`, the objects are not read.
    holds_server : bool
        Whether instance-wide sources are read.
    known_objects : polars.DataFrame, optional
        Schema objects of the last reading: index definitions are read for new ones only.
    known_bytes : int, optional
        The database's size when it was read lately: it is then not read again.
    states : Mapping of source to polars.DataFrame, optional
        What the last reading kept, for sources that follow up.
    where : str
        The target, for messages.
    early : callable, optional
        Called with the observation, a source and its rows as soon as both are known, while the
        server reads the next: for work that needs no more than that.

    Raises
    ------
    UnsupportedServerError
        pg_stat_statements is missing, not preloaded, or older than 1.9.
    UnreachableError
        The connection broke.

    """
    reader = Reader(connection)
    known = seen or {}
    try:
        with reader.transaction(limits):
            server, signs = _server(reader)
            variant = extension.check(server, where)
            installed: dict[str, str] = json.loads(server["extensions"])
            major = _major(reader, server)
            chosen = due(sources, known, server["ts"], major, holds_server, installed, signs)
            files = {
                source: source.file(variant if source.name == "statements" else major)
                for source in chosen
            }
            queries = {
                source: query(
                    source.name,
                    file,
                    source.schema,
                    installed.get(file.header.get("extension", ""), ""),
                    binary=source.binary,
                )
                for source, file in files.items()
            }
            statements, *small = (queries[s] for s in chosen if s.kind == "counters")
            samples = [queries[s] for s in chosen if s.kind != "counters"]
            # around the statements: a reset or an eviction as they are read shows
            info = _file("statements_info", major)
            around = [
                query(name, info, READ["statements_info"], installed[_STATEMENTS])
                for name in ("statements_info", INFO_AFTER)
            ]
            others = [
                *(["control"] if server["sees_control"] else []),
                "cumulative",
                *(["database_size"] if known_bytes is None else []),
            ]
            more = [query(name, _file(name, major), READ[name]) for name in others]
            catalogs = query(
                "schema_version", _file("schema_version", major), READ["schema_version"]
            )
            visits = {
                source: Visit(
                    reader, limits, installed, (states or {}).get(source.name), server["ts"]
                )
                for source in chosen
                if source.follow_up is not None
            }
            arrivals = Arrivals(
                server, chosen, known_bytes, lambda source, rows: _on(source, rows, visits), early
            )
            found = reader.families(
                # so that both sides are at work: what proves something first, then what is compared
                # while the server reads the statements, then what is small while those are
                [around[0], *more, *small, statements, around[1], *samples, catalogs],
                known=_comparable(chosen, known),
                each=arrivals.take,
            )
            # said once is enough
            reader.notes = [note for note in reader.notes if not note.startswith(INFO_AFTER)]
            _note_hidden(reader, server, found)
            frames = arrivals.frames
            last = known.get("schema_objects")
            fingerprint, schema_read = objects.read(
                reader,
                frames,
                row(found.get("schema_version")).get("fingerprint"),
                known_objects,
                last.fingerprint if last else None,
            )
        for source in visits:
            if not source.is_local and source.name in frames:
                followed = _on(source, frames.pop(source.name), visits)
                if followed is not None:
                    frames[source.name] = followed
    except pg_errors.ObjectNotInPrerequisiteState as error:
        raise extension.not_preloaded(where) from error
    except psycopg.Error as error:
        raise UnreachableError(
            f"{where}: the sweep broke off: {first_line(error)}",
            "the next sweep covers this interval; check the target's log if it happens again",
        ) from error
    return Sweep(
        observation=arrivals.observation,
        sources=tuple(chosen),
        frames=frames,
        unchanged=frozenset(
            source.name
            for source in chosen
            if source.name in reader.digests and source.name not in found
        ),
        digests=reader.digests,
        fingerprint=fingerprint,
        schema_read=schema_read,
        size_read="database_size" in found and "database" in frames,
        extension_schema=installed[_STATEMENTS],
        database_ms=reader.meter.ms,
        rows_read=reader.rows_read,
        own_cost=server.get("own_cost", OwnCost()),
        notes=tuple(reader.notes),
    )


def _on(source: Source, rows: pl.DataFrame, visits: Mapping[Source, Visit]) -> pl.DataFrame | None:
    """Let a source go on with what it read."""
    if source.follow_up is None:
        return rows
    found = source.follow_up(rows, visits[source])
    return None if found is None else values.screened_columns(found, keep=NO_NAMES)


def _file(name: str, major: int) -> sqlfiles.SqlFile:
    return sqlfiles.load(f"snapshots/{name}", major)


def _server(reader: Reader) -> tuple[dict[str, Any], list[str] | None]:
    """Begin the transaction, keep it quiet and thrifty, see who answers and what is on."""
    major = reader.connection.info.server_version // 10_000
    names = ("quiet", "own_cost", "server", "signs")
    first = [query(name, _file(name, major), READ[name]) for name in names]
    found = reader.families(first, needed="server")
    signs = row(found.get("signs")).get("signs")
    server = {**row(found["server"]), "own_cost": OwnCost.of(row(found.get("own_cost")))}
    return server, None if signs is None else signs.split(", ")


def _major(reader: Reader, server: Mapping[str, Any]) -> int:
    """Return the server's major version, with a note when nobody has tried it."""
    major = int(server["server_version_num"]) // 10_000
    if major > sqlfiles.NEWEST_TESTED_MAJOR:
        reader.notes.append(
            f"PostgreSQL {major} is newer than {sqlfiles.NEWEST_TESTED_MAJOR}, the newest tested: "
            "families that it has changed are left out"
        )
    return major


def _comparable(chosen: Sequence[Source], seen: Mapping[str, Observation]) -> dict[str, str | None]:
    """Return the sources whose answers may repeat, with the digest of each one's last."""
    return {
        source.name: seen[source.name].fingerprint if source.name in seen else None
        for source in chosen
        if source.kind != "sample" and source.name not in _ALWAYS_NEW
    }


def _note_hidden(
    reader: Reader, server: Mapping[str, Any], found: Mapping[str, pl.DataFrame]
) -> None:
    """Say what this role may not see; where nothing is said, it sees all."""
    hidden = []
    statements = found["statements"]["queryid"].null_count() if "statements" in found else 0
    if statements:
        hidden.append(f"{statements} statements of other users")
    if not server["sees_all"]:
        hidden.append("what other users' sessions do")
    if not server["sees_settings"]:
        hidden.append("some settings")
    if hidden:
        role = values.screened(server["role_name"])
        reader.notes.append(f"{', '.join(hidden)} are hidden from {role}: {GRANT_REMEDY}")
