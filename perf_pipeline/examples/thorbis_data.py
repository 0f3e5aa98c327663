"""The rows of the thorbis example: seeded, tenant by tenant, as Polars frames (pure).

Ids are laid out so that a load script can pick them by arithmetic: tenant `i` (1-based) works in
industry `(i - 1) % 4`, and the `k`-th home-services tenant (0-based) owns customers
`k * customers_per_business + 1 ...` and technicians `k * technicians_per_business + 1 ...`.
"""

from collections.abc import Iterator
from datetime import datetime

import numpy as np
import polars as pl

from perf_pipeline.examples.thorbis_daily import dining, garage, selling, shared
from perf_pipeline.examples.thorbis_home_services import home_services
from perf_pipeline.examples.thorbis_kit import (
    DAY_US,
    INDUSTRIES,
    Chunk,
    Group,
    Ints,
    Size,
    days_of,
    moments,
    person_names,
    uuids,
    words,
)
from perf_pipeline.examples.thorbis_shelves import kitchens, parts, products

__all__ = ["Size", "chunks"]

_LABELS = ("Home Services", "Auto Repair", "Restaurant", "Retail")
_MAKES = ("Astra", "Bolt", "Comet", "Dart", "Echo")
#: Rows of the largest table built at once: about 60 MB of frames.
_CHUNK_ORDERS = 200_000


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
        Columns named as in the table; the keys hold when all are there.

    """
    ids = np.arange(1, size.businesses + 1)
    rng = np.random.default_rng([seed, 0])
    weight = rng.lognormal(0.0, 0.7, size.businesses)
    now_us = int((now - datetime(1970, 1, 1)).total_seconds()) * 1_000_000
    yield _platform(size, rng, ids, now_us)
    yield shared(np.random.default_rng([seed, 9]), ids, now_us)
    makers = (home_services, _automotive, _restaurant, _retail)
    for number, maker in enumerate(makers):
        members = ids[number :: len(INDUSTRIES)]
        share = weight[members - 1] / weight[members - 1].sum()
        counts = rng.multinomial(size.orders_per_business * len(members), share).astype(np.int64)
        first_id = 1
        for part, (begin, end) in enumerate(_groups(counts)):
            group = Group(
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


def _platform(size: Size, rng: np.random.Generator, ids: Ints, now_us: int) -> Chunk:
    n = len(ids)
    industry = (ids - 1) % len(INDUSTRIES)
    subscription = rng.integers(0, 20, n)  # 0 trial, 1 past due, 2 cancelled, else active
    states = ["trial", "past_due", "cancelled", "active"]
    people = np.repeat(ids, 5)
    person = np.arange(1, len(people) + 1)
    sessions = np.repeat(person, 2)
    signed_in = now_us - (rng.random(len(sessions)) * 10 * DAY_US).astype(np.int64)
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
                "public_id": uuids(rng, n),
                "name": [f"{_LABELS[c]} {i}" for i, c in zip(ids, industry, strict=True)],
                "industry": words(INDUSTRIES, industry),
                "is_active": subscription != 2,
                "subscription_status": words(states, np.minimum(subscription, 3)),
                "subscription_expires_at": moments(
                    now_us + (rng.random(n) * 365 * DAY_US).astype(np.int64)
                ),
                "created_at": moments(
                    now_us - ((1 + rng.random(n)) * 365 * DAY_US).astype(np.int64)
                ),
            }
        ),
        ("tenant_mgmt", "subscription_metrics"): pl.DataFrame(
            {
                "business_id": metric_owner,
                "metric_date": days_of(now_us - metric_day * DAY_US),
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
                "display_name": person_names(rng, len(people)),
                "role_level": 1 + (person - 1) % 5,
                "is_active": rng.random(len(people)) < 0.9,
                "created_at": moments(
                    now_us - (rng.random(len(people)) * 365 * DAY_US).astype(int)
                ),
            }
        ),
        ("user_mgmt", "user_sessions"): pl.DataFrame(
            {
                "id": uuids(rng, len(sessions)),
                "user_id": sessions,
                "is_active": signed_in > now_us - DAY_US,
                "created_at": moments(signed_in),
                "expires_at": moments(signed_in + DAY_US),  # T-26: sessions live 24 h
            }
        ),
        ("user_mgmt", "user_activity"): pl.DataFrame(
            {
                "user_id": activity,
                "activity_type": words(
                    ["view", "edit", "export", "search"], rng.integers(0, 4, len(activity))
                ),
                "activity_timestamp": moments(
                    now_us - (rng.random(len(activity)) * 30 * DAY_US).astype(np.int64)
                ),
            }
        ),
        ("security_mgmt", "audit_logs"): pl.DataFrame(
            {
                "business_id": audit,
                "user_id": actor,
                "event_type": words(
                    ["sign_in", "permission_change", "export"], rng.integers(0, 3, len(audit))
                ),
                "created_at": moments(
                    now_us - (rng.random(len(audit)) * 90 * DAY_US).astype(np.int64)
                ),
            }
        ),
        ("security_mgmt", "risk_assessments"): pl.DataFrame(
            {
                "business_id": assessed,
                "assessment_date": days_of(now_us - np.tile(np.arange(4), n) * 30 * DAY_US),
                "risk_level": words(
                    ["low", "medium", "high", "critical"],
                    np.searchsorted(np.array([25.0, 50.0, 75.0]), score),
                ),
                "score": score,
            }
        ),
    }


def _automotive(group: Group) -> Chunk:
    rng, now_us, per = group.rng, group.now_us, group.size.customers_per_business
    ids, tenant, place, created = group.orders()
    n = len(ids)
    vehicle = np.repeat(group.places, per) * per + 1 + np.tile(np.arange(per), len(group.places))
    status = np.searchsorted(np.array([0.75, 0.85, 0.93, 0.97]), rng.random(n))
    done, scheduled, running = (status == code for code in range(3))
    finished = created + (rng.random(n) * np.minimum(now_us - created, 5 * DAY_US)).astype(int)
    start = np.where(scheduled, now_us + (rng.random(n) * 20 * DAY_US).astype(np.int64), created)
    booked = scheduled | running | done
    orders = pl.DataFrame(
        {
            "id": ids,
            "business_id": tenant,
            "vehicle_id": place * per + 1 + (per * rng.random(n) ** 2).astype(np.int64),
            "assigned_bay_id": pl.Series(rng.integers(1, 7, n)).set(pl.Series(~booked), None),
            "status": words(
                ["completed", "scheduled", "in_progress", "quoted", "cancelled"], status
            ),
            "total_amount": group.cents(n),
            "created_at": moments(created),
            "scheduled_start": moments(start, booked),
            "scheduled_end": moments(start + DAY_US // 8, booked),
            "estimated_completion": moments(start + DAY_US, booked),
            "completed_at": moments(finished, done),
        }
    )
    bills = orders.filter(pl.Series(done))
    paid = rng.random(bills.height) < 0.85
    issued = bills["completed_at"].to_physical().to_numpy()
    vehicles = pl.DataFrame(
        {
            "id": vehicle,
            "business_id": np.repeat(group.members, per),
            "plate": pl.select(pl.format("TB {}", pl.Series(vehicle))).to_series(),
            "make": words(_MAKES, rng.integers(0, len(_MAKES), len(vehicle))),
            "model_year": rng.integers(2005, 2026, len(vehicle)),
            "created_at": moments(np.full(len(vehicle), now_us - 366 * DAY_US)),
        }
    )
    return {
        **garage(group, vehicles, orders),
        ("auto", "repair_orders"): orders,
        ("auto", "invoices"): pl.DataFrame(
            {
                "business_id": bills["business_id"],
                "repair_order_id": bills["id"],
                "status": words(["pending", "paid"], paid.astype(np.int64)),
                "total_amount": bills["total_amount"],
                "issued_at": bills["completed_at"],
                "due_date": days_of(issued + 30 * DAY_US),
                "paid_at": moments(issued, paid),
            }
        ),
        **parts(group),
    }


def _restaurant(group: Group) -> Chunk:
    rng, now_us = group.rng, group.now_us
    ids, tenant, _, created = group.orders()
    n = len(tenant)
    live = created > now_us - DAY_US // 12
    status = np.where(live, rng.integers(0, 3, n), np.where(rng.random(n) < 0.96, 3, 4))
    orders = pl.DataFrame(
        {
            "id": ids,
            "business_id": tenant,
            "table_id": pl.Series(rng.integers(1, 31, n)).set(pl.Series(rng.random(n) < 0.3), None),
            "status": words(["placed", "preparing", "served", "completed", "cancelled"], status),
            "total_amount": np.round(rng.gamma(3.0, 18.0, n), 2),
            "order_time": moments(created),
            "completed_at": moments(created + DAY_US // 24, status == 3),
        }
    )
    return {("rest", "orders"): orders, **kitchens(group), **dining(group, orders)}


def _retail(group: Group) -> Chunk:
    rng = group.rng
    ids, tenant, _, created = group.orders()
    n = len(tenant)
    status = np.searchsorted(np.array([0.94, 0.97, 0.99]), rng.random(n))
    sold = pl.DataFrame(
        {
            "id": ids,
            "business_id": tenant,
            "register_id": rng.integers(1, 9, n),
            "payment_status": words(["completed", "refunded", "pending", "failed"], status),
            "total_amount": np.round(rng.gamma(2.0, 25.0, n), 2),
            "transaction_date": moments(created),
        }
    )
    return {("ret", "transactions"): sold, **products(group), **selling(group, sold)}
