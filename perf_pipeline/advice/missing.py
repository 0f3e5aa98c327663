"""Indexes a target's own workload asks for, tried on an empty copy of it."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any, Final

from perf_pipeline.advice import copying, skew
from perf_pipeline.advice.clone import PAGE, Clone, Sizes
from perf_pipeline.advice.indexes import (
    Candidate,
    Choice,
    Statement,
    Table,
    candidates,
    choose,
    estimated_bytes,
)
from perf_pipeline.advice.predicates import updated, wanted, written
from perf_pipeline.postgres.target import Target
from perf_pipeline.store import Store, targets
from perf_pipeline.store.own import OWN_TEXT

Row = Mapping[str, Any]

#: Days whose work is looked at, statements of them, candidates tried.
DAYS: Final = 7
MOST_STATEMENTS: Final = 200
MOST_CANDIDATES: Final = 150
#: Entries written to measure what one more index costs a writer.
_TRIED_ROWS: Final = 20_000


@dataclass(frozen=True)
class Tried:
    """What was found.

    Attributes
    ----------
    choices : tuple of Choice
    statements : Mapping of queryid to Statement
    writes : Mapping of Candidate to dict
        inserted, updated, hot_lost a day; ms a day; bytes.
    planned, all : int
        Statements that have a plan on the copy, and that were looked at.
    covered : float
        Share of all statements' time that the planned ones took, 0 to 1.
    candidates : int
        Indexes that were tried.
    all_ms : float
        Time of all statements, ms a day.
    partitioned : frozenset of (str, str)
        Tables among the choices whose rows lie in partitions.
    existing : frozenset of str
        Indexes that are there, as advice names them: `schema.table (a, b)`.
    seconds : float
    notes : tuple of str

    """

    choices: tuple[Choice, ...] = ()
    statements: Mapping[int, Statement] = field(default_factory=dict)
    writes: Mapping[Candidate, dict[str, float]] = field(default_factory=dict)
    planned: int = 0
    all: int = 0
    covered: float = 0.0
    candidates: int = 0
    all_ms: float = 0.0
    partitioned: frozenset[Table] = frozenset()
    existing: frozenset[str] = frozenset()
    seconds: float = 0.0
    notes: tuple[str, ...] = ()


def work(store: Store, target: Target, today: date, days: int = DAYS) -> list[Row]:
    """Return the statements of some days that took most of the time, the longest first."""
    target_id = targets.find(store, target.name)
    if target_id is None:
        return []
    first = today - timedelta(days=days - 1)
    return list(
        store.rows(
            "advice_statements",
            {
                "target_id": target_id,
                "first": first,
                "last": today,
                "middle": first + timedelta(days=(days - 1) // 2),
                "own_text": OWN_TEXT,
                "most": MOST_STATEMENTS,
            },
        )
    )


def writers(store: Store, target: Target, today: date, days: int) -> dict[Table, Row]:
    """Return rows written to each table, a day."""
    target_id = targets.find(store, target.name)
    rows = store.rows(
        "advice_tables",
        {
            "target_id": target_id,
            "first": today - timedelta(days=days - 1),
            "last": today,
            "days": days,
        },
    )
    return {(row["schema_name"], row["table_name"]): row for row in rows}


def find(target: Target, rows: Sequence[Row], written_to: Mapping[Table, Row]) -> Tried:
    """Try the indexes that some statements ask for on an empty copy of the target.

    Parameters
    ----------
    target : Target
    rows : sequence of Mapping
        Of `work`.
    written_to : Mapping of table to Mapping
        Of `writers`.

    Raises
    ------
    ConfigurationError, UnreachableError, ServerStartError
        As for `copying.of`.

    """
    begun = time.monotonic()
    if not rows:
        return Tried(notes=("no statement of the last days is known",))
    days = max(1, max(row["days"] for row in rows))
    with copying.of(target) as clone:
        roots = clone.roots
        often = skew.of_columns(clone.sizes.columns, _rows(clone.sizes, roots), roots)
        planned = [e for row in rows if (e := _planned(clone, row, days)) is not None]
        there = _existing(clone)
        all_ms = float(rows[0]["all_ms"]) / days
        tried = candidates(
            planned, _pages(clone.sizes, roots), _distinct(clone.sizes, roots), there
        )
        most = dict(
            sorted(tried.items(), key=lambda item: (-_weight(item[1], planned), item[0]))[
                :MOST_CANDIDATES
            ]
        )
        trial = _Trial(clone, most, _rows(clone.sizes, roots), _widths(clone.sizes, roots))
        entry_ms = _entry_ms(clone)
        planned = trial.with_costs(planned, often)
        writes = {each: _writes(each, written_to, planned, entry_ms, trial, roots) for each in most}
        chosen = choose(planned, most, trial.cost, lambda each: writes[each]["ms"], all_ms)
        notes = list(clone.notes)
    unplanned = len(rows) - len(planned)
    if unplanned:
        notes.append(f"{unplanned} of {len(rows)} statements have no plan on the copy")
    unknown = _without_statistics(planned, clone.sizes, roots)
    if unknown:
        notes.append(
            f"columns of {', '.join(sorted(unknown)[:5])} have no statistics that may be read "
            "(SELECT, or ANALYZE); no index on them was tried"
        )
    return Tried(
        tuple(chosen),
        {each.queryid: each for each in planned},
        {choice.candidate: writes[choice.candidate] for choice in chosen},
        len(planned),
        len(rows),
        sum(each.total_ms for each in planned) / all_ms if all_ms else 0.0,
        len(most),
        all_ms,
        frozenset(roots.values()),
        frozenset(named(table, key) for table, keys in there.items() for key in keys),
        time.monotonic() - begun,
        tuple(notes),
    )


def named(table: Table, columns: Sequence[str]) -> str:
    """Return how advice names an index."""
    return f"{'.'.join(table)} ({', '.join(columns)})"


def _planned(clone: Clone, row: Row, days: int) -> Statement | None:
    plan = clone.explain(row["query"])
    if isinstance(plan, str):
        return None
    roots = clone.roots
    asked: dict[Table, Any] = {}
    for each in wanted(plan):
        root = roots.get((each.schema_name, each.table_name), (each.schema_name, each.table_name))
        have = asked.setdefault(root, replace_name(each, root))
        have.equal |= each.equal
        have.joined |= each.joined
        have.ranges |= each.ranges
        have.sort = have.sort or each.sort
    io = row["io_ms"]
    return Statement(
        row["queryid"],
        row["query"],
        row["calls"] / days,
        row["total_ms"] / days,
        None if io is None or not row["total_ms"] else io / row["total_ms"],
        float(plan["Total Cost"]),
        tuple(asked.values()),
        written(plan),
        updated(row["query"]),
        None if row["rows"] is None else row["rows"] / row["calls"],
    )


def replace_name(each: Any, root: Table) -> Any:
    """Return what is wanted, of the table that a partition belongs to."""
    return replace(each, schema_name=root[0], table_name=root[1])


def _weight(ids: set[int], planned: Sequence[Statement]) -> float:
    return sum(each.total_ms for each in planned if each.queryid in ids)


def _summed(sizes: Sizes, roots: Mapping[Table, Table], what: str) -> dict[Table, float]:
    found: dict[Table, float] = {}
    for row in sizes.relations:
        if row["kind"] in ("r", "m"):
            table = (row["schema_name"], row["name"])
            root = roots.get(table, table)
            found[root] = found.get(root, 0.0) + max(row[what], 0)
    return found


def _pages(sizes: Sizes, roots: Mapping[Table, Table]) -> dict[Table, int]:
    return {table: int(pages) for table, pages in _summed(sizes, roots, "pages").items()}


def _rows(sizes: Sizes, roots: Mapping[Table, Table]) -> dict[Table, float]:
    return _summed(sizes, roots, "rows")


def _distinct(sizes: Sizes, roots: Mapping[Table, Table]) -> dict[tuple[Table, str], float]:
    rows = _rows(sizes, roots)
    found: dict[tuple[Table, str], float] = {}
    for row in sizes.columns:
        table = (row["schema_name"], row["table_name"])
        root = roots.get(table, table)
        count = row["n_distinct"]
        values = -count * rows.get(root, 0.0) if count < 0 else count
        at = (root, row["column_name"])
        found[at] = max(found.get(at, 0.0), values)
    return found


def _widths(sizes: Sizes, roots: Mapping[Table, Table]) -> dict[tuple[Table, str], float]:
    found: dict[tuple[Table, str], float] = {}
    for row in sizes.columns:
        table = (row["schema_name"], row["table_name"])
        at = (roots.get(table, table), row["column_name"])
        found[at] = max(found.get(at, 0.0), float(row["width"]))
    return found


def _existing(clone: Clone) -> dict[Table, list[tuple[str, ...]]]:
    found: dict[Table, list[tuple[str, ...]]] = {}
    for row in clone.index_keys():
        table = (row["schema_name"], row["table_name"])
        found.setdefault(table, []).append(tuple(row["columns"]))
    return found


def _without_statistics(
    planned: Sequence[Statement], sizes: Sizes, roots: Mapping[Table, Table]
) -> set[str]:
    known = {table for table, _ in _distinct(sizes, roots)}
    rows = _rows(sizes, roots)
    return {
        ".".join(table)
        for each in planned
        for one in each.wanted
        if (table := (one.schema_name, one.table_name)) not in known and rows.get(table, 0.0) > 0.0
    }


class _Trial:
    """The candidates on the copy, and what statements cost with some of them."""

    def __init__(
        self,
        clone: Clone,
        tried: Mapping[Candidate, set[int]],
        rows: Mapping[Table, float],
        widths: Mapping[tuple[Table, str], float],
    ) -> None:
        self._clone = clone
        self._oids: dict[Candidate, list[int]] = {}
        self.bytes: dict[Candidate, int] = {}
        self._kept: dict[tuple[int, frozenset[Candidate]], float] = {}
        more: dict[int, int] = {}
        share = {
            (row["schema_name"], row["name"]): max(row["rows"], 0.0)
            for row in clone.sizes.relations
        }
        for number, each in enumerate(sorted(tried)):
            made = clone.add_index(f"perf_tried_{number}", *each.table, each.columns)
            self._oids[each] = [row["relid"] for row in made]
            wide = [widths.get((each.table, name), 8.0) for name in each.columns]
            self.bytes[each] = estimated_bytes(rows.get(each.table, 0.0), wide)
            for row in made:
                if row["kind"] != "p":
                    own = share.get((row["schema_name"], row["table_name"]), 0.0)
                    more[row["relid"]] = estimated_bytes(own, wide) // PAGE
        self._all = [oid for oids in self._oids.values() for oid in oids]
        self._seen: frozenset[Candidate] = frozenset()
        clone.show([], self._all)
        clone.stretch(more)

    def with_costs(
        self,
        planned: Sequence[Statement],
        often: Mapping[tuple[Table, str], skew.Frequencies],
    ) -> list[Statement]:
        """Return the statements with whose values they ask for, and their cost as things are."""
        found = []
        for each in planned:
            # only now the sizes are those of the original
            plan = self._clone.explain(each.text)
            if not isinstance(plan, str):
                each = replace(each, asked=skew.asked(plan, each.wanted, each.rows, often))
            found.append(replace(each, cost=max(self.cost(each, frozenset()), 1e-9)))
        return found

    def cost(self, statement: Statement, there: frozenset[Candidate]) -> float:
        """Return what a statement costs with some candidates there."""
        tables = {(each.schema_name, each.table_name) for each in statement.wanted}
        near = frozenset(each for each in there if each.table in tables)
        at = (statement.queryid, near)
        if at not in self._kept:
            if near != self._seen:
                self._clone.show([oid for each in near for oid in self._oids[each]], self._all)
                self._seen = near
            plan = self._clone.explain_asking(statement.text, statement.asked)
            # what cannot be planned with it is not helped by it
            self._kept[at] = statement.cost if isinstance(plan, str) else float(plan["Total Cost"])
        return self._kept[at]


def _entry_ms(clone: Clone) -> float:
    """Measure what one entry of one more index costs a writer on this machine, ms."""
    times = []
    clone.admin.execute("CREATE UNLOGGED TABLE public.perf_written (a bigint, b bigint)")
    for more in (False, True):
        if more:
            clone.admin.execute("CREATE INDEX ON public.perf_written (b)")
        clone.admin.execute("TRUNCATE public.perf_written")
        begun = time.perf_counter()
        clone.admin.execute(
            "INSERT INTO public.perf_written"
            " SELECT g, hashint8(g) FROM generate_series(1, %s) AS g",
            (_TRIED_ROWS,),
        )
        times.append(time.perf_counter() - begun)
    clone.admin.execute("DROP TABLE public.perf_written")
    return 1000.0 * max(times[1] - times[0], 0.0) / _TRIED_ROWS


def _writes(
    candidate: Candidate,
    written_to: Mapping[Table, Row],
    planned: Sequence[Statement],
    entry_ms: float,
    trial: _Trial,
    roots: Mapping[Table, Table],
) -> dict[str, float]:
    """Return what keeping an index up costs: entries a day, and updates that are HOT no more."""
    rows = [row for table, row in written_to.items() if roots.get(table, table) == candidate.table]
    inserted = sum(row["inserted"] or 0.0 for row in rows)
    changed = sum(row["updated"] or 0.0 for row in rows)
    hot = sum(row["hot_updated"] or 0.0 for row in rows)
    of_it = [each for each in planned if _writes_to(each, candidate.table, roots)]
    calls = sum(each.calls for each in of_it)
    touching = sum(each.calls for each in of_it if each.updated & set(candidate.columns))
    # of the updates that change one of its columns none can be HOT any more
    lost = hot * touching / calls if calls else 0.0
    entries = inserted + (changed - hot) + lost
    return {
        "inserted": inserted,
        "updated": changed,
        "hot_lost": lost,
        "ms": entries * entry_ms,
        "entry_us": 1000.0 * entry_ms,
        "bytes": float(trial.bytes[candidate]),
    }


def _writes_to(statement: Statement, table: Table, roots: Mapping[Table, Table]) -> bool:
    if statement.writes is None or not statement.updated:
        return False
    return roots.get(statement.writes, statement.writes) == table
