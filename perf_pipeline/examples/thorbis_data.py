"""The rows of the thorbis example: seeded, tenant by tenant, as Polars frames (pure).

Ids are laid out so that a load script can pick them by arithmetic: tenant `i` (1-based) works in
industry `(i - 1) % 4`, and the `k`-th home-services tenant (0-based) owns customers
`k * customers_per_business + 1 ...` and technicians `k * technicians_per_business + 1 ...`.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime

import numpy as np
import polars as pl

from perf_pipeline.errors import ConfigurationError

INDUSTRIES = ("home_services", "automotive", "restaurant", "retail")
_LABELS = ("Home Services", "Auto Repair", "Restaurant", "Retail")

#: Bumped when the same parameters give other rows.
DATA_VERSION = 1
_DAY_US = 86_400_000_000
#: Rows of the largest table built at once: about 60 MB of frames.
_CHUNK_ORDERS = 200_000

#: Share of each status of T-51 among home-services orders.
HS_STATUS = {
    "completed": 0.62,
    "pending": 0.14,
    "scheduled": 0.11,
    "quoted": 0.08,
    "in_progress": 0.05,
}
_PRIORITY = {"low": 0.2, "normal": 0.55, "high": 0.2, "urgent": 0.05}
_METHOD = {"card": 0.6, "bank_transfer": 0.25, "cash": 0.1, "cheque": 0.05}
_WORK = ("Boiler service", "Leaking tap", "Fuse board", "Heat pump", "Roof inspection")
_DETAIL = ("customer asked for a call before arrival", "parts are in the van", "second visit")
_EXTRA = ("gate code at the office", "dog in the garden", "invoice to the landlord", "key at no. 7")
_FIRST = ("Ada", "Ben", "Chloe", "Dev", "Elif", "Femi", "Grace", "Hugo", "Ines", "Jan", "Kim")
_LAST = ("Adler", "Brown", "Costa", "Dubois", "Evans", "Fischer", "Garcia", "Haas", "Ito")
_CITY = ("Northfield", "Easton", "Southport", "Westbury", "Midvale")
_MAKES = ("Astra", "Bolt", "Comet", "Dart", "Echo")

Table = tuple[str, str]
Chunk = dict[Table, pl.DataFrame]
Ints = np.ndarray[tuple[int], np.dtype[np.int64]]


@dataclass(frozen=True)
class Size:
    """How much data: `orders_per_business` is the mean, the tenants' sizes are skewed.

    Raises
    ------
    ConfigurationError
        Fewer than four businesses (one per industry) or no order.

    """

    businesses: int = 100
    orders_per_business: int = 1000

    def __post_init__(self) -> None:
        for name, least in (("businesses", len(INDUSTRIES)), ("orders_per_business", 1)):
            value = getattr(self, name)
            if value < least:
                raise ConfigurationError(f"{name}={value} is too small", f"use at least {least}")

    @property
    def home_services_businesses(self) -> int:
        """Tenants 1, 5, 9, ..."""
        return -(-self.businesses // len(INDUSTRIES))

    @property
    def customers_per_business(self) -> int:
        """Eight orders a customer on average, more for the regular ones."""
        return max(1, self.orders_per_business // 8)

    @property
    def technicians_per_business(self) -> int:
        """One per hundred orders a year, at least two."""
        return max(2, self.orders_per_business // 100)

    def variables(self) -> dict[str, int]:
        """Return what the load scripts need to pick ids (`pgbench -D`)."""
        return {
            "hs_businesses": self.home_services_businesses,
            "customers_per_business": self.customers_per_business,
            "technicians_per_business": self.technicians_per_business,
        }

    def parameters(self, seed: int) -> dict[str, int]:
        """Return what identifies the content, together with the reference time."""
        return {**asdict(self), "seed": seed, "data_version": DATA_VERSION}


def chunks(size: Size, seed: int, now: datetime) -> Iterator[Chunk]:
    """Yield the rows of every table, a group of tenants at a time.

    Parameters
    ----------
    size : Size
    seed : int
        Same size, seed and `now`: same rows.
    now : datetime
        Naive UTC; orders lie within the 365 days before, appointments up to 60 days after.

    Yields
    ------
    dict of (schema, table) to polars.DataFrame
        Columns named as in the table; parents before their children.

    """
    ids = np.arange(1, size.businesses + 1)
    rng = np.random.default_rng([seed, 0])
    weight = rng.lognormal(0.0, 0.7, size.businesses)
    now_us = int((now - datetime(1970, 1, 1)).total_seconds()) * 1_000_000
    yield _platform(size, rng, ids, now_us)
    makers = (_home_services, _automotive, _restaurant, _retail)
    for number, maker in enumerate(makers):
        members = ids[number :: len(INDUSTRIES)]
        share = weight[members - 1] / weight[members - 1].sum()
        counts = rng.multinomial(size.orders_per_business * len(members), share).astype(np.int64)
        first_id = 1
        for part, (begin, end) in enumerate(_groups(counts)):
            group = _Group(
                size,
                np.random.default_rng([seed, number + 1, part]),
                now_us,
                members[begin:end],
                np.arange(begin, end),
                counts[begin:end],
                first_id,
            )
            yield maker(group)
            first_id += group.total


def _groups(counts: Ints) -> Iterator[tuple[int, int]]:
    begin, total = 0, 0
    for position, count in enumerate(counts.tolist()):
        if position > begin and total + count > _CHUNK_ORDERS:
            yield begin, position
            begin, total = position, 0
        total += count
    yield begin, len(counts)


@dataclass(frozen=True)
class _Group:
    """Some tenants of one industry; `places` are their 0-based numbers within it."""

    size: Size
    rng: np.random.Generator
    now_us: int
    members: Ints
    places: Ints
    counts: Ints
    first_id: int

    @property
    def total(self) -> int:
        return int(self.counts.sum())

    def orders(self) -> tuple[Ints, Ints, Ints, Ints]:
        """Return ids, tenants, tenants' places and creation times (us), oldest first.

        Tenants are interleaved in time, as they are in a table that grew: a tenant's rows do not
        sit together. The business grew over the year, so there are more recent orders than old.
        """
        place = self.rng.permutation(np.repeat(np.arange(len(self.members)), self.counts))
        age = self.rng.random(self.total) ** 1.3 * 365 * _DAY_US
        created = np.sort(self.now_us - age.astype(np.int64))
        ids = np.arange(self.first_id, self.first_id + self.total)
        return ids, self.members[place], self.places[place], created

    def cents(self, n: int) -> pl.Series:
        """Return amounts of 100 to 2100, most of them small."""
        return pl.Series(np.round(100 + 2000 * self.rng.beta(1.2, 2.5, n), 2))

    def pick(self, shares: dict[str, float], n: int) -> Ints:
        return np.searchsorted(np.cumsum(list(shares.values()))[:-1], self.rng.random(n))


def _words(options: tuple[str, ...] | list[str], codes: Ints) -> pl.Series:
    return pl.Series(options, dtype=pl.String).gather(codes)


def _names(rng: np.random.Generator, n: int) -> pl.Series:
    full = [f"{first} {last}" for first in _FIRST for last in _LAST]
    return _words(full, rng.integers(0, len(full), n))


def _time(us: Ints, where: np.ndarray | None = None) -> pl.Series:
    series = pl.Series(us.astype(np.int64)).cast(pl.Datetime("us"))
    return series if where is None else series.set(pl.Series(~where), None)


def _date(us: Ints, where: np.ndarray | None = None) -> pl.Series:
    series = pl.Series((us // _DAY_US).astype(np.int32)).cast(pl.Date)
    return series if where is None else series.set(pl.Series(~where), None)


def _uuid(rng: np.random.Generator, n: int) -> pl.Series:
    raw = rng.bytes(16 * n).hex()
    return pl.Series([raw[i : i + 32] for i in range(0, 32 * n, 32)], dtype=pl.String)


def _platform(size: Size, rng: np.random.Generator, ids: Ints, now_us: int) -> Chunk:
    n = len(ids)
    industry = (ids - 1) % len(INDUSTRIES)
    subscription = rng.integers(0, 20, n)  # 0 trial, 1 past due, 2 cancelled, else active
    states = ["trial", "past_due", "cancelled", "active"]
    people = np.repeat(ids, 5)
    person = np.arange(1, len(people) + 1)
    sessions = np.repeat(person, 2)
    signed_in = now_us - (rng.random(len(sessions)) * 10 * _DAY_US).astype(np.int64)
    activity = np.repeat(person, 20)
    audit = np.repeat(ids, 50)
    actor = (audit - 1) * 5 + rng.integers(1, 6, len(audit))
    metric_owner, metric_day = np.repeat(ids, 90), np.tile(np.arange(90), n)
    assessed = np.repeat(ids, 4)
    score = np.round(100 * rng.beta(2, 5, len(assessed)), 2)
    return {
        ("tenant_mgmt", "businesses"): pl.DataFrame(
            {
                "id": ids,
                "public_id": _uuid(rng, n),
                "name": [f"{_LABELS[c]} {i}" for i, c in zip(ids, industry, strict=True)],
                "industry": _words(INDUSTRIES, industry),
                "is_active": subscription != 2,
                "subscription_status": _words(states, np.minimum(subscription, 3)),
                "subscription_expires_at": _time(
                    now_us + (rng.random(n) * 365 * _DAY_US).astype(np.int64)
                ),
                "created_at": _time(
                    now_us - ((1 + rng.random(n)) * 365 * _DAY_US).astype(np.int64)
                ),
            }
        ),
        ("tenant_mgmt", "subscription_metrics"): pl.DataFrame(
            {
                "business_id": metric_owner,
                "metric_date": _date(now_us - metric_day * _DAY_US),
                "active_users": rng.integers(1, 6, len(metric_owner)),
                "api_calls": rng.integers(100, 10_000, len(metric_owner)),
                "storage_mb": np.round(rng.random(len(metric_owner)) * 5000, 2),
            }
        ),
        ("user_mgmt", "user_profiles"): pl.DataFrame(
            {
                "id": person,
                "business_id": people,
                "email": pl.select(pl.format("user{}@example.test", pl.Series(person))).to_series(),
                "display_name": _names(rng, len(people)),
                "role_level": 1 + (person - 1) % 5,
                "is_active": rng.random(len(people)) < 0.9,
                "created_at": _time(now_us - (rng.random(len(people)) * 365 * _DAY_US).astype(int)),
            }
        ),
        ("user_mgmt", "user_sessions"): pl.DataFrame(
            {
                "id": _uuid(rng, len(sessions)),
                "user_id": sessions,
                "is_active": signed_in > now_us - _DAY_US,
                "created_at": _time(signed_in),
                "expires_at": _time(signed_in + _DAY_US),  # T-26: sessions live 24 h
            }
        ),
        ("user_mgmt", "user_activity"): pl.DataFrame(
            {
                "user_id": activity,
                "activity_type": _words(
                    ["view", "edit", "export", "search"], rng.integers(0, 4, len(activity))
                ),
                "activity_timestamp": _time(
                    now_us - (rng.random(len(activity)) * 30 * _DAY_US).astype(np.int64)
                ),
            }
        ),
        ("security_mgmt", "audit_logs"): pl.DataFrame(
            {
                "business_id": audit,
                "user_id": actor,
                "event_type": _words(
                    ["sign_in", "permission_change", "export"], rng.integers(0, 3, len(audit))
                ),
                "created_at": _time(
                    now_us - (rng.random(len(audit)) * 90 * _DAY_US).astype(np.int64)
                ),
            }
        ),
        ("security_mgmt", "risk_assessments"): pl.DataFrame(
            {
                "business_id": assessed,
                "assessment_date": _date(now_us - np.tile(np.arange(4), n) * 30 * _DAY_US),
                "risk_level": _words(
                    ["low", "medium", "high", "critical"],
                    np.searchsorted(np.array([25.0, 50.0, 75.0]), score),
                ),
                "score": score,
            }
        ),
    }


def _home_services(group: _Group) -> Chunk:
    size, rng, now_us = group.size, group.rng, group.now_us
    ids, tenant, place, created = group.orders()
    n = len(ids)
    # a few customers order often: the first tenth of them places a third of the orders
    customer = (
        place * size.customers_per_business
        + 1
        + (size.customers_per_business * rng.random(n) ** 2).astype(np.int64)
    )
    technician = (
        place * size.technicians_per_business
        + 1
        + rng.integers(0, size.technicians_per_business, n)
    )
    status = group.pick(HS_STATUS, n)
    names = list(HS_STATUS)
    done, pending, scheduled, quoted, running = (status == code for code in range(len(names)))
    finished = created + (rng.random(n) * np.minimum(now_us - created, 30 * _DAY_US)).astype(int)
    ahead = now_us + (rng.random(n) * 60 * _DAY_US).astype(np.int64)
    late = rng.random(n) < 0.2
    appointment = np.where(
        done,
        finished,
        np.where(
            running,
            now_us - (late * _DAY_US),
            np.where(pending & late, np.minimum(created + 7 * _DAY_US, now_us), ahead),
        ),
    )
    amount = group.cents(n)
    orders = pl.DataFrame(
        {
            "id": ids,
            "business_id": tenant,
            "customer_id": customer,
            "assigned_technician_id": pl.Series(technician).set(pl.Series(pending | quoted), None),
            "title": _words(_WORK, rng.integers(0, len(_WORK), n)),
            "description": _words(
                [
                    f"{work}: {detail}; {extra}"
                    for work in _WORK
                    for detail in _DETAIL
                    for extra in _EXTRA
                ],
                rng.integers(0, len(_WORK) * len(_DETAIL) * len(_EXTRA), n),
            ),
            "status": _words(names, status),
            "priority_level": _words(list(_PRIORITY), group.pick(_PRIORITY, n)),
            "scheduled_date": _date(appointment, ~quoted),
            "total_amount": amount,
            "created_at": _time(created),
            "completed_at": _time(finished, done),
        }
    )
    return {
        **_people(group),
        ("hs", "work_orders"): orders,
        ("hs", "schedule_blocks"): _blocks(orders, scheduled | running),
        **_bills(group, orders.filter(pl.Series(done))),
    }


def _people(group: _Group) -> Chunk:
    size, rng, now_us = group.size, group.rng, group.now_us
    per = size.customers_per_business
    owner = np.repeat(group.members, per)
    customer = np.repeat(group.places, per) * per + 1 + np.tile(np.arange(per), len(group.places))
    crew = size.technicians_per_business
    employer = np.repeat(group.members, crew)
    technician = (
        np.repeat(group.places, crew) * crew + 1 + np.tile(np.arange(crew), len(group.places))
    )
    year_ago = now_us - 366 * _DAY_US
    days = np.arange(-14, 61)
    return {
        ("hs", "customers"): pl.DataFrame(
            {
                "id": customer,
                "business_id": owner,
                "full_name": _names(rng, len(owner)),
                "email": pl.select(
                    pl.format("customer{}@example.test", pl.Series(customer))
                ).to_series(),
                "phone": pl.Series(rng.integers(10**9, 10**10, len(owner))).cast(pl.String),
                "city": _words(_CITY, rng.integers(0, len(_CITY), len(owner))),
                "created_at": _time(np.full(len(owner), year_ago)),
            }
        ),
        ("hs", "technicians"): pl.DataFrame(
            {
                "id": technician,
                "business_id": employer,
                "full_name": _names(rng, len(employer)),
                "created_at": _time(np.full(len(employer), year_ago)),
            }
        ),
        ("hs", "technician_schedules"): pl.DataFrame(
            {
                "business_id": np.repeat(employer, len(days)),
                "technician_id": np.repeat(technician, len(days)),
                "schedule_date": _date(now_us + np.tile(days, len(employer)) * _DAY_US),
                "is_available": rng.random(len(employer) * len(days)) < 0.85,
            }
        ).with_columns(shift_start=pl.lit("08:00"), shift_end=pl.lit("17:00")),
    }


def _blocks(orders: pl.DataFrame, planned: np.ndarray) -> pl.DataFrame:
    return orders.filter(pl.Series(planned)).select(
        "business_id",
        pl.col("assigned_technician_id").alias("technician_id"),
        pl.col("id").alias("work_order_id"),
        pl.col("scheduled_date").alias("block_date"),
        pl.format("{}:00", 8 + pl.col("id") % 9).alias("start_time"),
        pl.format("{}:55", 8 + pl.col("id") % 9).alias("end_time"),
    )


def _bills(group: _Group, done: pl.DataFrame) -> Chunk:
    """Bill every completed order: recent bills are open, old ones paid or overdue."""
    rng, now_us, n = group.rng, group.now_us, done.height
    issued = done["completed_at"].to_physical().to_numpy()
    old = issued < now_us - 30 * _DAY_US
    paid = rng.random(n) < np.where(old, 0.9, 0.5)
    paid_at = issued + (rng.random(n) * (now_us - issued)).astype(np.int64)
    status = np.where(paid, 0, np.where(old, 1, 2))
    # bills of all groups: the order's id is the bill's id, so that groups never collide
    bills = pl.DataFrame(
        {
            "id": done["id"],
            "business_id": done["business_id"],
            "work_order_id": done["id"],
            "customer_id": done["customer_id"],
            "status": _words(["paid", "overdue", "pending"], status),
            "total_amount": done["total_amount"],
            "issued_at": done["completed_at"],
            "due_date": _date(issued + 30 * _DAY_US),
            "paid_at": _time(paid_at, paid),
        }
    )
    received = pl.DataFrame(
        {
            "business_id": done["business_id"],
            "invoice_id": done["id"],
            "amount": done["total_amount"],
            "payment_method": _words(list(_METHOD), group.pick(_METHOD, n)),
            "payment_date": _date(paid_at),
        }
    ).filter(pl.Series(paid))
    return {("hs", "invoices"): bills, ("hs", "payments"): received}


def _automotive(group: _Group) -> Chunk:
    rng, now_us, per = group.rng, group.now_us, group.size.customers_per_business
    ids, tenant, place, created = group.orders()
    n = len(ids)
    vehicle = np.repeat(group.places, per) * per + 1 + np.tile(np.arange(per), len(group.places))
    status = np.searchsorted(np.array([0.75, 0.85, 0.93, 0.97]), rng.random(n))
    done, scheduled, running = (status == code for code in range(3))
    finished = created + (rng.random(n) * np.minimum(now_us - created, 5 * _DAY_US)).astype(int)
    start = np.where(scheduled, now_us + (rng.random(n) * 20 * _DAY_US).astype(np.int64), created)
    booked = scheduled | running | done
    orders = pl.DataFrame(
        {
            "id": ids,
            "business_id": tenant,
            "vehicle_id": place * per + 1 + (per * rng.random(n) ** 2).astype(np.int64),
            "assigned_bay_id": pl.Series(rng.integers(1, 7, n)).set(pl.Series(~booked), None),
            "status": _words(
                ["completed", "scheduled", "in_progress", "quoted", "cancelled"], status
            ),
            "total_amount": group.cents(n),
            "created_at": _time(created),
            "scheduled_start": _time(start, booked),
            "scheduled_end": _time(start + _DAY_US // 8, booked),
            "estimated_completion": _time(start + _DAY_US, booked),
            "completed_at": _time(finished, done),
        }
    )
    bills = orders.filter(pl.Series(done))
    paid = rng.random(bills.height) < 0.85
    issued = bills["completed_at"].to_physical().to_numpy()
    return {
        ("auto", "vehicles"): pl.DataFrame(
            {
                "id": vehicle,
                "business_id": np.repeat(group.members, per),
                "plate": pl.select(pl.format("TB {}", pl.Series(vehicle))).to_series(),
                "make": _words(_MAKES, rng.integers(0, len(_MAKES), len(vehicle))),
                "model_year": rng.integers(2005, 2026, len(vehicle)),
                "created_at": _time(np.full(len(vehicle), now_us - 366 * _DAY_US)),
            }
        ),
        ("auto", "repair_orders"): orders,
        ("auto", "invoices"): pl.DataFrame(
            {
                "business_id": bills["business_id"],
                "repair_order_id": bills["id"],
                "status": _words(["pending", "paid"], paid.astype(np.int64)),
                "total_amount": bills["total_amount"],
                "issued_at": bills["completed_at"],
                "due_date": _date(issued + 30 * _DAY_US),
                "paid_at": _time(issued, paid),
            }
        ),
    }


def _restaurant(group: _Group) -> Chunk:
    rng, now_us = group.rng, group.now_us
    _, tenant, _, created = group.orders()
    n = len(tenant)
    live = created > now_us - _DAY_US // 12
    status = np.where(live, rng.integers(0, 3, n), np.where(rng.random(n) < 0.96, 3, 4))
    return {
        ("rest", "orders"): pl.DataFrame(
            {
                "business_id": tenant,
                "table_id": pl.Series(rng.integers(1, 31, n)).set(
                    pl.Series(rng.random(n) < 0.3), None
                ),
                "status": _words(
                    ["placed", "preparing", "served", "completed", "cancelled"], status
                ),
                "total_amount": np.round(rng.gamma(3.0, 18.0, n), 2),
                "order_time": _time(created),
                "completed_at": _time(created + _DAY_US // 24, status == 3),
            }
        )
    }


def _retail(group: _Group) -> Chunk:
    rng = group.rng
    _, tenant, _, created = group.orders()
    n = len(tenant)
    status = np.searchsorted(np.array([0.94, 0.97, 0.99]), rng.random(n))
    return {
        ("ret", "transactions"): pl.DataFrame(
            {
                "business_id": tenant,
                "register_id": rng.integers(1, 9, n),
                "payment_status": _words(["completed", "refunded", "pending", "failed"], status),
                "total_amount": np.round(rng.gamma(2.0, 25.0, n), 2),
                "transaction_date": _time(created),
            }
        )
    }
