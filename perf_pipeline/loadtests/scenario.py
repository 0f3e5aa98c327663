"""Load scenarios: who does what, how often, how many at a time, and what must hold."""

from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.loadtests import generators, uses
from perf_pipeline.loadtests.draws import Draw
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.postgres.sqlfiles import SqlFile
from perf_pipeline.terms import INDUSTRIES, TEST_TYPES

KINDS: Final = ("read", "write", "mixed")

_Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
_Share = Annotated[float, Field(gt=0, le=100)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Limits(_Strict):
    """What a run must keep to, whatever earlier runs did (ms, transactions a second, per cent)."""

    average_ms: _Positive
    p95_ms: _Positive
    throughput_tps: _Positive
    error_percent: _Share
    cpu_percent: _Share = 80.0
    memory_percent: _Share = 90.0
    #: Of those that name one.
    p99_ms: _Positive | None = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.p95_ms < self.average_ms:
            raise ValueError(f"p95_ms {self.p95_ms:g} lies below average_ms {self.average_ms:g}")
        if self.p99_ms is not None and self.p99_ms < self.p95_ms:
            raise ValueError(f"p99_ms {self.p99_ms:g} lies below p95_ms {self.p95_ms:g}")
        return self


class Operation(_Strict):
    """One kind of transaction.

    Its SQL is `sql/<system>/loadtests/<name>.sql`; the file's header names its `kind` (read, write,
    mixed) and its `parameters` (generators, separated by commas).
    """

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    #: Share of all transactions, in per cent.
    weight: Annotated[int, Field(gt=0, le=100)]
    #: What a user waits before the next one.
    think_time_ms: Annotated[float, Field(ge=0)] = 0.0
    #: Its weight times this at the peak.
    peak_multiplier: Annotated[float, Field(ge=1)] = 1.0
    #: Part of the described mix, or a completion of ours where that leaves a gap.
    origin: Literal["described", "ours", "captured"] = "described"
    context: str = ""
    #: Of a captured one: its SQL itself with `$1` and so on, what it does, and where values come
    #: from. There is no file then.
    statement: str = ""
    kind: Literal["read", "write", "mixed"] | None = None
    parameters: dict[Annotated[str, Field(pattern=r"^[1-9][0-9]*$")], Draw] = Field(
        default_factory=dict
    )
    #: As a script, once values were drawn for a run.
    drawn: Annotated[str, Field(exclude=True)] = ""

    @model_validator(mode="after")
    def _captured(self) -> Self:
        asked = {str(number) for number in uses.numbers(self.statement)}
        if asked != set(self.parameters):
            wrong = ", ".join(f"${name}" for name in sorted(asked ^ set(self.parameters)))
            raise ValueError(f"{self.name}: {wrong}: each parameter needs its draw, and none more")
        if bool(self.statement) != (self.kind is not None):
            raise ValueError(f"{self.name}: a statement needs its kind, a file names its own")
        return self


class Ci(_Strict):
    """A run short enough for every commit."""

    seconds: Annotated[int, Field(gt=0)]
    users: Annotated[int, Field(gt=0)]
    #: Sessions at most. Few: what a new session does first would be much of so short a run.
    connections: Annotated[int, Field(gt=0)] = 8
    #: Each run on a fresh copy of the target's database, dropped afterwards: a test that writes
    #: else finds more data each time. Its role needs CREATEDB and must own the database; where it
    #: may not, the run says so, and what the data grew by is allowed for.
    restore: bool = False


class Scenario(_Strict):
    """A mix of operations, and how it is applied."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    #: A new one whenever what the scenario does changes: baselines hold for one version.
    version: str
    title: str
    description: str = ""
    #: None where the system is of no industry that is described.
    industry: Literal[INDUSTRIES] | None = None  # type: ignore[valid-type]
    system: str
    test_type: Literal[TEST_TYPES] = "LOAD"  # type: ignore[valid-type]
    users: Annotated[int, Field(gt=0)]
    ramp_up_s: Annotated[int, Field(ge=0)]
    duration_s: Annotated[int, Field(gt=0)]
    ramp_down_s: Annotated[int, Field(ge=0)] = 60
    limits: Limits
    operations: tuple[Operation, ...]
    #: Where it may run; production never is implied.
    environments: tuple[Literal["development", "staging", "production"], ...] = (
        "development",
        "staging",
    )
    #: What a VOLUME test is about: the least that the data must have of what is known of them
    #: (`facts.sql` of the system, and `data_bytes`, the size of the database).
    volume: dict[str, Annotated[int, Field(gt=0)]] = Field(default_factory=dict)
    #: How `perf-pipeline ci` runs it; without, it does not.
    ci: Ci | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        names = [each.name for each in self.operations]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"operation {twice[0]!r} occurs twice")
        total = sum(each.weight for each in self.operations)
        if total != 100:
            raise ValueError(f"the weights of the operations add up to {total}, not to 100")
        return self

    @property
    def definition(self) -> dict[str, Any]:
        """What the test does, as recorded: of a field that came later, only what was asked for."""
        raw = self.model_dump(mode="json")
        if not raw["volume"]:
            del raw["volume"]
        later = {"restore": False, "connections": 8}
        if raw["ci"] is not None:
            raw["ci"] = {n: v for n, v in raw["ci"].items() if later.get(n, ...) != v}
        for operation in raw["operations"]:
            if not operation["statement"]:
                for name in ("statement", "kind", "parameters"):
                    del operation[name]
        if raw["limits"]["p99_ms"] is None:
            del raw["limits"]["p99_ms"]
        return raw

    @property
    def think_time_ms(self) -> float:
        """Mean pause of a user after a transaction."""
        return sum(each.weight * each.think_time_ms for each in self.operations) / 100.0

    @cached_property
    def files(self) -> dict[str, SqlFile]:
        """The SQL of operations that have a file, by name.

        Raises
        ------
        ConfigurationError
            A file is missing, or its header lacks `kind` or names an unknown generator.

        """
        return {
            each.name: _file(self.system, each.name)
            for each in self.operations
            if not each.statement
        }

    @property
    def facts(self) -> set[str]:
        """What must be known of the data."""
        return {
            fact
            for name, file in self.files.items()
            for fact in generators.facts(parameters(file), name)
        }


def parameters(file: SqlFile) -> list[str]:
    """Return the generators that an operation's header names."""
    return [name for part in file.header.get("parameters", "").split(",") if (name := part.strip())]


def _file(system: str, name: str) -> SqlFile:
    file = sqlfiles.load(f"{system}/loadtests/{name}")
    if file.header.get("kind") not in KINDS:
        raise ConfigurationError(
            f"{file.path.name}: header line '-- kind: {file.header.get('kind', '')}'",
            f"say one of {', '.join(KINDS)}",
        )
    for parameter in parameters(file):
        generators.of(parameter, file.path.name)
    return file


def parse(raw: object, where: str) -> Scenario:
    """Return a scenario from what its YAML holds, its SQL checked too.

    Raises
    ------
    ConfigurationError
        Names the file, the field, the value and what is wrong.

    """
    try:
        scenario = Scenario.model_validate(raw)
    except ValidationError as error:
        first: Any = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "scenario"
        reason = str(first["msg"]).removeprefix("Value error, ")
        given = "" if isinstance(first["input"], dict | list | tuple) else f" {first['input']!r}"
        raise ConfigurationError(
            f"{where}: {field}{given}: {reason}", "correct it; docs/load-tests.md names each field"
        ) from error
    if scenario.files or scenario.operations:
        return scenario
    raise ConfigurationError(f"{where}: operations: there is none", "name at least one operation")


def names() -> list[str]:
    """Return the scenarios that come with the package."""
    return sorted(path.stem for path in _folder().glob("*.yaml"))


def load(name: str) -> Scenario:
    """Return a scenario of the package, or of a YAML file.

    Parameters
    ----------
    name : str
        One of `names`, or the path of a file.

    Raises
    ------
    ConfigurationError
        There is none, or it is not a valid one.

    """
    packaged = _folder() / f"{name}.yaml"
    path = packaged if packaged.is_file() else Path(name)
    if path.suffix not in {".yaml", ".yml"} or not path.is_file():
        raise ConfigurationError(
            f"load scenario {name!r} is unknown",
            f"one of {', '.join(names())}, or the path of a YAML file",
        )
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ConfigurationError(
            f"{path}: not readable as YAML: {error}", "correct the file"
        ) from error
    return parse(raw, path.name)


def _folder() -> Path:
    return Path(str(resources.files("perf_pipeline.loadtests"))) / "scenarios"
