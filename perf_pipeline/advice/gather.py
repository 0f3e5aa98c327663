"""Look at everything advice is given on, keep what was said, see what became of it."""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from psycopg import conninfo

from perf_pipeline.advice import followed, from_indexes, pools, server_settings, statements
from perf_pipeline.advice import missing as trying
from perf_pipeline.advice.clone import run
from perf_pipeline.advice.missing import Tried
from perf_pipeline.advice.model import AREAS, Advice, Area, Pools, in_order, policy_of
from perf_pipeline.errors import ConfigurationError, PerfPipelineError
from perf_pipeline.postgres import connect as pg
from perf_pipeline.postgres.target import Target
from perf_pipeline.store import Store, targets
from perf_pipeline.upkeep import look

Row = Mapping[str, Any]

#: Days of sweeps that tell how many sessions are at work at once.
CONCURRENCY_DAYS: Final = 7


@dataclass(frozen=True)
class Given:
    """The advice of a day.

    Attributes
    ----------
    advice : tuple of Advice
        The severest first.
    areas : tuple of str
        What was looked at.
    tried : Tried or None
        What the trial of indexes covered; None: it was not asked for, or failed.
    confirmed : tuple of str
        Indexes advised earlier whose gain was measured since.
    notes : tuple of str

    """

    advice: tuple[Advice, ...]
    areas: tuple[Area, ...]
    tried: Tried | None
    confirmed: tuple[str, ...]
    notes: tuple[str, ...]


class _Looking:
    """One look at a target: what each area needs, read once."""

    def __init__(self, target: Target, store: Store, today: date) -> None:
        self.target, self.store, self.today = target, store, today
        self.policy = policy_of(target)
        found = targets.find(store, target.name)
        if found is None:
            raise ConfigurationError(
                f"target {target.name!r} was never swept", "run the job collect, then try again"
            )
        self.target_id = found
        self.tried: Tried | None = None
        self.notes: list[str] = []
        self._work: list[Row] | None = None
        self._looked: look.Advice | None = None

    def work(self) -> list[Row]:
        if self._work is None:
            self._work = trying.work(self.store, self.target, self.today)
        return self._work

    def looked(self) -> look.Advice:
        if self._looked is None:
            self._looked = look.advice(self.target, self.store)
        return self._looked

    def statements(self) -> list[Advice]:
        return statements.advise(self.work())

    def indexes(self) -> list[Advice]:
        rows = self.work()
        days = max((row["days"] for row in rows), default=1)
        tried = trying.find(
            self.target, rows, trying.writers(self.store, self.target, self.today, days)
        )
        self.tried = tried
        self.notes += tried.notes
        use = self.store.rows(
            "advice_index_use",
            {
                "target_id": self.target_id,
                "first": self.today - timedelta(days=self.policy.business_days),
                "last": self.today,
            },
        )
        since = use[0]["swept_since"] if use else None
        watched = (self.today - since).days if since is not None else 0
        return [
            *from_indexes.missing(tried, tried.partitioned),
            *from_indexes.existing(
                [each for each in self.looked().findings if each.kind.endswith("_index")],
                {row["name"]: row for row in use},
                watched,
                self.policy.business_days,
            ),
        ]

    def vacuum(self) -> list[Advice]:
        found = [each for each in self.looked().findings if not each.kind.endswith("_index")]
        return from_indexes.existing(found, {}, 0, self.policy.business_days)

    def settings(self) -> list[Advice]:
        with pg.session(self.target.url(), read_only=True, autocommit=True) as connection:
            rows = run(connection, "advice/settings")
        busy = concurrency(self.store, self.target_id, self.today)
        most = sum(row["most_busy"] for row in busy) if busy else None
        memory = self._memory()
        if memory is None:
            self.notes.append("the machine's memory is not known: declare advice.memory_gb")
        declared = (
            server_settings.declared_memory(rows, self.policy, memory)
            if self.policy.expected_settings
            else []
        )
        return [
            *server_settings.drift(rows, self.policy),
            *declared,
            *server_settings.memory(rows, memory, most),
        ]

    def _memory(self) -> float | None:
        if self.policy.memory_gb is not None:
            return self.policy.memory_gb * 1024**3
        since = datetime.now(UTC) - timedelta(days=1)
        rows = self.store.rows("advice_memory", {"target_id": self.target_id, "since": since})
        return float(rows[0]["memory_total_bytes"]) if rows else None

    def connections(self) -> list[Advice]:
        rows = concurrency(self.store, self.target_id, self.today)
        with pg.session(self.target.url(), read_only=True, autocommit=True) as connection:
            known = {row["name"]: row["value"] for row in run(connection, "advice/settings")}
        return pools.advise(self.policy.pools, rows, int(known["max_connections"]))


