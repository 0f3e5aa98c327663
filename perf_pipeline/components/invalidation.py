"""Cache types and what makes them out of date, as a target's YAML declares them."""

from collections.abc import Sequence
from typing import Annotated, Literal

import dagster as dg
from pydantic import Field

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.invalidation.model import CacheType, Captured, require_distinct
from perf_pipeline.invalidation.sinks.policy import SinkPolicy

_QUALIFIED = r"^[^.\s]+\.[^.\s]+$"


class CapturedTable(dg.Model, dg.Resolvable):
    """One table whose changes make cached values out of date."""

    table: Annotated[
        str, Field(pattern=_QUALIFIED, description="The table, `schema.name`; may be partitioned.")
    ]
    entity: Annotated[
        str,
        Field(
            description="Whose cached values change: a column of the table, a path over one or two "
            "other tables, or `*` for every one.",
            examples=["patient_id", "order_id -> shop.orders.id : tenant_id", "*"],
        ),
    ]
    per: Annotated[
        Literal["statement", "row", "logical"],
        Field(
            description="`statement`: one entry per entity and statement. `row`: one per row, "
            "cheaper where nearly every statement changes a single row. `logical`: read from the "
            "write-ahead log, without a trigger; needs wal_level = logical."
        ),
    ] = "statement"
    columns: Annotated[
        Sequence[str],
        Field(
            description="An UPDATE counts only if one of these columns, or the entity, changed; "
            "default: every UPDATE counts."
        ),
    ] = ()

    def declared(self) -> Captured:
        """Return the declaration as the domain knows it."""
        return Captured(self.table, self.entity, self.per, tuple(self.columns))


class Sink(dg.Model, dg.Resolvable):
    """A place outside the database that is told of invalidated entities."""

    kind: Annotated[
        Literal["redis", "webhook", "notify"], Field(description="What kind of place it is.")
    ]
    url_env: Annotated[
        str,
        Field(
            description="Name of the environment variable with its URL; redis: PERF_REDIS_URL "
            "unless named, notify: none."
        ),
    ] = ""
    secret_env: Annotated[
        str,
        Field(description="webhook: name of the variable with the key that signs requests."),
    ] = ""
    key: Annotated[
        str,
        Field(
            description="redis: pattern of the keys.",
            examples=["user:session:{session_id}"],
        ),
    ] = ""
    entity: Annotated[
        str, Field(description="redis: the placeholder of `key` that is the entity.")
    ] = ""
    ttl_s: Annotated[
        float, Field(gt=0.0, description="redis: seconds that a value lives at most; 3600.")
    ] = 3600.0
    prefix: Annotated[str, Field(description="redis: begins every name.")] = ""
    hash_tags: Annotated[
        bool, Field(description="redis: braces around the entity, for a cluster; true.")
    ] = True
    cluster: Annotated[bool, Field(description="redis: the URL is a node of a cluster; false.")] = (
        False
    )
    channel: Annotated[
        str, Field(description="redis, notify: channel that listeners subscribe to.")
    ] = ""
    timeout_s: Annotated[float, Field(gt=0.0, description="Limit of one answer in seconds; 2.")] = (
        2.0
    )
    attempts: Annotated[
        int, Field(ge=1, description="Tries of a call before the sink counts as down; 3.")
    ] = 3
    batch: Annotated[int, Field(ge=1, description="Entities sent at a time; 500.")] = 500
    optional: Annotated[
        bool,
        Field(
            description="The place exists only where its variable is set: without it nobody is "
            "told, and `invalidation status` says so. Default: a variable not set is an error."
        ),
    ] = False

    def declared(self) -> SinkPolicy:
        """Return the declaration as the domain knows it."""
        return SinkPolicy(**self.model_dump())


class Cache(dg.Model, dg.Resolvable):
    """A kind of cached value: what makes it out of date, and how it is made anew."""

    name: Annotated[str, Field(min_length=1, description="Name of the cache type.")]
    captured: Annotated[
        Sequence[CapturedTable],
        Field(description="Tables whose changes make it out of date; docs/invalidation.md."),
    ] = ()
    debounce_seconds: Annotated[
        float,
        Field(ge=0.0, description="An entity is due when nothing changed it for so long; 2."),
    ] = 2.0
    max_wait_seconds: Annotated[
        float,
        Field(ge=0.0, description="And at the latest so long after its first change; 30."),
    ] = 30.0
    batch: Annotated[
        int, Field(ge=1, le=100_000, description="Entities processed together; 1000.")
    ] = 1000
    max_attempts: Annotated[
        int, Field(ge=1, description="Failures after which an entity is set aside; 5.")
    ] = 5
    process: Annotated[
        str,
        Field(
            description="Function of the target that makes the values anew: "
            "`schema.function(text[]) RETURNS TABLE (entity text, error text)`; default: only "
            "the sinks are told."
        ),
    ] = ""
    keeps: Annotated[
        str,
        Field(
            description="Table that `process` writes, `schema.name`: what reads it follows in the "
            "graph of assets. Default: none."
        ),
    ] = ""
    sinks: Annotated[Sequence[Sink], Field(description="Who else is told, besides `process`.")] = ()
    fresh_seconds: Annotated[
        float, Field(gt=0.0, description="The goal: no cached value is older than this; 60.")
    ] = 60.0

    def declared(self) -> CacheType:
        """Return the declaration as the domain knows it.

        Raises
        ------
        ConfigurationError
            It contradicts itself.

        """
        return CacheType(
            self.name,
            tuple(each.declared() for each in self.captured),
            debounce_s=self.debounce_seconds,
            max_wait_s=self.max_wait_seconds,
            batch=self.batch,
            max_attempts=self.max_attempts,
            process=self.process,
            sinks=tuple(each.declared() for each in self.sinks),
            fresh_s=self.fresh_seconds,
            keeps=self.keeps,
        )


def cache_types(target: str, declared: Sequence[Cache]) -> tuple[CacheType, ...]:
    """Return a target's cache types.

    Raises
    ------
    ConfigurationError
        One contradicts itself, or two share a name; names the target.

    """
    try:
        return require_distinct(tuple(each.declared() for each in declared))
    except ConfigurationError as error:
        raise ConfigurationError(f"target {target!r}: {error.message}", error.remedy) from error
