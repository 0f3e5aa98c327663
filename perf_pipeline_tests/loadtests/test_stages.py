import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_pipeline.errors import InputError
from perf_pipeline.loadtests import scenario, stages
from perf_pipeline.terms import TEST_TYPES

PEAK = scenario.load("hs_peak_season")


@given(st.sampled_from(TEST_TYPES), st.integers(1, 2_000), st.integers(10, 10_000))
def test_what_is_measured_is_as_long_as_asked(kind: str, users: int, seconds: int) -> None:
    planned = stages.plan(PEAK, kind, users=users, seconds=seconds)
    measured = [stage for stage in planned if stage.measured]
    total = sum(stage.seconds for stage in measured)
    # steps of a stress test are all as long as each other
    assert seconds - len(stages.STRESS) < total <= seconds
    assert kind == "STRESS" or total == seconds
    assert all(stage.seconds >= stages.LEAST_STAGE_S for stage in planned)
    assert all(stage.users >= 1 for stage in planned)
    assert max(stage.users for stage in planned) <= max(1, round(users * 3))


def test_a_load_test_climbs_stays_and_goes_down() -> None:
    planned = stages.plan(PEAK)
    assert [(s.name, s.seconds, s.users, s.measured) for s in planned] == [
        ("ramp up 25%", 100, 125, False),
        ("ramp up 50%", 100, 250, False),
        ("ramp up 75%", 100, 375, False),
        ("steady", 1800, 500, True),
        ("ramp down 50%", 60, 250, False),
    ]
    assert [s.name for s in stages.plan(PEAK, seconds=5)] == ["steady"]


def test_each_type_is_what_its_name_says() -> None:
    assert [s.users for s in stages.plan(PEAK, "BASELINE")] == [50]
    assert {s.users for s in stages.plan(PEAK, "ENDURANCE") if s.measured} == {350}
    stress = stages.plan(PEAK, "STRESS")
    assert [s.users for s in stress] == [250, 500, 750, 1000, 1500]
    assert all(s.ends_when_broken for s in stress)
    spike = [s for s in stages.plan(PEAK, "SPIKE") if s.measured]
    assert [(s.users, s.peak) for s in spike] == [(500, False), (1500, True), (500, False)]
    assert spike[1].seconds == 180


@pytest.mark.parametrize(
    ("kind", "users", "seconds", "said"),
    [
        ("LOAD", 0, 10, "users = 0"),
        ("LOAD", 1, 0, "0 s is too short for a LOAD test"),
        ("STRESS", 1, 4, "4 s is too short for a STRESS test"),
        ("SPIKE", 1, 9, "9 s is too short for a SPIKE test"),
    ],
)
def test_impossible_numbers_are_refused(kind: str, users: int, seconds: int, said: str) -> None:
    with pytest.raises(InputError, match=said):
        stages.plan(PEAK, kind, users=users, seconds=seconds)


@given(st.integers(1, 20_000), st.integers(1, 500))
def test_users_who_pause_are_an_open_loop_over_few_sessions(users: int, connections: int) -> None:
    drive = stages.drive(users, 4_000.0, connections)
    assert drive.rate == pytest.approx(users / 4)
    assert 1 <= drive.clients <= min(users, connections)
    assert stages.drive(users, 0.0, connections).rate is None


def test_a_test_that_decides_is_measured_in_blocks_after_a_warm_up() -> None:
    planned = stages.in_blocks(stages.plan(PEAK, seconds=30))
    assert [(each.name, each.seconds, each.measured) for each in planned] == [
        ("warm up", 6, False),
        ("steady 1/4", 8, True),
        ("steady 2/4", 8, True),
        ("steady 3/4", 7, True),
        ("steady 4/4", 7, True),
    ]
    # one that is short is not cut to pieces
    short = stages.in_blocks(stages.plan(PEAK, seconds=3))
    assert [(each.name, each.seconds) for each in short] == [("warm up", 1), ("steady 1/1", 3)]
    spike = stages.in_blocks(stages.plan(PEAK, "SPIKE", seconds=30))
    assert [each.name for each in spike] == ["warm up", "before", "spike", "after"]
    assert not spike[0].ends_when_broken
