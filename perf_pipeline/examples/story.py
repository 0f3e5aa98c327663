"""What happens to the example database in its generated history, and what is then true; pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from perf_pipeline.examples.simulate import Effect

#: Days of quiet before an event: without them there is no level before it to compare with.
QUIET_BEFORE = 8


@dataclass(frozen=True)
class Happening:
    """An event of the story.

    Attributes
    ----------
    days_before_end : int
        Day of the event, counted back from the last day.
    at : time
    kind : str
        As in a finding's cause: `index_dropped`, `index_created`, `planner_setting_changed`,
        `drift`, `server_restarted`.
    object, relation : str
    effects : tuple of (statement, factor, blocks of temporary files per call)
    must : bool
        A careful reader would report it.
    before, after : str
        Definition or value on either side.
    ramp_days : int
        Days a drift takes.

    """

    days_before_end: int
    at: time
    kind: str
    object: str
    relation: str
    effects: tuple[tuple[str, float, int], ...]
    must: bool
    before: str = ""
    after: str = ""
    ramp_days: int = 0


STORY = (
    Happening(
        40,
        time(0, 0),
        "drift",
        "",
        "hs.schedule_blocks",
        (("day_plan", 2.2, 0),),
        must=False,
        ramp_days=24,
    ),
    Happening(30, time(3, 12), "server_restarted", "", "", (), must=False),
    Happening(
        24,
        time(10, 20),
        "index_created",
        "hs.idx_hs_invoices_business_due",
        "hs.invoices",
        (("overdue_invoices", 0.35, 0),),
        must=True,
        after="CREATE INDEX idx_hs_invoices_business_due ON hs.invoices"
        " USING btree (business_id, due_date)",
    ),
    Happening(
        10,
        time(14, 5),
        "index_dropped",
        "auto.idx_auto_repair_orders_vehicle_history",
        "auto.repair_orders",
        (("vehicle_history", 7.0, 0), ("vehicle_open_visits", 4.5, 0)),
        must=True,
        before="CREATE INDEX idx_auto_repair_orders_vehicle_history ON auto.repair_orders"
        " USING btree (vehicle_id, created_at, status)",
    ),
    Happening(
        4,
        time(8, 10),
        "planner_setting_changed",
        "work_mem",
        "",
        (("industry_revenue", 2.4, 900), ("best_customers", 1.9, 700)),
        must=True,
        before="65536",
        after="4096",
    ),
)


@dataclass(frozen=True)
class Truth:
    """A change that is in the generated history.

    Attributes
    ----------
    statement : str
        Name of its file.
    queryid : int
    onset : datetime
        Naive UTC.
    direction : str
        `up` or `down`.
    factor : float
        New over old time per call.
    must : bool
        Has to be found; otherwise it may be.
    cause_kind, cause_object : str
        As in the first cause of the finding; empty for a drift.

    """

    statement: str
    queryid: int
    onset: datetime
    direction: str
    factor: float
    must: bool
    cause_kind: str
    cause_object: str


def happenings(first: date, last: date) -> list[tuple[datetime, Happening]]:
    """Return the events of the story that fit between two days, with their instants."""
    told = []
    for happening in STORY:
        day = last - timedelta(days=happening.days_before_end)
        if day >= first + timedelta(days=QUIET_BEFORE):
            told.append((datetime.combine(day, happening.at), happening))
    return told


def effects(told: Sequence[tuple[datetime, Happening]], statement: str) -> list[Effect]:
    """Return what the events do to a statement."""
    return [
        Effect(name, at, factor, timedelta(days=happening.ramp_days), temp)
        for at, happening in told
        for name, factor, temp in happening.effects
        if name == statement
    ]


def truths(
    told: Sequence[tuple[datetime, Happening]], queryids: dict[str, int]
) -> tuple[Truth, ...]:
    """Return what is to be found, by onset and statement."""
    found = [
        Truth(
            name,
            queryids[name],
            at,
            "up" if factor > 1 else "down",
            factor,
            happening.must,
            "" if happening.kind == "drift" else happening.kind,
            happening.object,
        )
        for at, happening in told
        for name, factor, _ in happening.effects
    ]
    return tuple(sorted(found, key=lambda t: (t.onset, t.statement)))
