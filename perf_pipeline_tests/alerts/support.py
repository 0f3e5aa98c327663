"""Instants, policies and values for tests of alerts."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from perf_pipeline.alerts.evaluate import evaluate
from perf_pipeline.alerts.model import Policy
from perf_pipeline.alerts.state import Evaluation, Incident, Key, Measured, Message, State

START = datetime(2026, 3, 4, 12, tzinfo=UTC)
FIVE = timedelta(minutes=5)


def policy(name: str = "active_connections", **fields: Any) -> Policy:
    given = {"metric": name, "warning": 50.0, "critical": 80.0, "clear_minutes": 0.0, **fields}
    return Policy(name=given.pop("named", name), **given)


def value(
    number: float | None,
    at: datetime = START,
    name: str = "active_connections",
    subject: str = "",
    **more: Any,
) -> Measured:
    return Measured(name, subject, at, number, **more)


class Story:
    """Evaluations one after the other, as the store would keep them in between."""

    def __init__(self, policies: Sequence[Policy], most: int = 5, target: str = "shop") -> None:
        self.policies = policies
        self.most = most
        self.target = target
        self.states: dict[Key, State] = {}
        self.incidents: dict[str, Incident] = {}
        self.messages: list[Message] = []

    def at(self, now: datetime, measured: Iterable[Measured]) -> Evaluation:
        made = evaluate(
            self.target,
            self.policies,
            measured,
            self.states,
            list(self.incidents.values()),
            now,
            owner="team:data",
            most_messages=self.most,
        )
        self.states = dict(made.states)
        self.incidents |= {each.incident_id: each for each in made.incidents}
        self.messages += made.messages
        return made

    def series(self, numbers: Sequence[float | None], name: str = "active_connections") -> None:
        """One sweep after the other, five minutes apart, each looked at once."""
        for place, number in enumerate(numbers):
            at = START + place * FIVE
            self.at(at, [value(number, at, name)])

    @property
    def open(self) -> list[Incident]:
        return [each for each in self.incidents.values() if not each.over]

    @property
    def kinds(self) -> list[str]:
        return [message.kind for message in self.messages]
