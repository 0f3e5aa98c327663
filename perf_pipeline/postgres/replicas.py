"""Which server a query goes to: replicas by role, while they are fresh, else the primary."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeVar

import psycopg
from psycopg import errors as pg_errors
from psycopg.rows import dict_row

from perf_pipeline import settings
from perf_pipeline.errors import ConfigurationError, PerfPipelineError, UnreachableError
from perf_pipeline.postgres import connect as pg
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.postgres.target import Target

T = TypeVar("T")

#: What a query is for: it writes, it feeds dashboards, it feeds reports and exports (M-28).
Role = Literal["primary", "analytics", "reporting"]
ROLES: Final[tuple[Role, ...]] = ("primary", "analytics", "reporting")
#: Further behind, and what it answers is another moment's; a minute is what dashboards refresh in.
MAX_LAG_S: Final = 60.0
#: A primary that is there says so every half of wal_sender_timeout (60 s).
SILENT_S: Final = 60.0
#: A look must not cost what it saves.
_LOOK_MS: Final = 2_000


@dataclass(frozen=True)
class Replica:
    """A streaming replica as the target's YAML declares it.

    Attributes
    ----------
    url_env : str
        Name of the environment variable with its URL.
    roles : tuple of Role
        What it is for; others come to it only when their own replica is away.

    """

    name: str
    url_env: str
    roles: tuple[Role, ...] = ("analytics", "reporting")
    max_lag_s: float = MAX_LAG_S

    def url(self) -> str:
        """Return its URL.

        Raises
        ------
        ConfigurationError
            The variable is not set.

        """
        value = settings.variable(self.url_env)
        if value is None:
            raise ConfigurationError(
                f"replica {self.name!r}: environment variable {self.url_env} is not set",
                f"set {self.url_env}=postgresql://user:password@host:5432/database",
            )
        return value


@dataclass(frozen=True)
class State:
    """One server at a moment.

    Attributes
    ----------
    name : str
        The replica's; `primary` for the target's own URL.
    in_recovery : bool or None
        None: it could not be reached.
    lag_s : float or None
        Seconds its data are behind; None: not known.
    wrong : str
        Why it is not to be read, in words; empty: it may be.
    cluster : str
        Its system identifier, which a primary shares with its standbys; empty: not known.
    started : str
        When it was started: of one cluster, tells one server from another.

    """

    name: str
    in_recovery: bool | None
    lag_s: float | None
    wrong: str = ""
    roles: tuple[Role, ...] = ()
    cluster: str = ""
    started: str = ""


def judged(
    name: str,
    row: dict[str, object] | None,
    *,
    max_lag_s: float = MAX_LAG_S,
    roles: tuple[Role, ...] = (),
    error: str = "",
) -> State:
    """Judge what a server said of itself; pure.

    Parameters
    ----------
    row : dict or None
        Of `replicas/state.sql`; None: it could not be reached, as `error` says.

    """
    if row is None:
        return State(name, None, None, f"not reached: {error}", roles)
    which = str(row["cluster"] or ""), str(row["started_at"])
    if not row["in_recovery"]:
        return State(name, False, 0.0, "", roles, *which)
    lag = None if row["lag_s"] is None else float(str(row["lag_s"]))
    silent = row["silent_s"]
    wrong = ""
    if row["receiver"] != "streaming":
        wrong = "receives nothing from a primary"
    elif silent is not None and float(str(silent)) > SILENT_S:
        wrong = f"has not heard from its primary for {float(str(silent)):.0f} s"
    elif lag is None or lag > max_lag_s:
        wrong = f"is {'an unknown time' if lag is None else f'{lag:.0f} s'} behind"
    return State(name, True, lag, wrong, roles, *which)


def compared(states: Sequence[State]) -> list[State]:
    """Say which of a target's replicas are none, as their URLs lead elsewhere; pure.

    Parameters
    ----------
    states : sequence of State
        The target's own first.

    """
    own, *others = states
    return [own, *(replace(each, wrong=_elsewhere(own, each) or each.wrong) for each in others)]


def _elsewhere(own: State, other: State) -> str:
    if not own.cluster or not other.cluster:
        return ""
    if own.cluster != other.cluster:
        return "is no copy of the target's server: its URL leads to another one"
    if own.started == other.started and own.in_recovery is False:
        return "is the target's own server: its URL leads there"
    return ""


def choose(role: Role, states: Sequence[State]) -> State:
    """Return the server for a role; pure.

    What writes goes to the one server that takes writes, wherever that is now. What reads goes to a
    fresh replica of its role, else to another fresh replica, else to the server that takes writes.

    Parameters
    ----------
    role : Role
    states : sequence of State
        The target's own first, then replicas in the order of their declaration.

    Raises
    ------
    UnreachableError
        No server serves it; or two take writes, and nobody can say which holds the truth.

    """
    writable = [state for state in states if state.in_recovery is False and not state.wrong]
    if role != "primary":
        fresh = [state for state in states if state.in_recovery and not state.wrong]
        own = [state for state in fresh if role in state.roles]
        for state in (*own, *fresh):
            return state
    if len(writable) == 1:
        return writable[0]
    if writable:
        names = " and ".join(state.name for state in writable)
        raise UnreachableError(
            f"{names} both take writes: a replica was promoted beside its primary",
            "stop the one that lost, and make it a replica anew, before anything is written",
        )
    said = "; ".join(f"{state.name} {state.wrong or 'is a standby'}" for state in states)
    raise UnreachableError(
        f"no server for {role}: {said}", "bring one back, or promote a replica that is fresh"
    )


def look(target: Target) -> list[State]:
    """Return the state of the target's own server and of its replicas, all looked at at once."""
    with ThreadPoolExecutor(max_workers=1 + len(target.replicas)) as pool:
        own = pool.submit(_state, "primary", target.url, MAX_LAG_S, ("primary",))
        others = [
            pool.submit(_state, each.name, each.url, each.max_lag_s, each.roles)
            for each in target.replicas
        ]
        return compared([own.result(), *(each.result() for each in others)])


