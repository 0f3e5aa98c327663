"""What a target's YAML declares of alerts: policies, channels, quiet hours, answers."""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal, Self, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from perf_pipeline.alerts.metrics import Direction, metric_of
from perf_pipeline.errors import ConfigurationError
from perf_pipeline.postgres.target import Target

Level = Literal["no_data", "ok", "warning", "critical"]
Alarm = Literal["warning", "critical"]
Frequency = Literal["immediate", "daily", "weekly"]
Kind = Literal["REGRESSION", "THRESHOLD", "ERROR_RATE"]
#: What an answer may be: names of things we know how to do, never statements.
Action = Literal[
    "drain_queue",
    "pool_health",
    "clean_orphans",
    "create_partitions",
    "analyze",
    "cancel_backend",
]

#: How bad each level is; no data is neither well nor a breach.
RANK: Final[Mapping[str, int]] = {"no_data": 0, "ok": 0, "warning": 1, "critical": 2}

_NAME = r"^[a-z][a-z0-9_]{0,62}$"
_VARIABLE = r"^[A-Za-z_][A-Za-z0-9_]*$"
_HOURS = re.compile(r"^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)$")

Minutes = Annotated[float, Field(ge=0.0, le=60.0 * 24 * 400)]


class _Part(BaseModel):
    """A part of the block: unknown keys are refused, nothing changes afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Policy(_Part):
    """When one metric is a warning, when critical, and what is done about it."""

    name: Annotated[str, Field(pattern=_NAME, description="Its name; default: the metric's.")]
    metric: Annotated[str, Field(description="What is measured; docs/alerts.md lists them.")]
    kind: Annotated[
        Kind, Field(description="What it is called in perf_mgmt.alert_configurations.")
    ] = "THRESHOLD"
    warning: Annotated[
        float | None, Field(description="Beyond it is a warning, in the metric's unit.")
    ] = None
    critical: Annotated[
        float | None, Field(description="Beyond it is critical, in the metric's unit.")
    ] = None
    window_minutes: Annotated[
        float,
        Field(gt=0.0, le=60.0 * 24 * 60, description="The metric is measured over so long."),
    ] = 5.0
    stale_minutes: Annotated[
        float | None,
        Field(gt=0.0, description="Older evidence is no data; default: 16, or the window."),
    ] = None
    frequency_minutes: Annotated[
        Minutes, Field(description="At most one message about an incident in so long.")
    ] = 15.0
    for_minutes: Annotated[
        Minutes, Field(description="It has to last so long before it is worse.")
    ] = 0.0
    clear_minutes: Annotated[
        Minutes, Field(description="It has to last so long before it is better.")
    ] = 5.0  # two sweeps: one alone is no recovery
    hysteresis_percent: Annotated[
        float,
        Field(
            ge=0.0,
            le=100.0,
            description="A level ends only when the value is on the good side of its threshold by "
            "so many percent of the threshold.",
        ),
    ] = 5.0
    clear: Annotated[
        float | None,
        Field(description="Where a warning ends, instead of `hysteresis_percent`."),
    ] = None
    minimum_samples: Annotated[
        float, Field(ge=0.0, description="Fewer samples in the window are no data.")
    ] = 1.0
    flap_changes: Annotated[
        int, Field(ge=2, description="So many changes to and fro in `flap_minutes` are flapping.")
    ] = 6
    flap_minutes: Annotated[Minutes, Field(description="See `flap_changes`.")] = 60.0
    remind_minutes: Annotated[
        Minutes,
        Field(description="Told again after so long while nobody acknowledges it; 0: never."),
    ] = 240.0
    unmeasured_minutes: Annotated[
        Minutes,
        Field(
            description="Without data for so long what it raised is over, and told as no longer "
            "measured; 0: it stays until somebody resolves it."
        ),
    ] = 1440.0  # what is measured once a day has data again by then
    cause: Annotated[
        str | None,
        Field(
            pattern=_NAME,
            description="Policies with the same cause share an incident; default: the name.",
        ),
    ] = None
    owner: Annotated[str, Field(description="Whose it is; default: the target's first owner.")] = ""
    delivery: Annotated[
        Frequency | None,
        Field(description="At once, or in a digest; default: as the channel has it."),
    ] = None
    response: Annotated[
        Action | None, Field(description="What is done about it; see docs/alerts.md.")
    ] = None
    response_at: Annotated[Alarm, Field(description="From which level on.")] = "critical"
    response_mode: Annotated[
        Literal["shadow", "live"],
        Field(description="`shadow`: only told what would have been done."),
    ] = "shadow"
    enabled: bool = True
    parameters: Annotated[
        Mapping[str, str | float], Field(description="Of the metric, where it has some.")
    ] = {}

    @model_validator(mode="after")
    def _sound(self) -> Self:
        metric = metric_of(self.metric)
        where = f"alerts: policy {self.name!r}"
        unknown = set(self.parameters) - metric.settable
        if unknown:
            raise ConfigurationError(
                f"{where}: metric {self.metric!r} has no parameter {sorted(unknown)[0]!r}",
                f"it has: {', '.join(sorted(metric.settable)) or 'none'}",
            )
        if self.enabled and self.warning is None and self.critical is None:
            raise ConfigurationError(
                f"{where} has no threshold", "give it warning, critical, or enabled: false"
            )
        low, high = (self.warning, self.critical)
        if metric.direction == "below" and low is not None and high is not None:
            low, high = high, low
        if low is not None and high is not None and low > high:
            raise ConfigurationError(
                f"{where}: warning {self.warning:g} is beyond critical {self.critical:g}",
                f"of {self.metric} it is bad to be {metric.direction} a threshold",
            )
        return self

    @property
    def direction(self) -> Direction:
        """On which side of a threshold it is bad."""
        return metric_of(self.metric).direction

    @property
    def unit(self) -> str:
        """The unit of values and thresholds."""
        return metric_of(self.metric).unit

    @property
    def group(self) -> str:
        """The cause its incidents are of, where the metric names none."""
        return self.cause or self.name

    @property
    def stale_s(self) -> float:
        """Seconds after which evidence is too old: three sweeps of five minutes, or the window."""
        minutes = self.stale_minutes
        return 60.0 * (max(16.0, self.window_minutes) if minutes is None else minutes)


class Channel(_Part):
    """Where messages go."""

    name: Annotated[str, Field(pattern=_NAME, description="Its name.")]
    url_env: Annotated[
        str | None,
        Field(
            pattern=_VARIABLE,
            description="Name of the environment variable with an Apprise URL: Slack, e-mail, "
            "webhook and many more. Read where messages are sent, never while definitions load.",
        ),
    ] = None
    notify: Annotated[
        Literal["target", "store"] | None,
        Field(description="Instead of a URL: NOTIFY performance_alert in this database."),
    ] = None
    frequency: Annotated[
        Frequency, Field(description="At once, or all of a day or week in one message.")
    ] = "immediate"
    minimum: Annotated[Alarm, Field(description="Less is not told here.")] = "warning"
    owners: Annotated[
        tuple[str, ...], Field(description="Only what is theirs; none named: everything.")
    ] = ()
    quiet_hours: Annotated[
        str | None,
        Field(
            pattern=_HOURS.pattern,
            description="What is not critical waits for their end.",
            examples=["22:00-07:00"],
        ),
    ] = None
    timezone: Annotated[
        str, Field(description="Of the quiet hours and of `digest_at`, an IANA name.")
    ] = "UTC"
    digest_at: Annotated[
        str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$", description="When digests go out.")
    ] = "08:00"

    @field_validator("timezone")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ConfigurationError(
                f"alerts: there is no time zone {value!r}", "use an IANA name: Europe/Berlin"
            ) from error
        return value

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.url_env is None) == (self.notify is None):
            raise ConfigurationError(
                f"alerts: channel {self.name!r} needs one of url_env and notify",
                "url_env names the variable with an Apprise URL; notify: target or store",
            )
        if self.quiet_hours is not None and len(set(self.quiet_hours.split("-"))) == 1:
            raise ConfigurationError(
                f"alerts: channel {self.name!r}: quiet_hours {self.quiet_hours!r} are none",
                "leave them out; to be told of what is critical only, say minimum: critical",
            )
        if self.notify is not None and self.frequency != "immediate":
            raise ConfigurationError(
                f"alerts: channel {self.name!r}: NOTIFY has no digests", "leave frequency out"
            )
        return self


class Alerts(_Part):
    """The `alerts:` block of a target; left out, the default policies are evaluated."""

    enabled: Annotated[bool, Field(description="false: nothing is evaluated.")] = True
    policies: Annotated[
        Mapping[str, Mapping[str, Any]],
        Field(
            description="By name what differs from the default policy of that name, or a policy "
            "of your own with its `metric`. `enabled: false` leaves one out."
        ),
    ] = {}
    channels: Annotated[
        Mapping[str, Mapping[str, Any]], Field(description="By name, where messages go.")
    ] = {}
    most_messages: Annotated[
        int,
        Field(
            ge=1,
            le=100,
            description="Incidents told one by one in 15 minutes; more share one message.",
        ),
    ] = 5

    @model_validator(mode="after")
    def _resolved(self) -> Self:
        self.resolved()
        self.routes()
        return self

    def resolved(self) -> tuple[Policy, ...]:
        """Return every policy, defaults included, by name.

        Raises
        ------
        ConfigurationError
            One has no metric or a wrong field: names the policy.

        """
        from perf_pipeline.alerts.defaults import DEFAULTS

        made = {}
        for name in {*DEFAULTS, *self.policies}:
            fields = {**DEFAULTS.get(name, {}), **dict(self.policies.get(name, {}))}
            given = {**fields, "name": name, "metric": fields.get("metric", name)}
            made[name] = _made(Policy, f"policy {name!r}", given)
        return tuple(made[name] for name in sorted(made))

    def active(self) -> tuple[Policy, ...]:
        """Return the policies that are evaluated."""
        return tuple(each for each in self.resolved() if each.enabled) if self.enabled else ()

    def routes(self) -> tuple[Channel, ...]:
        """Return the channels, by name."""
        return tuple(
            _made(Channel, f"channel {name!r}", {**dict(fields), "name": name})
            for name, fields in sorted(self.channels.items())
        )


P = TypeVar("P", bound=_Part)


def _made(kind: type[P], what: str, given: Mapping[str, Any]) -> P:
    """Return a part of the block.

    Raises
    ------
    ConfigurationError
        Names the policy or channel, the field, its value, and what it may be.

    """
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            raise ConfigurationError(
                f"alerts: {what} has no field {field!r}",
                f"its fields: {', '.join(sorted(set(kind.model_fields) - {'name'}))}",
            ) from error
        raise ConfigurationError(
            f"alerts: {what}: {field} is {first['input']!r}", f"{first['msg']} (docs/alerts.md)"
        ) from error


def alerts_of(declared: object) -> Alerts:
    """Return what a target declares of alerts (`Target.alerts`), the defaults where nothing."""
    return declared if isinstance(declared, Alerts) else Alerts()


def with_alerts(targets: Sequence[Target]) -> list[Target]:
    """Return the targets whose alerts are on."""
    return [target for target in targets if alerts_of(target.alerts).enabled]
