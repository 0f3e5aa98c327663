"""Names and columns inside a target: what belongs to one rollup, as identifiers."""

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg import sql

from perf_pipeline.views.incremental.shape import Measure
from perf_pipeline.views.model import Rollup

SCHEMA = "perf_pipeline_meta"
#: Statements that change rows; each has a trigger. TRUNCATE has one of its own.
EVENTS = ("insert", "update", "delete")


def declared(expression: str) -> sql.SQL:
    """Return an expression of the target's YAML, which is its owner's own SQL."""
    return sql.SQL(expression)


@dataclass(frozen=True)
class Names:
    """The objects of one rollup.

    Attributes
    ----------
    rollup_id : int
    view : str
        `schema.name` that people read.
    rollup : Rollup
    measures : tuple of Measure
    nullable : bool
        Whether a key may be NULL: then groups are compared as composite values, to which NULL
        equals NULL.

    """

    rollup_id: int
    view: str
    rollup: Rollup
    measures: tuple[Measure, ...]
    nullable: bool

    def _object(self, suffix: str) -> sql.Identifier:
        return sql.Identifier(SCHEMA, f"rollup_{self.rollup_id}_{suffix}")

    def data(self, generation: int) -> sql.Identifier:
        """Return the table of the groups; each full computation makes a new one."""
        return self._object(f"g{generation}")

    @property
    def changes(self) -> sql.Identifier:
        """The table of what was captured."""
        return self._object("changes")

    @property
    def query(self) -> sql.Identifier:
        """The plain view that says what the rollup must equal."""
        return self._object("query")

    @property
    def key_type(self) -> sql.Identifier:
        """The composite type of a key, where keys may be NULL."""
        return self._object("key")

    def function(self, event: str) -> sql.Identifier:
        """Return the trigger function of an event."""
        return self._object(event)

    def trigger(self, event: str) -> str:
        """Return the trigger's name of an event."""
        return f"perf_pipeline_rollup_{self.rollup_id}_{event}"

    @property
    def public(self) -> sql.Identifier:
        """The view that people read."""
        return qualified(self.view)

    @property
    def source(self) -> sql.Identifier:
        """The table whose rows are grouped."""
        return qualified(self.rollup.source)

    @property
    def alias(self) -> sql.Identifier:
        """What expressions may call a row of the source: its table's name."""
        return sql.Identifier(self.rollup.source.partition(".")[2])

    @property
    def where(self) -> sql.Composable:
        """The condition of rows that count."""
        if not self.rollup.where.strip():
            return sql.SQL("true")
        return sql.SQL("({})").format(declared(self.rollup.where))

    @property
    def keys(self) -> tuple[sql.Composable, ...]:
        """The expressions of the key."""
        return tuple(
            sql.SQL("({})").format(declared(expression)) for _, expression in self.rollup.group_by
        )

    @property
    def key_names(self) -> tuple[str, ...]:
        """Their columns in our tables, by name."""
        return tuple(f"pp_k{i}" for i in range(len(self.rollup.group_by)))

    @property
    def key_columns(self) -> tuple[sql.Identifier, ...]:
        """Their columns in our tables."""
        return tuple(sql.Identifier(name) for name in self.key_names)

    @property
    def sum_columns(self) -> tuple[sql.Identifier, ...]:
        """Columns that add up: rows, and for each measure values and their sum."""
        found = [sql.Identifier("pp_rows")]
        for i, measure in enumerate(self.measures):
            if measure.kind in {"count", "sum", "average"}:
                found.append(sql.Identifier(f"pp_n{i}"))
            if measure.sums:
                found.append(sql.Identifier(f"pp_s{i}"))
        return tuple(found)

    @property
    def other_columns(self) -> tuple[sql.Identifier, ...]:
        """Columns of what is computed again."""
        return tuple(
            sql.Identifier(f"pp_m{i}")
            for i, measure in enumerate(self.measures)
            if measure.kind == "other"
        )

    @property
    def data_columns(self) -> tuple[sql.Identifier, ...]:
        """All columns of the table of groups."""
        return (*self.key_columns, *self.sum_columns, *self.other_columns)

    def key_of(self, alias: str) -> sql.Composable:
        """Return the key of a row of ours, as it is unique: columns, or one composite value."""
        columns = comma([sql.Identifier(alias, name) for name in self.key_names])
        if not self.nullable:
            return columns
        return sql.SQL("(ROW({})::{})").format(columns, self.key_type)

    @property
    def conflict(self) -> sql.Composable:
        """What a row conflicts on; and what the unique index is of."""
        if not self.nullable:
            return comma(self.key_columns)
        return sql.SQL("(ROW({})::{})").format(comma(self.key_columns), self.key_type)

    def same(self, left: str, right: str) -> sql.Composable:
        """Return the condition that two rows of ours are of one group."""
        return sql.SQL("({}) = ({})").format(self.key_of(left), self.key_of(right))


def qualified(name: str) -> sql.Identifier:
    """Return `schema.name` as an identifier."""
    schema, _, relation = name.partition(".")
    return sql.Identifier(schema, relation)


def comma(parts: Sequence[sql.Composable]) -> sql.Composed:
    """Return parts with commas between them."""
    return sql.SQL(", ").join(parts)
