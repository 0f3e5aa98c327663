"""What each type of load test does with a scenario's users over time; pure."""

from dataclasses import dataclass, replace
from typing import Final

from perf_pipeline.errors import InputError
from perf_pipeline.loadtests.scenario import Scenario

#: Steps of a ramp: pgbench has a fixed number of clients, so a ramp is a staircase.
RAMP_UP: Final = (0.25, 0.5, 0.75)
RAMP_DOWN: Final = (0.5,)
#: BASELINE: what the system does when nothing competes.
BASELINE_SHARE: Final = 0.1
#: ENDURANCE: below what the system is made for, for long.
ENDURANCE_SHARE: Final = 0.7
#: SPIKE: as many as this times the users, for a tenth of the time.
SPIKE_FACTOR: Final = 3.0
SPIKE_SHARE: Final = 0.1
#: STRESS: shares of the users, one after the other, until a limit breaks.
STRESS: Final = (0.5, 1.0, 1.5, 2.0, 3.0)
#: A test that decides is measured in so many blocks, others' load between them seen in all.
BLOCKS: Final = 4
#: Shorter blocks would measure how sessions begin: each block has new ones.
LEAST_BLOCK_S: Final = 2
#: The share of its time a test that decides runs unmeasured before, and seconds at most: caches are
#: filled and plans made.
WARM_UP: Final = 0.2
MOST_WARM_UP_S: Final = 10
#: A stage shorter than this says nothing: connecting and caches are most of it.
LEAST_STAGE_S: Final = 1


@dataclass(frozen=True)
class Stage:
    """A stretch of time with one number of users.

    Attributes
    ----------
    name : str
    seconds : int
    users : int
    measured : bool
        Whether its transactions count; ramps do not.
    peak : bool
        Whether operations have their peak weight.
    ends_when_broken : bool
        Whether nothing follows once a limit of the scenario broke in it.

    """

    name: str
    seconds: int
    users: int
    measured: bool = True
    peak: bool = False
    ends_when_broken: bool = False


def plan(
    scenario: Scenario,
    test_type: str | None = None,
    *,
    users: int | None = None,
    seconds: int | None = None,
) -> list[Stage]:
    """Return the stages of a run, in order.

    LOAD and VOLUME ramp up, stay and ramp down (VOLUME on data as large as the scenario's `volume`
    says, else it is refused); BASELINE is a tenth of the users without ramps; ENDURANCE 70 % of
    them; STRESS goes on in steps up to three times the users until a limit breaks; SPIKE trebles
    them for a tenth of the time and goes back.

    Parameters
    ----------
    scenario : Scenario
    test_type : str, optional
        Default: the scenario's.
    users : int, optional
        Default: the scenario's.
    seconds : int, optional
        Of what is measured; ramps shrink with it. Default: the scenario's.

    Raises
    ------
    InputError
        Fewer than one user, or less time than the type needs.

    """
    kind = test_type or scenario.test_type
    people = scenario.users if users is None else users
    length = scenario.duration_s if seconds is None else seconds
    if people < 1:
        raise InputError(f"users = {people} is too small", "use at least 1")
    least = {"STRESS": len(STRESS), "SPIKE": round(1 / SPIKE_SHARE)}.get(kind, 1) * LEAST_STAGE_S
    if length < least:
        raise InputError(f"{length} s is too short for a {kind} test", f"use at least {least} s")
    scale = length / scenario.duration_s
    if kind == "BASELINE":
        return [Stage("steady", length, _part(people, BASELINE_SHARE))]
    if kind == "STRESS":
        each = length // len(STRESS)
        return [
            Stage(f"{share:.0%}", each, _part(people, share), ends_when_broken=True)
            for share in STRESS
        ]
    if kind == "ENDURANCE":
        people = _part(people, ENDURANCE_SHARE)
    if kind == "SPIKE":
        spike = max(LEAST_STAGE_S, round(length * SPIKE_SHARE))
        before = (length - spike) // 2
        middle = [
            Stage("before", before, people),
            Stage("spike", spike, _part(people, SPIKE_FACTOR), peak=True),
            Stage("after", length - spike - before, people),
        ]
    else:
        middle = [Stage("steady", length, people)]
    return [
        *_ramp("up", RAMP_UP, scenario.ramp_up_s * scale, people),
        *middle,
        *_ramp("down", RAMP_DOWN, scenario.ramp_down_s * scale, people),
    ]


def in_blocks(planned: list[Stage]) -> list[Stage]:
    """Return the stages of a test that decides: a warm-up, then what is measured in short blocks.

    Ramps are left out; a long stage is cut, a test of several stages keeps them as they are. Pure.

    Parameters
    ----------
    planned : list of Stage
        As `plan` returns.

    """
    measured = [stage for stage in planned if stage.measured]
    length = sum(stage.seconds for stage in measured)
    warm = min(MOST_WARM_UP_S, max(LEAST_STAGE_S, round(length * WARM_UP)))
    first = replace(
        measured[0], name="warm up", seconds=warm, measured=False, ends_when_broken=False
    )
    if len(measured) > 1:
        return [first, *measured]
    (whole,) = measured
    number = min(BLOCKS, max(1, whole.seconds // LEAST_BLOCK_S))
    each, more = divmod(whole.seconds, number)
    return [
        first,
        *(
            replace(whole, name=f"{whole.name} {n + 1}/{number}", seconds=each + (n < more))
            for n in range(number)
        ),
    ]


def _part(users: int, share: float) -> int:
    return max(1, round(users * share))


def _ramp(direction: str, shares: tuple[float, ...], seconds: float, users: int) -> list[Stage]:
    each = round(seconds / len(shares))
    if each < LEAST_STAGE_S:
        return []
    return [
        Stage(f"ramp {direction} {share:.0%}", each, _part(users, share), measured=False)
        for share in shares
    ]


@dataclass(frozen=True)
class Drive:
    """How pgbench is asked for a stage's users: `clients` sessions, and a rate or none."""

    clients: int
    rate: float | None


def drive(users: int, think_time_ms: float, connections: int) -> Drive:
    """Return how many users are made of a bounded number of sessions.

    A user who pauses Z ms between transactions asks for one every Z ms: N of them are an open loop
    of N / Z a second over as many sessions as there may be, and no slow answer makes them ask less
    (no coordinated omission). Users who never pause are sessions of a closed loop.

    Parameters
    ----------
    users : int
    think_time_ms : float
    connections : int
        Sessions there may be.

    """
    clients = max(1, min(users, connections))
    if think_time_ms <= 0:
        return Drive(clients, None)
    return Drive(clients, users * 1000.0 / think_time_ms)
