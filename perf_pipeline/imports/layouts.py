"""Which repository of another program a database holds, and in which of its layouts. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from perf_pipeline.errors import ConfigurationError

Program = Literal["powa", "pg_profile"]

SUPPORTED: Final = "PoWA 4.1 to 5.2 and pg_profile 4.0 to 4.11"
_NAMES: Mapping[Program, str] = {"powa": "PoWA", "pg_profile": "pg_profile"}

#: Tables a repository must have, and columns of them that every supported layout has.
_TABLES: Mapping[Program, Mapping[str, frozenset[str]]] = {
    "powa": {
        "powa_servers": frozenset({"id", "alias", "hostname", "port", "version"}),
        "powa_databases": frozenset({"srvid", "oid", "datname"}),
        "powa_statements": frozenset({"srvid", "queryid", "dbid", "userid", "query"}),
        "powa_statements_history": frozenset(
            {"srvid", "queryid", "dbid", "userid", "coalesce_range", "records"}
        ),
        "powa_statements_history_current": frozenset(
            {"srvid", "queryid", "dbid", "userid", "record"}
        ),
        "powa_statements_history_db": frozenset({"srvid", "dbid", "records"}),
        "powa_statements_history_current_db": frozenset({"srvid", "dbid", "record"}),
        "powa_statements_history_record": frozenset({"ts", "calls", "total_exec_time", "plans"}),
    },
    "pg_profile": {
        "servers": frozenset({"server_id", "server_name"}),
        "samples": frozenset({"server_id", "sample_id", "sample_time"}),
        "sample_statements": frozenset(
            {"server_id", "sample_id", "datid", "userid", "queryid", "toplevel", "total_exec_time"}
        ),
        "sample_statements_total": frozenset(
            {"server_id", "sample_id", "datid", "statements", "calls", "total_exec_time"}
        ),
        "stmt_list": frozenset({"server_id", "queryid_md5", "query"}),
        "sample_stat_database": frozenset({"server_id", "sample_id", "datid", "stats_reset"}),
        "sample_settings": frozenset({"server_id", "first_seen", "name", "reset_val"}),
    },
}
#: The table without which nobody would speak of a repository.
_CORE: Mapping[Program, str] = {
    "powa": "powa_statements_history",
    "pg_profile": "sample_statements",
}


@dataclass(frozen=True)
class Layout:
    """A repository as it was found.

    Attributes
    ----------
    program : str
    schema : str
    version : str or None
        Of the extension; None where the tables were made without one.
    variant : str
        Which of our SQL files reads its rows: `sql/imports/<program>_rows_<variant>.sql`.

    """

    program: Program
    schema: str
    version: str | None
    variant: str

    @property
    def name(self) -> str:
        """The program with its version, as people are told."""
        return f"{_NAMES[self.program]} {self.version or '(no extension)'}"


def recognise(
    relations: Mapping[tuple[str, str], Sequence[str]],
    extensions: Mapping[str, str],
    where: str,
    program: Program | None = None,
) -> Layout:
    """Return the one repository that a database holds.

    Parameters
    ----------
    relations : Mapping of (schema, relation) to columns
        Those of `sql/imports/repositories.sql`.
    extensions : Mapping of str to str
        Version of each installed extension.
    where : str
        The database, for messages.
    program : str, optional
        Which one is meant, where a database has both.

    Raises
    ------
    ConfigurationError
        None, several, or one of a layout that is not supported.

    """
    found = [
        (name, schema)
        for name, core in _CORE.items()
        for schema, relation in sorted(relations)
        if relation == core and program in {None, name}
    ]
    if not found:
        there = ", ".join(f"{name} {version}" for name, version in sorted(extensions.items()))
        raise ConfigurationError(
            f"{where}: no {_NAMES[program] if program else 'PoWA or pg_profile'} repository"
            f" (extensions of them: {there or 'none'})",
            f"name the database that holds it; supported are {SUPPORTED}",
        )
    if len(found) > 1:
        listed = ", ".join(f"{_NAMES[name]} in schema {schema}" for name, schema in found)
        several = len({name for name, _ in found}) > 1
        raise ConfigurationError(
            f"{where}: several repositories: {listed}",
            "choose with --repository powa or --repository pg_profile"
            if several
            else "import from a database with one of them",
        )
    name, schema = found[0]
    version = extensions.get(name)
    tables = {
        relation: frozenset(columns)
        for (at, relation), columns in relations.items()
        if at == schema
    }
    lacking = [
        table if table not in tables else f"{table}.{sorted(columns - tables[table])[0]}"
        for table, columns in _TABLES[name].items()
        if not columns <= tables.get(table, frozenset())
    ]
    if lacking:
        raise ConfigurationError(
            f"{where}: {_NAMES[name]} {version or ''} in schema {schema} is of a layout that is not"
            f" known: {', '.join(lacking)} is missing",
            f"supported are {SUPPORTED}",
        )
    return Layout(name, schema, version, _variant(name, tables))


def _variant(program: Program, tables: Mapping[str, frozenset[str]]) -> str:
    if program == "powa":
        if "shared_blk_read_time" in tables["powa_statements_history_record"]:
            return "50"
        return "42" if "toplevel" in tables["powa_statements_history"] else "41"
    columns = tables["sample_statements"]
    if "sum_exec_time_sq" in columns:
        return "47"
    return "42" if "jit_functions" in columns else "40"
