"""What is exported: metrics, each with its points."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Kind = Literal["counter", "gauge"]
KINDS: tuple[Kind, ...] = ("counter", "gauge")


@dataclass(frozen=True)
class Point:
    """One value of a metric; `labels` tell of what."""

    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True)
class Metric:
    """One metric with its points.

    Attributes
    ----------
    name : str
        As Prometheus spells it, unit last, without `_total`.
    kind : {"counter", "gauge"}
        A counter only rises, and begins anew at 0 at midnight UTC.
    since : datetime or None
        Of a counter: where its values begin.

    """

    name: str
    kind: Kind
    help: str
    points: tuple[Point, ...]
    since: datetime | None = None
