"""The rows of thorbis' home-services tenants: people, jobs, schedules, bills (pure)."""

import numpy as np
import polars as pl

from perf_pipeline.examples.thorbis_kit import (
    DAY_US,
    Chunk,
    Group,
    days_of,
    moments,
    person_names,
    words,
)

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
_CITY = ("Northfield", "Easton", "Southport", "Westbury", "Midvale")


def home_services(group: Group) -> Chunk:
    """Return the rows of some home-services tenants: customers first, payments last."""
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
    finished = created + (rng.random(n) * np.minimum(now_us - created, 30 * DAY_US)).astype(int)
    ahead = now_us + (rng.random(n) * 60 * DAY_US).astype(np.int64)
    late = rng.random(n) < 0.2
    appointment = np.where(
        done,
        finished,
        np.where(
            running,
            now_us - (late * DAY_US),
            np.where(pending & late, np.minimum(created + 7 * DAY_US, now_us), ahead),
        ),
    )
    amount = group.cents(n)
    orders = pl.DataFrame(
        {
            "id": ids,
            "business_id": tenant,
            "customer_id": customer,
            "assigned_technician_id": pl.Series(technician).set(pl.Series(pending | quoted), None),
            "title": words(_WORK, rng.integers(0, len(_WORK), n)),
            "description": words(
                [
                    f"{work}: {detail}; {extra}"
                    for work in _WORK
                    for detail in _DETAIL
                    for extra in _EXTRA
                ],
                rng.integers(0, len(_WORK) * len(_DETAIL) * len(_EXTRA), n),
            ),
            "status": words(names, status),
            "priority_level": words(list(_PRIORITY), group.pick(_PRIORITY, n)),
            "scheduled_date": days_of(appointment, ~quoted),
            "total_amount": amount,
            "created_at": moments(created),
            "completed_at": moments(finished, done),
        }
    )
    return {
        **_people(group),
        ("hs", "work_orders"): orders,
        ("hs", "schedule_blocks"): _blocks(orders, scheduled | running),
        **_bills(group, orders.filter(pl.Series(done))),
    }


def _people(group: Group) -> Chunk:
    size, rng, now_us = group.size, group.rng, group.now_us
    per = size.customers_per_business
    owner = np.repeat(group.members, per)
    customer = np.repeat(group.places, per) * per + 1 + np.tile(np.arange(per), len(group.places))
    crew = size.technicians_per_business
    employer = np.repeat(group.members, crew)
    technician = (
        np.repeat(group.places, crew) * crew + 1 + np.tile(np.arange(crew), len(group.places))
    )
    year_ago = now_us - 366 * DAY_US
    days = np.arange(-14, 61)
    return {
        ("hs", "customers"): pl.DataFrame(
            {
                "id": customer,
                "business_id": owner,
                "full_name": person_names(rng, len(owner)),
                "email": pl.select(
                    pl.format("customer{}@example.test", pl.Series(customer))
                ).to_series(),
                "phone": pl.Series(rng.integers(10**9, 10**10, len(owner))).cast(pl.String),
                "city": words(_CITY, rng.integers(0, len(_CITY), len(owner))),
                "created_at": moments(np.full(len(owner), year_ago)),
            }
        ),
        ("hs", "technicians"): pl.DataFrame(
            {
                "id": technician,
                "business_id": employer,
                "full_name": person_names(rng, len(employer)),
                "created_at": moments(np.full(len(employer), year_ago)),
            }
        ),
        ("hs", "technician_schedules"): pl.DataFrame(
            {
                "business_id": np.repeat(employer, len(days)),
                "technician_id": np.repeat(technician, len(days)),
                "schedule_date": days_of(now_us + np.tile(days, len(employer)) * DAY_US),
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


def _bills(group: Group, done: pl.DataFrame) -> Chunk:
    """Bill every completed order: recent bills are open, old ones paid or overdue."""
    rng, now_us, n = group.rng, group.now_us, done.height
    issued = done["completed_at"].to_physical().to_numpy()
    old = issued < now_us - 30 * DAY_US
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
            "status": words(["paid", "overdue", "pending"], status),
            "total_amount": done["total_amount"],
            "issued_at": done["completed_at"],
            "due_date": days_of(issued + 30 * DAY_US),
            "paid_at": moments(paid_at, paid),
        }
    )
    received = pl.DataFrame(
        {
            "business_id": done["business_id"],
            "invoice_id": done["id"],
            "amount": done["total_amount"],
            "payment_method": words(list(_METHOD), group.pick(_METHOD, n)),
            "payment_date": days_of(paid_at),
        }
    ).filter(pl.Series(paid))
    return {("hs", "invoices"): bills, ("hs", "payments"): received}
