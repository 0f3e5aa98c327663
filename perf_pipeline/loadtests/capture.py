"""A load scenario from what a database's clients really asked: the ledger's mix of some hours.

Weights are calls, the rate is that of the hours, the limits follow from the times that were
measured. The target is only described to us (Parse and Describe: nothing is executed, no value of
it is read), so it may be production; the load then runs elsewhere.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import psycopg
from psycopg.rows import dict_row

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.loadtests import uses
from perf_pipeline.postgres import connect as pg
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.postgres.target import Target
from perf_pipeline.store import Store, samples
from perf_pipeline.store.own import OWN_TEXT

Row = Mapping[str, Any]

#: Days in which the busiest hour is looked for.
LOOK_BACK_DAYS: Final = 7
#: Calls of a statement below which its share is chance.
LEAST_CALLS: Final = 5
#: Limits of a captured scenario: times of what was measured (the client's way comes on top), and
#: never below these; share of the rate that must be reached.
_AVERAGE_TIMES, _LEAST_MS, _REACHED = 2.0, 5.0, 0.9
#: Cantelli: at most 5 % of any distribution lie above its mean by this many deviations.
_P95_DEVIATIONS: Final = math.sqrt(19.0)
_THINK_MS: Final = 1000.0
_INTEGERS: Final = frozenset({"smallint", "integer", "bigint"})
_KINDS: Final = {"SELECT": "read", "INSERT": "write", "UPDATE": "write", "DELETE": "write"}
_NOT_A_NAME: Final = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True)
class Column:
    """A column as the catalog has it: the unique keys it is part of, the rows of its table."""

    table: str
    name: str
    type: str
    keys: tuple[frozenset[str], ...]
    rows: float


@dataclass(frozen=True)
class Described:
    """What the target says of a statement: its parameters' types, and columns by named table."""

    types: Sequence[tuple[str, bool]]
    columns: Mapping[str, Mapping[str, Column]]


@dataclass
class Captured:
    """A scenario, and what it covers.

    Attributes
    ----------
    scenario : dict
        As its YAML holds it.
    start, finish : datetime
        The hours that were captured.
    calls : int
        Of all statements then.
    covered : float
        Share of them that the scenario has, 0 to 1.
    left_out : list of (int, float, str)
        queryid, share of the calls, why.

    """

    scenario: dict[str, Any]
    start: datetime
    finish: datetime
    calls: int
    covered: float
    left_out: list[tuple[int, float, str]] = field(default_factory=list)


def capture(
    target: Target,
    store: Store,
    *,
    start: datetime | None = None,
    finish: datetime | None = None,
    now: datetime | None = None,
    most: int = 20,
    reads_only: bool = False,
) -> Captured:
    """Return a scenario of what a target's clients asked.

    Parameters
    ----------
    target : Target
    store : Store
    start, finish : datetime, optional
        Whole hours are taken; default: the busiest hour of the last seven days.
    now : datetime, optional
    most : int
        Statements at most, those called most.
    reads_only : bool
        Leave out what writes.

    Raises
    ------
    ConfigurationError
        The target was never swept, nothing ran in these hours, or no statement can be replayed.

    """
    target_id = samples.target_id(store, target.name)
    with pg.session(target.url(), read_only=True, autocommit=True) as session:
        dbid = _types(session, [23])[0]["dbid"]
        first, last = _hours(store, target_id, dbid, start, finish, now or datetime.now(UTC))
        rows = store.rows(
            "capture_mix",
            {"target_id": target_id, "dbid": dbid, "start": first, "finish": last,
             "own_text": OWN_TEXT},
        )  # fmt: skip
        calls = sum(row["calls"] for row in rows)
        chosen: list[tuple[Row, dict[str, Any]]] = []
        left: list[tuple[int, float, str]] = []
        for row in rows:
            made: dict[str, Any] | str
            if len(chosen) == most or row["calls"] < LEAST_CALLS:
                made = "too seldom"
            else:
                made = _operation(session, row, reads_only)
            if isinstance(made, str):
                left.append((row["queryid"], row["calls"] / calls, made))
            else:
                chosen.append((row, made))
    if not chosen:
        why = "; ".join(sorted({each[2] for each in left})[:3]) or "nothing was called"
        raise ConfigurationError(
            f"target {target.name!r}: no statement from {first:%Y-%m-%d %H:%M} to "
            f"{last:%H:%M} UTC can be replayed: {why}",
            "give other hours with --start and --finish, or a busier target",
        )
    covered = sum(row["calls"] for row, _ in chosen) / calls
    return Captured(_scenario(target.name, chosen, first, last), first, last, calls, covered, left)


