"""What has to be done so that a target captures what is declared; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.invalidation.catalog import Member, Seen, Stray
from perf_pipeline.invalidation.ddl import Trigger, triggers
from perf_pipeline.invalidation.model import CacheType
from perf_pipeline.invalidation.rules import Rule, Table, rules

Action = Literal[
    "records", "rule", "function", "trigger", "retire", "drop trigger", "drop function"
]


@dataclass(frozen=True)
class Step:
    """One thing that is not as declared: what is done about it, to what, and why."""

    action: Action
    name: str
    why: str


@dataclass(frozen=True)
class Work:
    """What one table needs.

    Attributes
    ----------
    rules : tuple of Rule
        All of the table.
    save : tuple of Rule
        Those that are missing or changed; all, if a function is not as it should be.
    arm : tuple of Member
        The table and those that inherit from it, where a trigger is missing, disabled or not ours;
        all of them, if there is a rule to save.
    functions : bool
        Whether functions have to be made.

    """

    table: Table
    rules: tuple[Rule, ...]
    save: tuple[Rule, ...]
    arm: tuple[Member, ...]
    functions: bool


@dataclass(frozen=True)
class Plan:
    """What `install` would do.

    Attributes
    ----------
    steps : tuple of Step
        For a reader; empty: all is as declared.
    work : tuple of Work
        By table; only tables that need something.
    retire : tuple of int
        Rules that are no longer declared.
    strays : tuple of Stray
        Triggers that nothing declares any more.
    stale : tuple of str
        Functions that nothing uses any more.
    notes : tuple of str
        What a reader should know.

    """

    steps: tuple[Step, ...]
    work: tuple[Work, ...]
    retire: tuple[int, ...]
    strays: tuple[Stray, ...]
    stale: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def is_armed(self) -> bool:
        """Whether nothing has to be done."""
        return not self.steps

    def as_json(self) -> dict[str, Any]:
        """Return it for a program."""
        return {
            "armed": self.is_armed,
            "steps": [vars(step) for step in self.steps],
            "notes": list(self.notes),
        }


def make(caches: Sequence[CacheType], seen: Seen) -> Plan:
    """Compare what is declared with what a target has.

    Raises
    ------
    ConfigurationError
        What is declared cannot be captured: names the cache type, the thing and the remedy.

    """
    _require_processes(caches, seen)
    wanted = rules(caches, seen.tables)
    steps = [] if seen.installed else [Step("records", "perf_pipeline_meta", "they are missing")]
    work = []
    named: set[str] = set()
    functions: set[str] = set()
    for name in sorted({rule.table for rule in wanted}):
        table = seen.tables[name]
        here = tuple(rule for rule in wanted if rule.table == name)
        found, told = _table_work(table, here, seen)
        steps += told
        expected = expected_triggers(table, here, numbers(seen))
        functions.update(trigger.function for trigger in expected)
        for member in (each for each in seen.members if each.root == name):
            named.update(f"{member.oid} {t.name}" for t in _of(member, table, expected))
        if told:
            work.append(found)
    identities = {rule.identity for rule in wanted}
    retired = [k for k in seen.rules if k.active and k.rule.identity not in identities]
    steps += [
        Step("retire", f"{k.rule.cache_type}: {k.rule.table} ({k.rule.entity})", "not declared")
        for k in retired
    ]
    strays = tuple(s for s in seen.strays if f"{s.oid} {s.trigger}" not in named)
    for stray in strays:
        if not stray.owned:
            raise ConfigurationError(
                f"trigger {stray.trigger} on {stray.schema}.{stray.name} is no longer declared, "
                "and this role does not own the table",
                "install as the owner of that table, or as a member of its owner",
            )
    steps += [
        Step("drop trigger", f"{s.schema}.{s.name}: {s.trigger}", "not declared") for s in strays
    ]
    stale = tuple(sorted(set(seen.functions) - functions))
    steps += [Step("drop function", name, "nothing uses it") for name in stale]
    return Plan(
        tuple(steps),
        tuple(work),
        tuple(k.rule_id for k in retired),
        strays,
        stale,
        _notes(wanted, seen.tables),
    )


def numbers(seen: Seen) -> dict[tuple[str, str, str], int]:
    """Return the numbers of the rules that the target has."""
    return {k.rule.identity: k.rule_id for k in seen.rules}


def expected_triggers(
    table: Table, here: Sequence[Rule], known: Mapping[tuple[str, str, str], int]
) -> list[Trigger]:
    """Return the triggers of a table's rules; a rule without a number counts as number 0."""
    return triggers(table, [(known.get(rule.identity, 0), rule) for rule in here])


