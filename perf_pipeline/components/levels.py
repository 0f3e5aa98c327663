"""The service levels of a target as its YAML declares them."""

from collections.abc import Mapping, Sequence
from typing import Annotated

import dagster as dg
from pydantic import Field

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.postgres import sqlfiles
from perf_pipeline.postgres.promises import Promises, TimedQuery


class AnalyticsQuery(dg.Model, dg.Resolvable):
    """A query that is run read-only on the target, to see how long it takes."""

    name: Annotated[str, Field(description="What it is called in the check's table.")]
    sql: Annotated[
        str | None,
        Field(description="One SELECT, with `%(name)s` for parameters; or `file`."),
    ] = None
    file: Annotated[
        str | None,
        Field(
            description="A file below `sql/` of perf-pipeline, without its ending, in the place "
            "of `sql`."
        ),
    ] = None
    parameters: Annotated[
        Mapping[str, str | int | float], Field(description="Values of its parameters, by name.")
    ] = {}

    def declared(self) -> TimedQuery:
        """Return the query.

        Raises
        ------
        ConfigurationError
            Neither or both of `sql` and `file` are given, or there is no such file.

        """
        if (self.sql is None) == (self.file is None):
            raise ConfigurationError(
                f"service_levels.analytics {self.name!r} needs sql or file, one of the two",
                "give the statement, or the name of a file below sql/",
            )
        text = self.sql if self.sql is not None else sqlfiles.load(str(self.file)).text
        return TimedQuery(self.name, text, dict(self.parameters))


class ServiceLevels(dg.Model, dg.Resolvable):
    """What a database is to keep to; a miss is a warning, twice a miss an error."""

    query_p95_ms: Annotated[
        float, Field(description="95 % of statement executions are faster, in ms.")
    ] = Promises.query_p95_ms
    cache_hit_ratio: Annotated[
        float, Field(description="Share of block reads found in shared buffers, 0 to 1.")
    ] = Promises.cache_hit_ratio
    connection_ms: Annotated[
        float, Field(description="A new connection is ready sooner, in ms.")
    ] = Promises.connection_ms
    response_ms: Annotated[
        float | None,
        Field(description="95 % of the executions in each of `response_parts` are faster, in ms."),
    ] = None
    response_parts: Annotated[
        Mapping[str, list[str]],
        Field(
            description="Parts (industries, products) with the schemas of each: a statement "
            "belongs to the parts whose schemas it names."
        ),
    ] = {}
    bulk_ms: Annotated[
        float | None, Field(description="95 % of bulk writes are faster, in ms.")
    ] = None
    bulk_rows: Annotated[
        int, Field(description="A statement is a bulk write that writes so many rows a call.")
    ] = Promises.bulk_rows
    peak_p95_ms: Annotated[
        float | None,
        Field(description="95 % of executions are faster in the week's busiest hour, in ms."),
    ] = None
    analytics_ms: Annotated[
        float | None, Field(description="Each query of `analytics` is faster, in ms.")
    ] = None
    analytics: Annotated[
        Sequence[AnalyticsQuery],
        Field(description="Queries that the check runs on the target, read-only."),
    ] = ()
    throughput_tps: Annotated[
        float | None,
        Field(description="Transactions a second that it bears, as load tests or use show."),
    ] = None
    concurrent_users: Annotated[
        int | None, Field(description="Users at the same time that it bears, as load tests show.")
    ] = None
    tenants: Annotated[int | None, Field(description="Rows of `tenants_table`, at least.")] = None
    tenants_table: Annotated[
        str | None, Field(description="Table with a row per tenant, as `schema.table`.")
    ] = None
    availability_percent: Annotated[
        float | None,
        Field(
            description="Share of 30 days in which it can be reached, in percent; probed every "
            "half minute."
        ),
    ] = None
    probe_env: Annotated[
        str | None,
        Field(
            pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
            description="Name of the environment variable with the URL that probes take: that of "
            "the pool, as applications have it. While it is unset, and by default, probes take the "
            "target's own.",
        ),
    ] = None

    def declared(self) -> Promises:
        """Return what was declared.

        Raises
        ------
        ConfigurationError
            A number is out of range, or one half of a pair is missing.

        """
        given = {name: getattr(self, name) for name in type(self).model_fields}
        given["analytics"] = tuple(query.declared() for query in self.analytics)
        given["response_parts"] = {
            part: tuple(schemas) for part, schemas in self.response_parts.items()
        }
        return Promises(**given)