def _hours(
    store: Store,
    target_id: int,
    dbid: int,
    start: datetime | None,
    finish: datetime | None,
    now: datetime,
) -> tuple[datetime, datetime]:
    if start is not None:
        first = start.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        last = (finish or first + timedelta(hours=1)).astimezone(UTC)
        if last <= first:
            raise ConfigurationError(
                f"finish {last:%Y-%m-%d %H:%M} is not after start {first:%Y-%m-%d %H:%M} UTC",
                "give the earlier instant as --start",
            )
        return first, last
    found = store.rows(
        "capture_busiest",
        {
            "target_id": target_id,
            "dbid": dbid,
            "start": now - timedelta(days=LOOK_BACK_DAYS),
            "finish": now,
        },
    )
    if not found:
        raise ConfigurationError(
            f"no statement of this database is in the hourly sums of {LOOK_BACK_DAYS} days",
            "materialize <target>/rollup/statements_hourly for the day, or give --start",
        )
    first = found[0]["hour"].replace(tzinfo=UTC)
    return first, first + timedelta(hours=1)


def _operation(
    session: psycopg.Connection[Any], row: Row, reads_only: bool
) -> dict[str, Any] | str:
    text = row["query"]
    if text is None:
        return "its text is not known"
    word = (re.match(r"\s*\(?\s*(\w+)", text) or [" ", ""])[1].upper()
    kind = _KINDS.get(word, "mixed" if word == "WITH" else "")
    if not kind:
        return f"{word or 'it'} is not replayed"
    if kind == "mixed" and not re.search(r"\b(INSERT|UPDATE|DELETE|MERGE)\b", text, re.I):
        kind = "read"
    if reads_only and (kind != "read" or re.search(r"\bFOR\s+(UPDATE|SHARE|NO|KEY)\b", text, re.I)):
        return "it writes or locks"
    described = describe(session, text)
    if isinstance(described, str):
        return described
    parameters = draws_of(text, described, float(row["rows"] or 0.0) / row["calls"])
    if isinstance(parameters, str):
        return parameters
    table = next(iter(uses.tables(text).values()), "")
    stem = _NOT_A_NAME.sub("_", f"{word} {table.rpartition('.')[2]}".lower()).strip("_")
    return {"name": stem, "kind": kind, "statement": text.strip(), "parameters": parameters}


def describe(session: psycopg.Connection[Any], text: str) -> Described | str:
    """Return what the server says of a statement, which it parses and does not run; or why not."""
    raw = session.pgconn
    parsed = raw.prepare(b"", text.encode())
    if parsed.status != psycopg.pq.ExecStatus.COMMAND_OK:
        said = parsed.error_message.decode(errors="replace").strip().splitlines()
        return f"the server does not take it: {said[0] if said else 'no reason given'}"
    found = raw.describe_prepared(b"")
    oids = [found.param_type(place) for place in range(found.nparams)]
    names = sorted(set(uses.tables(text).values()))
    with session.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(sqlfiles.load("loadtests/columns").text, {"names": names}).fetchall()
    columns: dict[str, dict[str, Column]] = {}
    for row in rows:
        table = f"{row['schema_name']}.{row['table_name']}"
        columns.setdefault(row["name"], {})[row["column_name"]] = Column(
            table,
            row["column_name"],
            row["type"],
            tuple(frozenset(key.split(",")) for key in row["unique_keys"]),
            row["rows"],
        )
    types = [(row["type"], row["is_array"]) for row in _types(session, oids)] if oids else []
    return Described(types, columns)


def _types(session: psycopg.Connection[Any], oids: Sequence[int]) -> list[dict[str, Any]]:
    with session.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            sqlfiles.load("loadtests/types").text, {"oids": list(oids)}
        ).fetchall()


def draws_of(text: str, described: Described, rows_per_call: float) -> dict[str, Any] | str:
    """Return where each parameter's value comes from, or why one has none; pure.

    Parameters
    ----------
    text : str
    described : Described
    rows_per_call : float
        As counted: the limit of a LIMIT, and how much of a table a range has.

    """
    known = uses.of(text)
    there = {number: _column(use, described.columns) for number, use in known.items()}
    ends: dict[tuple[str, str], set[str]] = {}
    for each in known.values():
        if each.how in ("low", "high"):
            ends.setdefault((each.source, each.column), set()).add(each.how)
    uuids = {c.name for n, c in there.items() if c and c.type == "uuid" and known[n].how == "put"}
    put = frozenset(uses.inserted_columns(text))
    found: dict[str, Any] = {}
    for number in uses.numbers(text):
        use, column = known.get(number), there.get(number)
        if use is None or number > len(described.types):
            return f"nobody knows what ${number} was: it is compared with no column"
        kind = described.types[number - 1]
        if use.how in ("limit", "offset", "step"):
            many = {"limit": max(1, math.ceil(rows_per_call)), "offset": 0, "step": 1}[use.how]
            found[str(number)] = {"type": kind[0], "value": str(many)}
            continue
        if column is None:
            return f"${number} is compared with {use.column}, no column of one of its tables"
        broken = _broken(use, column, put)
        if broken and kind[0] == "uuid" and use.how == "put":
            found[str(number)] = {"type": kind[0], "make": "uuid"}
        elif broken and not (use.how == "put" and all(key & uuids for key in broken)):
            return f"${number} is a new value of {column.name}, which has to be unique"
        else:
            both = len(ends.get((use.source, use.column), ())) == 2
            found[str(number)] = _drawn(use, column, kind, rows_per_call, both)
    return found