def concurrency(store: Store, target_id: int, today: date) -> Sequence[Row]:
    """Return how many sessions of each application were at work at once, in the last week."""
    finish = datetime.combine(today + timedelta(days=1), datetime.min.time(), UTC)
    return store.rows(
        "capacity_concurrency",
        {
            "target_id": target_id,
            "start": finish - timedelta(days=CONCURRENCY_DAYS),
            "finish": finish,
        },
    )


def give(
    target: Target,
    store: Store,
    areas: Collection[Area] = AREAS,
    today: date | None = None,
    *,
    keep: bool = True,
) -> Given:
    """Look at a target and say what a person may do; nothing is done.

    An area that cannot be looked at is a note, and the others are told: a role that may not read
    the schema still gets advice on settings.

    Parameters
    ----------
    target : Target
    store : Store
    areas : collection of str
    today : date, optional
    keep : bool
        Note in the store what was said, and judge what was followed.

    Raises
    ------
    ConfigurationError
        The target was never swept.

    """
    looking = _Looking(target, store, today or datetime.now(UTC).date())
    ways: Mapping[Area, Callable[[], list[Advice]]] = {
        "statements": looking.statements,
        "indexes": looking.indexes,
        "settings": looking.settings,
        "connections": looking.connections,
        "vacuum": looking.vacuum,
    }
    found: list[Advice] = []
    done: list[Area] = []
    for area in AREAS:
        if area not in areas:
            continue
        try:
            found += ways[area]()
        except PerfPipelineError as error:
            looking.notes.append(f"{area}: {error}")
        else:
            done.append(area)
    confirmed: list[str] = []
    if keep and done:
        # judged before it is kept: what is advised again has no outcome
        outcomes = _judge(looking) if "indexes" in done else []
        confirmed = [each.object_name for each in outcomes if each.outcome == "confirmed"]
        found += [
            followed.without_gain(each, _drop(each.object_name))
            for each in outcomes
            if each.outcome == "no_gain"
        ]
        _keep(looking, found, done)
    return Given(
        tuple(in_order(found)), tuple(done), looking.tried, tuple(confirmed), tuple(looking.notes)
    )


def _drop(object_name: str) -> str:
    return f"-- the index that was made for {object_name}: DROP INDEX CONCURRENTLY <its name>"


def _keep(looking: _Looking, found: Sequence[Advice], areas: Sequence[Area]) -> None:
    looking.store.rows(
        "advice_save",
        {
            "target_id": looking.target_id,
            "day": looking.today,
            "areas": list(areas),
            "entries": json.dumps([each.as_dict() for each in _distinct(found)], default=str),
        },
    )


def _distinct(found: Sequence[Advice]) -> list[Advice]:
    """Return one advice of each kind and object: the first."""
    kept: dict[tuple[str, str, str], Advice] = {}
    for each in found:
        kept.setdefault((each.area, each.kind, each.object_name), each)
    return list(kept.values())


def _judge(looking: _Looking) -> list[followed.Outcome]:
    # what is not advised any more, and not there either, was not followed
    there = looking.tried.existing if looking.tried is not None else frozenset()
    every = looking.store.rows("advice_followed", {"target_id": looking.target_id})
    rows = [row for row in every if row["object_name"] in there]
    outcomes = followed.judge(rows)
    for each in outcomes:
        looking.store.rows(
            "advice_judge",
            {
                "target_id": looking.target_id,
                "object_name": each.object_name,
                "outcome": each.outcome,
                "measured": json.dumps(each.statements),
            },
        )
    return outcomes


def pgbouncer(target: Target, store: Store, replica_url: str | None = None, **options: Any) -> str:
    """Return PgBouncer's file for a target's pools, with what was measured beside them.

    Raises
    ------
    ConfigurationError
        The target declares no pools, or a replica's address is needed.

    """
    declared: Pools | None = policy_of(target).pools
    if declared is None:
        raise ConfigurationError(
            f"target {target.name!r} declares no pools",
            "add advice: {pools: {pools: [...]}} to its YAML; docs/advice.md has an example",
        )
    place = _place(target.url(), "")
    if replica_url is not None:
        place |= _place(replica_url, "replica_")
    target_id = targets.find(store, target.name)
    rows = [] if target_id is None else concurrency(store, target_id, datetime.now(UTC).date())
    return pools.pgbouncer(declared, rows, place, **options)


def _place(url: str, prefix: str) -> dict[str, str]:
    parts = conninfo.conninfo_to_dict(pg.libpq_url(url))
    found = {"host": parts.get("host") or "127.0.0.1", "port": parts.get("port") or "5432",
             "dbname": parts.get("dbname") or "postgres"}  # fmt: skip
    return {f"{prefix}{name}": str(value) for name, value in found.items()}
