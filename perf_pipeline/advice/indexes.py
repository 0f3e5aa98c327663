"""Which indexes a workload asks for: candidates, and the choice among them; pure.

A candidate is tried by whoever calls `choose`: it hands in a function that plans a statement with
some of the candidates there. The choice is greedy: the candidate that saves most of the whole
workload's time is taken, and the others are looked at again beside it.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from perf_pipeline.advice.predicates import Wanted
from perf_pipeline.advice.skew import Asked

Row = Mapping[str, Any]
Table = tuple[str, str]

#: Smaller tables are read whole at no cost worth an index, pages.
LEAST_PAGES: Final = 128
#: A statement counts for an index whose plan becomes cheaper by this share and this much of cost
#: (dexter's limits: half, and 100).
LEAST_SHARE: Final = 0.5
LEAST_COST: Final = 100.0
#: Of all statements' time an index has to save at least this share.
LEAST_SAVED: Final = 0.01
#: Columns of a candidate at most, and candidates taken at most.
MOST_COLUMNS: Final = 3
MOST_CHOSEN: Final = 10
#: Bytes of an index entry beside its key (header and line pointer), and how full a page is made.
_ENTRY, _FILLED, _PAGE = 12, 0.9, 8192


@dataclass(frozen=True, order=True)
class Candidate:
    """An index that might help: a btree on plain columns."""

    table: Table
    columns: tuple[str, ...]

    @property
    def name(self) -> str:
        """A name for it, as long as a name may be."""
        return f"idx_{self.table[1]}_{'_'.join(self.columns)}"[:63]


@dataclass(frozen=True)
class Statement:
    """One statement of the workload.

    Attributes
    ----------
    queryid : int
    text : str
        Normalised.
    calls, total_ms : float
        A day.
    io_share : float or None
        Of its time on reading and writing blocks, 0 to 1; None: not measured.
    cost : float
        Of its plan as things are.
    wanted : tuple of Wanted
        What the plan asks, of root tables.
    writes : (str, str) or None
    updated : frozenset of str
    rows : float or None
        Returned or changed per call, as counted.
    asked : tuple of Asked
        Columns whose values, as this statement asks for them, are rarer or more frequent than
        those of the mean.

    """

    queryid: int
    text: str
    calls: float
    total_ms: float
    io_share: float | None
    cost: float
    wanted: tuple[Wanted, ...]
    writes: Table | None = None
    updated: frozenset[str] = frozenset()
    rows: float | None = None
    asked: tuple[Asked, ...] = ()


@dataclass
class Choice:
    """A candidate that was taken.

    Attributes
    ----------
    candidate : Candidate
    saved : dict of int to (float, float, float)
        queryid -> cost before, cost after, ms a day that are saved if time goes as cost does.

    """

    candidate: Candidate
    saved: dict[int, tuple[float, float, float]] = field(default_factory=dict)

    @property
    def saved_ms(self) -> float:
        """What it saves, ms a day."""
        return sum(ms for _, _, ms in self.saved.values())


def candidates(
    statements: Sequence[Statement],
    pages: Mapping[Table, int],
    distinct: Mapping[tuple[Table, str], float],
    existing: Mapping[Table, Collection[tuple[str, ...]]],
) -> dict[Candidate, set[int]]:
    """Return the indexes worth a try, each with the statements it might serve.

    Parameters
    ----------
    statements : sequence of Statement
    pages : Mapping of table to int
        Of root tables, partitions added up.
    distinct : Mapping of (table, column) to float
        How many different values a column has; a column that is not in it has no statistics, and
        nothing honest can be said of an index on it.
    existing : Mapping of table to key columns
        Of valid btree indexes without a condition: what one begins with is there already.

    """
    found: dict[Candidate, set[int]] = {}
    for statement in statements:
        for each in statement.wanted:
            table = (each.schema_name, each.table_name)
            if pages.get(table, 0) < LEAST_PAGES:
                continue
            for columns in _shapes(each, table, distinct):
                if any(have[: len(columns)] == columns for have in existing.get(table, ())):
                    continue
                found.setdefault(Candidate(table, columns), set()).add(statement.queryid)
    return found


def _shapes(
    each: Wanted, table: Table, distinct: Mapping[tuple[Table, str], float]
) -> set[tuple[str, ...]]:
    def known(columns: Collection[str]) -> list[str]:
        # the most selective first: what follows is read within it
        return sorted(
            (name for name in columns if (table, name) in distinct),
            key=lambda name: (-distinct[table, name], name),
        )

    equal, joined, ranges = known(each.equal), known(each.joined), known(each.ranges)
    sort = tuple(name for name in each.sort if name not in each.equal)
    sortable = all((table, name) in distinct for name in sort)
    shapes: set[tuple[str, ...]] = set()
    for begin in (equal[:MOST_COLUMNS], *([name] for name in equal[:2]), []):
        room = MOST_COLUMNS - len(begin)
        if begin:
            shapes.add(tuple(begin))
        for name in ranges[:2] if room else ():
            shapes.add((*begin, name))
        for name in joined[:2] if room else ():
            shapes.add((name, *begin))
            shapes.add((*begin, name))
        if sort and sortable and len(sort) <= room:
            shapes.add((*begin, *sort))
    return {columns for columns in shapes if len(set(columns)) == len(columns)}


def choose(
    statements: Sequence[Statement],
    tried: Mapping[Candidate, set[int]],
    cost: Callable[[Statement, frozenset[Candidate]], float],
    write_ms: Callable[[Candidate], float],
    all_ms: float,
) -> list[Choice]:
    """Take the candidates that save most, one after the other.

    Parameters
    ----------
    statements : sequence of Statement
    tried : Mapping of Candidate to queryids
    cost : callable
        Cost of a statement's plan with some candidates there.
    write_ms : callable
        What keeping a candidate up costs the table's writers, ms a day.
    all_ms : float
        Time of all statements of the database, ms a day: an index that saves less than a hundredth
        of it is not worth a person's attention.

    """
    by_id = {each.queryid: each for each in statements}
    now = {each.queryid: each.cost for each in statements}
    left = {each: set(ids) for each, ids in tried.items()}
    chosen: list[Choice] = []
    while left and len(chosen) < MOST_CHOSEN:
        have = frozenset(each.candidate for each in chosen)
        best: Choice | None = None
        worth = 0.0
        for candidate in sorted(left):
            choice = _tried(candidate, left[candidate], by_id, now, cost, have)
            net = choice.saved_ms - write_ms(candidate)
            if choice.saved_ms >= LEAST_SAVED * all_ms and net > worth:
                # of two that save the same the shorter one: it is sorted first
                best, worth = choice, net
            if not choice.saved:
                left[candidate] = set()  # no use alone or beside what was taken
        left = {each: ids for each, ids in left.items() if ids}
        if best is None:
            break
        chosen.append(best)
        left.pop(best.candidate, None)
        for queryid, (_, after, _) in best.saved.items():
            now[queryid] = after
    return _without_prefixes(chosen)


def _tried(
    candidate: Candidate,
    ids: Collection[int],
    by_id: Mapping[int, Statement],
    now: Mapping[int, float],
    cost: Callable[[Statement, frozenset[Candidate]], float],
    have: frozenset[Candidate],
) -> Choice:
    choice = Choice(candidate)
    for queryid in sorted(ids):
        statement, before = by_id[queryid], now[queryid]
        after = cost(statement, have | {candidate})
        if before - after < LEAST_COST or before - after < LEAST_SHARE * before:
            continue
        # what is left of its time goes as what is left of its cost
        remaining = statement.total_ms * before / statement.cost
        choice.saved[queryid] = (before, after, remaining * (1.0 - after / before))
    return choice


def _without_prefixes(chosen: Sequence[Choice]) -> list[Choice]:
    """Leave out what another chosen index begins with: it serves the same statements."""
    kept = []
    for each in chosen:
        longer = next(
            (
                other
                for other in chosen
                if other is not each
                and other.candidate.table == each.candidate.table
                and len(other.candidate.columns) > len(each.candidate.columns)
                and other.candidate.columns[: len(each.candidate.columns)] == each.candidate.columns
            ),
            None,
        )
        if longer is None:
            kept.append(each)
        else:
            for queryid, saved in each.saved.items():
                before = longer.saved.get(queryid)
                total = saved[2] + (before[2] if before else 0.0)
                last = before[1] if before else saved[1]
                longer.saved[queryid] = (saved[0], last, total)
    return kept


def estimated_bytes(rows: float, widths: Sequence[float]) -> int:
    """Return how large a btree index would be, without what equal keys save."""
    key = sum(-(-max(width, 1.0) // 8) * 8 for width in widths)
    pages = max(1.0, rows * (_ENTRY + key) / (_FILLED * _PAGE))
    return int(pages) * _PAGE