def placed(member: Member, table: Table, trigger: Trigger) -> bool:
    """Whether a table must have a trigger itself.

    A row trigger of a partitioned table is copied to its partitions by PostgreSQL, new ones too.
    """
    return not (trigger.per_row and table.kind == "p" and member.oid != table.oid)


def _of(member: Member, table: Table, expected: Sequence[Trigger]) -> list[Trigger]:
    return [trigger for trigger in expected if placed(member, table, trigger)]


def _table_work(table: Table, here: tuple[Rule, ...], seen: Seen) -> tuple[Work, list[Step]]:
    save, steps = _wrong_rules(table, here, seen)
    expected = expected_triggers(table, here, numbers(seen))
    wrong = _wrong_functions(expected, seen)
    if wrong:
        steps += [] if save else wrong
        # functions of rules that stood so far have missed nothing
        save = save if _is_consistent(table, seen) else here
    arm = []
    for member in (each for each in seen.members if each.root == table.name):
        told = [
            Step("trigger", f"{member.full}: {trigger.name}", why)
            for trigger in _of(member, table, expected)
            if (why := _wrong(member, trigger))
        ]
        if told and not member.owned:
            raise ConfigurationError(
                f"{member.full}, a part of {table.name}, belongs to {member.owner}, "
                "and this role is no member of it",
                f"GRANT {member.owner} TO the role of the maintenance URL",
            )
        steps += told
        if told or save:
            arm.append(member)
    return Work(table, here, save, tuple(arm), bool(wrong)), steps


def _wrong_rules(
    table: Table, here: Sequence[Rule], seen: Seen
) -> tuple[tuple[Rule, ...], list[Step]]:
    by_identity = {k.rule.identity: k for k in seen.rules}
    save, steps = [], []
    for rule in here:
        known = by_identity.get(rule.identity)
        why = ""
        if known is None:
            why = "implied by a path" if rule.implied else "new"
        elif not known.active:
            why = "not captured everywhere"
        elif known.rule != rule:
            why = "declared otherwise"
        elif known.source != table.oid:
            why = "the table was made anew"
        if why:
            save.append(rule)
            steps.append(Step("rule", f"{rule.cache_type}: {table.name} ({rule.entity})", why))
    return tuple(save), steps


def _is_consistent(table: Table, seen: Seen) -> bool:
    """Whether the functions of a table are those of the rules that the target has.

    With rules that are not captured everywhere or without: a killed installation leaves either.
    """
    of_table = [k for k in seen.rules if k.rule.table == table.name]
    return any(
        not _wrong_functions(triggers(table, [(k.rule_id, k.rule) for k in rules]), seen)
        for rules in (of_table, [k for k in of_table if k.active])
    )


def _wrong_functions(expected: Sequence[Trigger], seen: Seen) -> list[Step]:
    steps = []
    for trigger in expected:
        body, sound = seen.functions.get(trigger.function, (None, True))
        if body != trigger.body or not sound:
            why = "changed" if body else "missing"
            steps.append(Step("function", trigger.function, why))
    return steps


def _wrong(member: Member, trigger: Trigger) -> str:
    there = member.triggers.get(trigger.name)
    if there is None:
        return "missing"
    if there.function != trigger.function:
        return "calls another function"
    if there.shape != trigger.shape:
        return "looks at other rows"
    return {"A": "", "O": "does not fire in replication roles"}.get(there.enabled, "is disabled")


def has_missed(member: Member, table: Table, expected: Sequence[Trigger]) -> bool:
    """Whether changes of a table may not have been captured.

    Another shape alone tells nothing: rows that were not looked at are those of a new rule.
    """
    return any(
        there is None or there.function != trigger.function or there.enabled not in ("A", "O")
        for trigger in _of(member, table, expected)
        for there in [member.triggers.get(trigger.name)]
    )


def _require_processes(caches: Sequence[CacheType], seen: Seen) -> None:
    for cache in caches:
        if cache.process and cache.process not in seen.callable:
            raise ConfigurationError(
                f"cache type {cache.name!r}: process names {cache.process}, "
                "and no such function takes text[]",
                f"create {cache.process}(text[]) RETURNS TABLE (entity text, error text)",
            )


def _notes(wanted: Sequence[Rule], tables: Mapping[str, Table]) -> tuple[str, ...]:
    found = [
        f"{rule.table} is captured, too: {rule.cache_type} reaches its entities through it"
        for rule in wanted
        if rule.implied
    ]
    slow = {
        f"no index of {hop.table} begins with {hop.key}: to follow a path reads all of the table"
        for rule in wanted
        for hop in rule.path.hops
        if hop.key not in tables[hop.table].indexed
    }
    return (*found, *sorted(slow))
