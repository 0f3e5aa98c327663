"""The plan is pure: what it must hold to, for every policy, history and clock."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from perf_pipeline.partitions import judgement
from perf_pipeline.partitions.model import EVERY, Existing, Partition, Policy, Span
from perf_pipeline.partitions.plan import plan
from perf_pipeline.partitions.ranges import after, subtract, union

NOW = datetime(2026, 11, 21, 20, 57)
P = "guardian.audit_log"


def existing(*parts: Partition, **kwargs: Any) -> Existing:
    values: dict[str, Any] = {
        "kind": "partitioned",
        "strategy": "range",
        "columns": ("t",),
        "column_type": "timestamptz",
        **kwargs,
    }
    return Existing(P, partitions=parts, **values)


def month(year: int, number: int, **kwargs: Any) -> Partition:
    upper = datetime(year + number // 12, number % 12 + 1, 1)
    name = f"audit_log_{year:04d}_{number:02d}"
    return Partition("guardian", name, datetime(year, number, 1), upper, **kwargs)


def policy(**kwargs: Any) -> Policy:
    return Policy(P, "t", **{"every": "month", **kwargs})


def names(found: Any, *kinds: Any) -> list[str]:
    return [step.partition.name for step in (found.of(*kinds) if kinds else found.steps)]


def test_current_and_premake_months_are_made_and_a_missed_month_is_caught_up() -> None:
    found = plan(policy(premake=2), existing(month(2026, 8), month(2026, 10)), NOW)
    assert names(found) == [
        "audit_log_2026_09",
        "audit_log_2026_11",
        "audit_log_2026_12",
        "audit_log_2027_01",
    ]
    assert not found.covered
    assert found.missing == 3
    assert found.headroom_days == 0.0


def test_a_steady_state_asks_for_nothing() -> None:
    found = plan(policy(premake=1), existing(month(2026, 11), month(2026, 12)), NOW)
    assert (found.steps, found.problems, found.covered) == ((), (), True)
    assert found.headroom_days == pytest.approx(40 + (3 * 60 + 3) / 1440)


def test_a_partition_of_other_bounds_counts_for_what_it_covers() -> None:
    """D-007: a partition named 2026_12 that goes from the 15th to the 15th."""
    odd = Partition("g", "audit_log_2026_12", datetime(2026, 12, 15), datetime(2027, 1, 15))
    found = plan(policy(premake=2), existing(month(2026, 11), odd), NOW)
    assert [(s.partition.name, s.partition.lower, s.partition.upper) for s in found.steps] == [
        ("audit_log_2026_12_01", datetime(2026, 12, 1), datetime(2026, 12, 15)),
        ("audit_log_2027_01", datetime(2027, 1, 15), datetime(2027, 2, 1)),
    ]


def test_old_is_what_ends_before_the_cutoff_and_nothing_younger() -> None:
    """D-025, D-026: every month that is over, none whose last rows are younger."""
    kept = policy(retention=Span(2, "year"), then="archive_then_drop", premake=0, fill_gaps=False)
    parts = [month(2024, 9), month(2024, 10), month(2024, 11), month(2026, 11)]
    found = plan(kept, existing(*parts), NOW)
    assert names(found, "drop") == ["audit_log_2024_09", "audit_log_2024_10"]
    assert [step.kind for step in found.steps] == ["archive", "detach", "drop"] * 2


def test_what_is_archived_goes_on_where_it_was() -> None:
    kept = policy(retention=Span(2, "year"), then="archive_then_drop", premake=0, fill_gaps=False)
    attached, detached = month(2024, 9, archived=True), month(2024, 8, archived=True)
    found = plan(kept, existing(attached, month(2026, 11), detached=(detached,)), NOW)
    assert [(s.kind, s.partition.name) for s in found.steps] == [
        ("detach", "audit_log_2024_09"),
        ("drop", "audit_log_2024_09"),
        ("drop", "audit_log_2024_08"),
    ]


def test_an_interrupted_detach_comes_first_and_a_restored_partition_stays() -> None:
    kept = policy(retention=Span(2, "year"), then="detach", premake=0, fill_gaps=False)
    parts = [month(2024, 1, held=True), month(2024, 2, pending=True), month(2024, 3)]
    found = plan(kept, existing(*parts), NOW)
    assert [(s.kind, s.partition.name) for s in found.steps] == [
        ("finalize", "audit_log_2024_02"),
        ("create", "audit_log_2026_11"),
        ("detach", "audit_log_2024_03"),
    ]


def test_clocks_that_differ_drop_nothing() -> None:
    kept = policy(retention=Span(1, "month"), then="archive_then_drop", premake=0)
    found = plan(kept, existing(month(2020, 1), month(2026, 11), clock_skew_s=86_400.0), NOW)
    assert found.of("archive", "detach", "drop") == ()
    assert "clock" in found.problems[0].what


def test_rows_of_the_default_partition_get_partitions_and_far_ones_stay() -> None:
    default = Partition("guardian", "audit_log_default", is_default=True)
    periods = ((datetime(2026, 3, 1), 7), (datetime(2027, 2, 1), 1), (datetime(9999, 1, 1), 2))
    found = plan(
        policy(premake=1),
        existing(
            month(2026, 11),
            month(2026, 12),
            default,
            default_has_rows=True,
            default_periods=periods,
        ),
        NOW,
    )
    assert [(s.kind, s.partition.name, s.rows) for s in found.of("drain")] == [
        ("drain", "audit_log_2026_03", 7),
        ("drain", "audit_log_2027_02", 1),
    ]
    assert "2 rows" in found.problems[0].what
    assert found.default_empty is False


def test_whole_numbers_are_kept_ready_by_the_rate_at_which_they_come() -> None:
    numbers = Policy(P, "id", step=1000, premake=1, headroom_days=10.0)
    parts = [Partition("g", f"audit_log_n{n}", n, n + 1000) for n in (0, 1000)]
    there = existing(*parts, columns=("id",), column_type="integer", position=900)
    assert names(plan(numbers, there, NOW)) == []
    found = plan(numbers, replace(there, fill_per_day=250.0), NOW)
    assert names(found) == ["audit_log_n2000", "audit_log_n3000"]
    assert found.headroom_days == pytest.approx(1100 / 250)


def test_hash_partitions_that_lack_are_made() -> None:
    hashed = Policy(P, "tenant_id", modulus=4)
    parts = [Partition("g", f"p{r}", modulus=4, remainder=r) for r in (0, 1, 3)]
    there = existing(*parts, strategy="hash", columns=("tenant_id",), column_type="uuid")
    found = plan(hashed, there, NOW)
    assert [(s.partition.name, s.partition.remainder) for s in found.steps] == [("audit_log_h2", 2)]
    assert plan(hashed, after(found, there), NOW).covered
    other = replace(hashed, modulus=8)
    assert "modulus [4]" in plan(other, there, NOW).problems[0].what


@pytest.mark.parametrize(
    ("rows", "passed", "error"),
    [
        ((5000.0, 5000.0, 4000.0, 6000.0), True, False),
        ((9000.0, 1000.0, 1000.0, 1000.0), False, False),
        ((90_000.0, *(1000.0,) * 15), False, True),
        ((900.0, 0.0, 0.0, 0.0), True, False),  # too few to say
        ((9000.0, None, 0.0, 0.0), True, False),  # one was never analyzed
    ],
)
def test_buckets_are_even_or_not(rows: tuple[float | None, ...], passed: bool, error: bool) -> None:
    parts = [
        Partition("g", f"h{n}", modulus=len(rows), remainder=n, rows=count)
        for n, count in enumerate(rows)
    ]
    found = judgement.even(existing(*parts))
    assert (found.passed, found.error) == (passed, error)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"kind": "absent"}, "does not exist"),
        ({"kind": "table"}, "not partitioned"),
        ({"strategy": "list"}, "by list"),
        ({"columns": ("t", "u")}, r"\(t, u\)"),
        ({"columns": ("",)}, "an expression"),
        ({"column_type": "uuid"}, "is uuid"),
    ],
)
def test_what_does_not_fit_is_told_and_left_alone(wrong: dict[str, Any], says: str) -> None:
    found = plan(policy(), existing(**wrong), NOW)
    assert found.steps == ()
    assert found.problems[0].blocking
    with pytest.raises(AssertionError, match=says):
        raise AssertionError(found.problems[0].what)


def test_months_begin_where_the_policy_says() -> None:
    berlin = policy(premake=0, timezone="Europe/Berlin", fill_gaps=False)
    (step,) = plan(berlin, existing(), NOW).steps
    assert (step.partition.lower, step.partition.name) == (
        datetime(2026, 10, 31, 23),
        "audit_log_2026_11",
    )
    (step,) = plan(berlin, existing(column_type="timestamp"), NOW).steps
    assert step.partition.lower == datetime(2026, 11, 1)


TIMES = st.datetimes(datetime(2015, 1, 1), datetime(2035, 1, 1))


@st.composite
def time_cases(draw: st.DrawFn) -> tuple[Policy, Existing, datetime]:
    """Return a policy, partitions of any bounds that do not overlap, a clock."""
    now = draw(TIMES)
    every = draw(st.sampled_from(EVERY))
    unit = {"hour": 1, "day": 24, "week": 168, "month": 720, "quarter": 2160, "year": 8760}[every]
    edges = sorted(draw(st.sets(st.integers(-40, 12), max_size=12)))
    pending = draw(st.integers(-9, 12))
    bounds = [
        now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=unit * e) for e in edges
    ]
    parts = [
        Partition("g", f"p{n}", lower, upper, archived=draw(st.booleans()), pending=n == pending)
        for n, (lower, upper) in enumerate(pairwise(bounds))
        if draw(st.booleans())
    ]
    has_default = draw(st.booleans())
    periods: tuple[tuple[datetime, int], ...] = ()
    if has_default:
        parts.append(Partition("g", "d", is_default=True))
        hours = draw(st.sets(st.integers(-60, 30), max_size=3))
        from perf_pipeline.partitions.periods import floor

        starts = {floor(every, now + timedelta(hours=unit * h)) for h in hours}
        periods = tuple(
            (start, 1)
            for start in sorted(starts)
            if not any(p.lower <= start < p.upper for p in parts if isinstance(p.lower, datetime))  # type: ignore[operator]
        )
    retention = draw(
        st.none() | st.sampled_from([Span(3, "day"), Span(2, "month"), Span(1, "year")])
    )
    then = draw(st.sampled_from(("keep", "detach", "archive", "archive_then_drop")))
    assume(retention is not None or then == "keep")
    chosen = Policy(
        P,
        "t",
        every=every,  # type: ignore[arg-type]
        premake=draw(st.integers(0, 5)),
        retention=retention,
        then=then,  # type: ignore[arg-type]
        timezone=draw(st.sampled_from(("UTC", "Europe/Berlin", "America/New_York"))),
        default=draw(st.sampled_from(("leave", "ensure"))),  # type: ignore[arg-type]
        headroom_days=draw(st.none() | st.floats(0.1, 3.0)),
    )
    return chosen, existing(*parts, default_periods=periods, default_has_rows=bool(periods)), now


@settings(max_examples=80)
@given(time_cases())
def test_what_holds_for_every_plan(case: tuple[Policy, Existing, datetime]) -> None:
    chosen, there, now = case
    found = plan(chosen, there, now)
    # deterministic
    assert plan(chosen, there, now) == found
    done = after(found, there)
    ranges = sorted(
        (part.lower, part.upper) for part in done.partitions if isinstance(part.lower, datetime)
    )
    # nothing overlaps, before and after
    for one, two in pairwise(ranges):
        assert one[1] <= two[0]  # type: ignore[operator]
    # the present and what is to be kept ready are covered, without a hole
    ahead = now + timedelta(days=chosen.headroom_days or 0)
    assert list(subtract((now, ahead + timedelta(microseconds=1)), ranges)) == []
    # names are different, and nobody else's
    made = [step.partition.name for step in found.of("create", "drain", "create_default")]
    assert len(set(made)) == len(made)
    assert not set(made) & {part.name for part in there.partitions}
    assert all(len(name.encode()) <= 63 for name in made)
    # nothing is archived or dropped that is younger than the retention, and each in its order
    for step in found.of("archive", "detach", "drop"):
        assert chosen.then != "keep"
        assert isinstance(step.partition.upper, datetime)
        assert step.partition.upper <= now - timedelta(days=3)
    dropped = {step.partition.name for step in found.of("drop")}
    archived = {step.partition.name for step in found.of("archive")}
    proven = {part.name for part in there.partitions if part.archived}
    assert dropped <= archived | proven
    # carried out, nothing is left to do
    again = plan(chosen, done, now)
    assert again.steps == ()
    assert again.covered


_ENDS = st.none() | st.integers(0, 30)


@given(st.lists(st.tuples(_ENDS, _ENDS).filter(lambda r: None in r or r[0] < r[1]), max_size=6))  # type: ignore[operator]
def test_what_ranges_cover_together_is_the_same(
    ranges: list[tuple[int | None, int | None]],
) -> None:
    together = union(ranges)
    assert list(subtract((0, 31), together)) == list(subtract((0, 31), ranges))
    # in order, and apart
    for one, two in pairwise(together):
        assert one[1] is not None
        assert two[0] is not None
        assert one[1] < two[0]


@given(
    st.integers(-10_000, 10_000),
    st.integers(1, 700),
    st.integers(0, 4),
    st.none() | st.floats(0.0, 500.0),
    st.none() | st.integers(0, 3_000),
)
def test_what_holds_for_whole_numbers(
    position: int, step: int, premake: int, rate: float | None, keep: int | None
) -> None:
    numbers = Policy(
        P,
        "id",
        step=step,
        premake=premake,
        headroom_days=3.0,
        retention_count=keep,
        then="keep" if keep is None else "archive_then_drop",
    )
    parts = [Partition("g", f"x{n}", n * 1000, n * 1000 + 777) for n in range(-12, 9, 3)]
    there = existing(
        *parts, columns=("id",), column_type="integer", position=position, fill_per_day=rate
    )
    found = plan(numbers, there, NOW)
    done = after(found, there)
    ranges = [(part.lower, part.upper) for part in done.partitions]
    reach = position + premake * step + 1
    assert list(subtract((position, reach), ranges)) == []
    for one in found.of("drop"):
        assert isinstance(one.partition.upper, int)
        assert keep is not None
        assert one.partition.upper <= position - keep
    assert plan(numbers, done, NOW).steps == ()