def _broken(use: uses.Use, column: Column, put: frozenset[str]) -> list[frozenset[str]]:
    """Return the unique keys that a value taken from another row would break."""
    if use.how == "set":
        return list(column.keys)
    # what of a key is not put in is made by the database
    return [key for key in column.keys if key <= put] if use.how == "put" else []


def _drawn(
    use: uses.Use, column: Column, kind: tuple[str, bool], rows_per_call: float, both: bool
) -> dict[str, Any]:
    source = _plain(use.source or column.table)
    drawn: dict[str, Any] = {
        "type": kind[0], "table": column.table, "column": column.name, "source": source,
    }  # fmt: skip
    if use.how in ("low", "high"):
        share = min(1.0, max(0.01, rows_per_call / column.rows)) if column.rows else 0.01
        return drawn | {
            "take": use.how if both else {"low": "above", "high": "below"}[use.how],
            "share": round(share, 4),
            "source": f"{source}_{_plain(column.name)}",
        }
    if kind[1] and f"{column.type}[]" == kind[0]:
        return drawn | {"take": "rows", "rows": min(100, max(1, round(rows_per_call)))}
    return drawn


def _plain(name: str) -> str:
    return _NOT_A_NAME.sub("_", name.lower())


def _column(use: uses.Use, columns: Mapping[str, Mapping[str, Column]]) -> Column | None:
    if use.table:
        return columns.get(use.table, {}).get(use.column)
    for name in use.near:
        if use.column in columns.get(name, {}):
            return columns[name][use.column]
    # no alias, none before it: the one table that has such a column
    found = [each[use.column] for each in columns.values() if use.column in each]
    return found[0] if len(found) == 1 else None


def weights(calls: Sequence[int]) -> list[int]:
    """Return shares of a hundred, at least one each, as near to the calls as whole numbers are."""
    spare = 100 - len(calls)
    exact = [spare * each / sum(calls) for each in calls]
    whole = [1 + math.floor(each) for each in exact]
    by_rest = sorted(range(len(calls)), key=lambda n: (math.floor(exact[n]) - exact[n], n))
    for place in by_rest[: 100 - sum(whole)]:
        whole[place] += 1
    return whole


def _scenario(
    name: str, chosen: Sequence[tuple[Row, dict[str, Any]]], start: datetime, finish: datetime
) -> dict[str, Any]:
    calls = [row["calls"] for row, _ in chosen]
    total = sum(calls)
    rate = total / (finish - start).total_seconds()
    mean = sum(row["total_ms"] for row, _ in chosen) / total
    squares = [row["squares"] for row, _ in chosen]
    # a statement whose times were not squared counts with its mean
    known = [
        row["total_ms"] ** 2 / row["calls"] if each is None else each
        for (row, _), each in zip(chosen, squares, strict=True)
    ]
    deviation = math.sqrt(max(0.0, sum(known) / total - mean**2))
    users = max(1, math.ceil(rate * _THINK_MS / 1000.0))
    average = max(_LEAST_MS, _AVERAGE_TIMES * mean)
    p95 = max(average, _AVERAGE_TIMES * (mean + _P95_DEVIATIONS * deviation))
    operations = []
    for place, ((row, operation), weight) in enumerate(
        zip(chosen, weights(calls), strict=True), start=1
    ):
        operations.append(
            {
                "name": f"{operation['name']}_{place}",
                "weight": weight,
                "think_time_ms": round(1000.0 * users / rate, 3),
                "origin": "captured",
                "context": f"statement {row['queryid']}: {row['calls']} calls, "
                f"{row['total_ms'] / row['calls']:.3g} ms each",
                **{key: value for key, value in operation.items() if key != "name"},
            }
        )
    return {
        "name": f"captured_{_plain(name)}_{start:%Y%m%d_%H%M}",
        "version": "1",
        "title": f"What {name} was asked from {start:%Y-%m-%d %H:%M} to {finish:%H:%M} UTC",
        "description": f"{total} calls, {rate:.3g} a second, captured from the ledger.",
        "system": name,
        "users": users,
        "ramp_up_s": 0,
        "duration_s": 60,
        "ramp_down_s": 0,
        "limits": {
            "average_ms": float(f"{average:.3g}"),
            "p95_ms": max(float(f"{p95:.3g}"), float(f"{average:.3g}")),
            "throughput_tps": float(f"{_REACHED * rate:.4g}"),
            "error_percent": 1.0,
        },
        "operations": operations,
    }
