"""What evaluation takes and gives: measured values, states, incidents, messages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from perf_pipeline.alerts.model import RANK, Alarm, Frequency, Level

#: Of a policy and the thing it measured; '' is the target as a whole.
Key = tuple[str, str]
Kind = Literal[
    "opened", "worse", "more", "reminder", "flapping", "resolved", "storm", "unwatched", "test"
]
Status = Literal["open", "acknowledged", "resolved"]


@dataclass(frozen=True)
class Measured:
    """One value of one policy: over its window, ending with its newest evidence.

    `value` is None where nothing could be measured: absent, never zero. `cause` groups it with
    others into an incident; None: the policy's own.
    """

    policy: str
    subject: str
    as_of: datetime
    value: float | None
    samples: float = 1.0
    cause: str | None = None
    told: str = ""


@dataclass(frozen=True)
class State:
    """How one policy stands with one thing.

    Attributes
    ----------
    level : str
        `no_data` while there is no (recent, sufficient) evidence.
    held : str or None
        The level that the last evidence gave; None before there was any. An incident is not over
        because nobody can tell any more.
    since : datetime
        When `level` began, by the evidence's clock.
    value, as_of : float, datetime or None
        The last evidence.
    towards, towards_since :
        The level that the values ask for and since when, while it has not lasted long enough.
    changes : tuple of datetime
        When it went from well to a breach or back, within the policy's `flap_minutes`.
    flapping : bool
    cause, told : str
        Of the last evidence.
    judged : str
        The thresholds that the last evidence was judged by.

    """

    level: Level = "no_data"
    held: Level | None = None
    since: datetime | None = None
    value: float | None = None
    as_of: datetime | None = None
    towards: Level | None = None
    towards_since: datetime | None = None
    changes: tuple[datetime, ...] = ()
    flapping: bool = False
    cause: str = ""
    told: str = ""
    judged: str = ""

    @property
    def alarm(self) -> Alarm | None:
        """What it adds to an incident; None: nothing."""
        if self.held == "warning" or self.held == "critical":
            return self.held
        return "warning" if self.flapping else None

    def as_json(self) -> dict[str, Any]:
        """Return it for the store."""
        return {
            name: [str(each) for each in value]
            if isinstance(value, tuple)
            else value.isoformat()
            if isinstance(value, datetime)
            else value
            # not asdict: it copies what nobody changes, and takes ten times as long
            for name, value in vars(self).items()
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "State":
        """Return what `as_json` gave."""
        # a newer version may have kept more
        values = {name: value for name, value in kept.items() if name in cls.__dataclass_fields__}
        for name in ("since", "as_of", "towards_since"):
            if values.get(name) is not None:
                values[name] = datetime.fromisoformat(values[name])
        values["changes"] = tuple(datetime.fromisoformat(at) for at in values.get("changes", ()))
        return cls(**values)


@dataclass(frozen=True)
class Member:
    """One breach grouped under an incident."""

    policy: str
    subject: str
    level: Alarm
    value: float | None
    threshold: float | None
    unit: str
    told: str
    as_of: str | None

    @property
    def rank(self) -> tuple[int, str, str]:
        """The worst first, then by name."""
        return (-RANK[self.level], self.policy, self.subject)


@dataclass(frozen=True)
class Told:
    """What was told of an incident: rate limits rest on it."""

    level: Level | None = None
    at: datetime | None = None
    members: int = 0
    count: int = 0
    in_storm: bool = False
    flapping: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return it for the store."""
        return {**vars(self), "at": self.at.isoformat() if self.at else None}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "Told":
        """Return what `as_json` gave."""
        at = kept.get("at")
        return cls(**{**kept, "at": datetime.fromisoformat(at) if at else None})


@dataclass(frozen=True)
class Incident:
    """What is wrong for one cause, from opened to resolved."""

    incident_id: str
    target: str
    cause: str
    status: Status
    level: Alarm
    title: str
    owner: str
    opened_at: datetime
    changed_at: datetime
    members: tuple[Member, ...]
    resolved_at: datetime | None = None
    flapping: bool = False
    told: Told = field(default_factory=Told)

    @property
    def over(self) -> bool:
        """Whether it is resolved."""
        return self.status == "resolved"

    def telling(self, level: Level, at: datetime, *, storm: bool = False) -> "Incident":
        """Return it after it was told."""
        told = Told(level, at, len(self.members), self.told.count + 1, storm, self.flapping)
        return replace(self, told=told)


@dataclass(frozen=True)
class Message:
    """One thing to tell; its key is the same whenever the same state is evaluated again."""

    key: str
    kind: Kind
    target: str
    incident_id: str | None
    level: Level
    owner: str
    title: str
    body: str
    at: datetime
    delivery: Frequency | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Evaluation:
    """What one evaluation of a target gave.

    `incidents` are those that are open or changed; `opened`, `resolved` and `worse` name those
    that did so now.
    """

    target: str
    at: datetime
    states: Mapping[Key, State]
    incidents: Sequence[Incident]
    messages: Sequence[Message]
    opened: frozenset[str] = frozenset()
    resolved: frozenset[str] = frozenset()
    worse: frozenset[str] = frozenset()

    @property
    def changed(self) -> bool:
        """Whether an incident began, ended, or became worse."""
        return bool(self.opened or self.resolved or self.worse)