def read(
    target: Target,
    work: Callable[[psycopg.Connection], T],
    role: Role = "analytics",
    limits: pg.Limits | None = None,
) -> T:
    """Return what some work reads from the server for a role.

    What a replica breaks off, because its replay must go on or because it is stopped, is read from
    the server that takes writes.

    Parameters
    ----------
    target : Target
        With its replicas.
    work : callable
        Given a read-only session in autocommit; done twice, it must do no harm.

    Raises
    ------
    UnreachableError
        No server serves it.

    """
    with reading(target, role, limits) as connection:
        try:
            return work(connection)
        except (pg_errors.SerializationFailure, psycopg.OperationalError):
            if not target.replicas:
                raise
    with reading(target, "primary", limits) as connection:
        return work(connection)


@contextmanager
def reading(
    target: Target,
    role: Role = "analytics",
    limits: pg.Limits | None = None,
) -> Iterator[psycopg.Connection]:
    """Open a read-only session, in autocommit, on the server for a role.

    A replica that is lost while the session opens is passed over.

    Raises
    ------
    UnreachableError
        No server serves it.

    """
    states = look(target) if target.replicas else []
    while True:
        chosen = choose(role, states).name if states else "primary"
        try:
            connection = pg.connect(
                url_of(target, chosen), limits=limits, autocommit=True, read_only=True
            )
            break
        except UnreachableError as error:
            if chosen == "primary":
                raise
            states = [
                State(each.name, None, None, f"not reached: {error.message}", each.roles)
                if each.name == chosen
                else each
                for each in states
            ]
    try:
        yield connection
    finally:
        connection.close()


def url_of(target: Target, name: str) -> str:
    """Return the URL of a server by the name of its state."""
    replica: Replica | None = next((r for r in target.replicas if r.name == name), None)
    return target.url() if replica is None else replica.url()


def _state(name: str, url: object, max_lag_s: float, roles: tuple[Role, ...]) -> State:
    limits = pg.Limits(_LOOK_MS, _LOOK_MS, 2)
    try:
        found = url() if callable(url) else url
        with (
            pg.session(str(found), limits=limits, autocommit=True) as session,
            session.cursor(row_factory=dict_row) as cursor,
        ):
            row = cursor.execute(sqlfiles.load("replicas/state").text).fetchone()
    except (PerfPipelineError, psycopg.Error) as error:
        said = error.message if isinstance(error, PerfPipelineError) else str(error).strip()
        return judged(name, None, roles=roles, error=said)
    return judged(name, row, max_lag_s=max_lag_s, roles=roles)
