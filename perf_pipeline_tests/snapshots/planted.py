"""Statements with secrets planted wherever SQL can hold a value, and a search for them.

Each secret is written once and holds a marker that occurs nowhere else, so that a marker found in
a store names the statement it came from.
"""

import itertools
import random
import re
from dataclasses import dataclass, field

from hypothesis import strategies as st
from psycopg import sql

from perf_pipeline.store import Store, state

#: Of characters that no hexadecimal number, no key word and no name of ours is made of in a row.
_LETTERS = "ghjkmnpqrstvwxyz"


@dataclass
class Planter:
    """Makes secrets and remembers what each was planted in.

    Attributes
    ----------
    planted : dict of str to str
        Marker to the statement it is in.

    """

    seed: int = 0
    planted: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._number = itertools.count(1)
        self._fresh: list[str] = []

    def _marker(self, alphabet: str, length: int) -> str:
        marker = "".join(self._random.choices(alphabet, k=length))
        self._fresh.append(marker)
        return marker

    def password(self) -> str:
        """Return what nobody could tell from a word."""
        return self._marker(_LETTERS, 12)

    def digits(self) -> str:
        """Return a number as long as a card's."""
        return "4" + self._marker("123456789", 15)

    def shaped(self) -> str:
        """Return what can be told from a name: an address, a token, a card's number."""
        kind = next(self._number) % 5
        if kind == 0:
            return f"{self.password()}@example.org"
        if kind == 1:
            return "sk_live_" + self._marker("abcdef0123456789", 8) + "X7y8Z9w1Q2"
        if kind == 2:
            return f"card {self.digits()}"
        if kind == 3:
            hexadecimal = self._marker("0123456789abcdef", 12)
            return f"550e8400-e29b-41d4-a716-{hexadecimal}"
        return f"https://u:{self.password()}@host/x"

    def fill(self, template: str) -> str:
        """Return a template with a fresh secret in each of its places.

        `{q}` a string, `{s}` its inside, `{e}` a string with escapes, `{d}` a dollar-quoted one,
        `{u}` a Unicode string, `{w}` a bare word, `{n}` digits, `{name}` a quoted name, `{id}` a
        number that is no secret.
        """

        def place(match: re.Match[str]) -> str:
            kind = match[1]
            if kind == "q":
                return "'it''s " + self.password() + " ''" + self.shaped() + "'"
            if kind == "e":
                return r"E'a\'b " + self.password() + r" \\ \n " + self.shaped() + "'"
            if kind == "d":
                return f"$t{self.password()}$ {self.shaped()} $$ $t$ {self.password()} $e$".replace(
                    "$e$", f"$t{self._fresh[-3]}$"
                )
            if kind == "u":
                return r"U&'d\0061t\+000061 " + self.password() + "'"
            if kind == "s":
                return f"{self.password()} {self.shaped()}"
            if kind == "w":
                return self.password()
            if kind == "n":
                return self.digits()
            if kind == "name":
                return '"' + self.shaped() + '"'
            return str(next(self._number))

        self._fresh = []
        text = re.sub(r"\{(q|e|d|u|s|w|n|name|id)\}", place, template)
        self.planted.update(dict.fromkeys(self._fresh, text))
        return text


#: Run before the statements; nothing in it is secret.
SETUP = """
CREATE SCHEMA app;
CREATE TABLE app.t (id int, email text, n numeric DEFAULT 0);
CREATE TABLE app.parts (k text) PARTITION BY LIST (k);
CREATE TYPE app.mood AS ENUM ('good');
CREATE FUNCTION app.trg() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE FUNCTION app.same(a text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT a';
CREATE PROCEDURE app.nothing(a text, b numeric) LANGUAGE sql AS 'SELECT 1';
CREATE FOREIGN DATA WRAPPER nowhere;
"""

#: Every statement that can carry a value, run one by one; `BEGIN ... COMMIT` in one transaction.
STATEMENTS = (
    # plain statements and every way to write a value
    "SELECT {q}, {e}, {d}, {u}, N'{s}', {n}, -{n}, {n}.5, .{n}, 1e-{id}, B'101', X'1f'",
    "SELECT * FROM app.t WHERE email = {q} AND n IN ({n}, {n}) OR email LIKE {e}",
    "SELECT DATE '2024-01-31', INTERVAL '{id} days', point '({id},2)', CAST({e} AS text)",
    "SELECT '{\"token\": \"{s}\"}'::jsonb -> 'a', ARRAY[{q}, {q}], '{\"{s}\"}'::text[]",
    "SELECT 'a' || {q}\n  '{s}'\n  '{s}' FROM app.t",
    "INSERT INTO app.t (id, email, n) VALUES ({id}, {q}, {n}), ({id}, {e}, -{n})",
    "UPDATE app.t SET email = {q}, n = {n} WHERE email <> {d}",
    "DELETE FROM app.t WHERE email = {q}",
    "WITH x AS (SELECT {q} AS a) SELECT a FROM x",
    "VALUES ({q}), ({e})",
    "SELECT 1 AS {name}, 2 {name} FROM app.t AS {name}",
    "SELECT 1 AS \"it is {s}\"",
    'SELECT 1 AS U&"d\\0061t\\+000061 {s}" FROM app.t',
    "SELECT count(*) FROM app.t -- {s}",
    "-- {s}\nSELECT max(id) FROM app.t",
    "/* {s} */ SELECT min(id) /* a /* nested {s} */ {s} */ FROM app.t /* {s} */",
    "SELECT sum(id) FROM app.t /*user='{s}',traceparent='{s}',route='/u/{w}@example.org'*/",
    "SELECT avg(id) FROM app.t /*controller='orders',route='%2Fr%3Ftoken%3D{w}',action='{n}'*/",
    "SELECT $$$1 {s}$$, $a${s}$$ {s}$a$, $é${s}$é$, $😀${s}$😀$",
    "SET standard_conforming_strings = off",
    "SELECT 'a\\'{s}', '{s}\\\\', '{s}'",
    "COMMENT ON TABLE app.t IS 'it\\'s {s} \\\\'",
    "SET standard_conforming_strings = on",
    # sessions
    "SET app.token = {w}",
    "SET SESSION app.token TO {q}",
    "BEGIN; SET LOCAL app . token = {w}; COMMIT",
    "SET search_path = {w}, {name}, {q}",
    "RESET search_path",
    "SET application_name = '{name}'",
    "SELECT set_config('app.token', {q}, false)",
    "ALTER SYSTEM SET cluster_name = '{w}'",
    "ALTER SYSTEM RESET cluster_name",
    "NOTIFY channel, {q}",
    "LISTEN {name}",
    "UNLISTEN *",
    "PREPARE p1 AS SELECT {q}::text, {n}",
    "PREPARE p2(text, numeric) AS SELECT $1 || {q}, $2",
    "EXECUTE p2({q}, {n})",
    "EXPLAIN EXECUTE p2({q}, {n})",
    "DEALLOCATE p1",
    "EXPLAIN SELECT * FROM app.t WHERE email = {q}",
    "EXPLAIN (ANALYZE, COSTS off) SELECT {q}, {n} FROM app.t",
    "BEGIN; DECLARE c CURSOR FOR SELECT {q} FROM app.t WHERE n = {n}; FETCH 1 FROM c; COMMIT",
    "BEGIN; DECLARE {name} CURSOR FOR SELECT {q}; SAVEPOINT {name}; COMMIT",
    "DO $$ BEGIN PERFORM {q}; /* {s} */ END $$",
    "DO LANGUAGE plpgsql E'BEGIN PERFORM \\'{s}\\'; END'",
    "DO $outer$ BEGIN EXECUTE $inner$ SELECT '{s}' $inner$; END $outer$",
    "CALL app.nothing({q}, {n})",
    "COPY (SELECT {q}, {n}) TO PROGRAM 'cat > /dev/null # {w}'",
    "COPY app.t (email) FROM PROGRAM 'echo {s}'",
    "COPY (SELECT 1 WHERE false) TO PROGRAM 'cat >/dev/null' WITH (FORMAT csv, NULL '{s}')",
    # roles
    "CREATE ROLE planted_{id} LOGIN PASSWORD {q} VALID UNTIL '2099-01-01'",
    "CREATE USER planted_1 ENCRYPTED PASSWORD {e}",
    "ALTER USER planted_1 PASSWORD {q}",
    "ALTER ROLE planted_1 WITH PASSWORD {d} CONNECTION LIMIT {id}",
    "ALTER ROLE planted_1 SET app.token = {w}",
    "ALTER ROLE planted_1 SET app.token TO {q}",
    "CREATE ROLE {name} ROLE planted_1",
    "COMMENT ON ROLE planted_1 IS {q}",
    # objects: names, defaults, predicates, bodies, options
    "CREATE TABLE app.{name} ({name} text DEFAULT {q}, z int CHECK (z < {n}))",
    "CREATE SCHEMA {name} CREATE TABLE a (b int)",
    "CREATE TABLE app.d (a text DEFAULT {q}, b numeric DEFAULT {n},"
    " c text GENERATED ALWAYS AS ({e}) STORED)",
    "ALTER TABLE app.d ALTER COLUMN a SET DEFAULT {q}, ADD CHECK (a <> {q})",
    "CREATE INDEX d1 ON app.d (a) WHERE a = {q} AND b > {n}",
    "CREATE INDEX {name} ON app.d ((a || {q}), lower(a)) WHERE a <> {e}",
    "CREATE INDEX d3 ON app.d (app.same({q}))",
    "COMMENT ON INDEX app.d1 IS {q}",
    "CREATE TABLE app.parts_{id} PARTITION OF app.parts FOR VALUES IN ({q}, {q})",
    "ALTER TYPE app.mood ADD VALUE '{w}'",
    "CREATE TYPE app.words AS ENUM ('{w}', '{w}')",
    "CREATE DOMAIN app.dom AS text DEFAULT {q} CHECK (VALUE <> {q})",
    "CREATE VIEW app.v AS SELECT {q} AS a, {n} AS b, id AS {name} FROM app.t",
    "CREATE MATERIALIZED VIEW app.m AS SELECT {q} AS a FROM app.t",
    "CREATE TABLE app.copy AS SELECT {q} AS a, {n} AS b FROM app.t",
    "SELECT {q} AS a INTO app.copy2 FROM app.t",
    "CREATE RULE r AS ON DELETE TO app.d DO INSTEAD SELECT {q}",
    "CREATE POLICY p ON app.d USING (a = {q})",
    "CREATE TRIGGER x BEFORE INSERT ON app.d FOR EACH ROW EXECUTE FUNCTION app.trg({w}, {q}, {n})",
    "CREATE TRIGGER y BEFORE INSERT ON app.d FOR EACH ROW WHEN (NEW.a = {q})"
    " EXECUTE PROCEDURE app.trg()",
    "CREATE FUNCTION app.f1() RETURNS text LANGUAGE sql AS $b$ SELECT {q} /* {s} */ $b$",
    "CREATE FUNCTION app.f2(a text DEFAULT {q}) RETURNS text LANGUAGE plpgsql SET app.token = {w}"
    " AS 'BEGIN RETURN ''{w}''; END'",
    "CREATE FUNCTION app.f3() RETURNS text LANGUAGE sql BEGIN ATOMIC SELECT {q}; SELECT {e}; END",
    "CREATE FUNCTION app.f4() RETURNS text LANGUAGE sql RETURN {q}",
    "CREATE OR REPLACE PROCEDURE app.p() LANGUAGE plpgsql AS $p$ BEGIN PERFORM $q${s}$q$; END $p$",
    "COMMENT ON FUNCTION app.f1() IS {e}",
    "CREATE SERVER planted FOREIGN DATA WRAPPER nowhere OPTIONS (host {q}, password {e})",
    "ALTER SERVER planted OPTIONS (SET password {q}, ADD {name} {q})",
    "CREATE USER MAPPING FOR CURRENT_USER SERVER planted OPTIONS (user {q}, password {q})",
    "ALTER USER MAPPING FOR CURRENT_USER SERVER planted OPTIONS (SET password {q})",
    "CREATE FOREIGN TABLE app.ft (a text OPTIONS (key {q})) SERVER planted OPTIONS (secret {q})",
    "CREATE SUBSCRIPTION planted CONNECTION 'host=127.0.0.1 password={w} dbname=x' PUBLICATION p"
    " WITH (connect = false, slot_name = NONE)",
    "ALTER SUBSCRIPTION planted CONNECTION 'host=127.0.0.1 password={w}'",
    "DROP SUBSCRIPTION planted",
    "ALTER TABLE app.t ADD COLUMN {name} text DEFAULT {q}",
    "DROP INDEX app.d1",
    # texts that are cut in the middle of a value
    "DO $$ BEGIN " + "/* pad */ " * 1_996 + " PERFORM '{s} {s} {s} {s} {s} {s} {s}'; END $$",
    "COMMENT ON TABLE app.t IS '" + "pad " * 4_990 + "{s} {s} {s} {s} {s}'",
    "CREATE ROLE planted_2 /* " + "p" * 19_940 + " */ PASSWORD '{s}'",
    "SELECT 1 /* " + "p" * 25_000 + " {s} */ /*action='{n}',user='{s}'*/",
)  # fmt: skip

# --- statements from a grammar -------------------------------------------------------------------

_VALUES = st.sampled_from(
    ["{q}", "{e}", "{d}", "{u}", "{n}", "-{n}", "{q}::text", "CAST({q} AS text)", "upper({q})",
     "ARRAY[{q}, {e}]", "'{\"k\": \"{s}\"}'::jsonb", "N'{s}'", "$${s}$$", "({n})", "{n}.25",
     "coalesce({q}, {e})", "CASE WHEN {n} > {n} THEN {q} ELSE {e} END"]
)  # fmt: skip
_NOISE = st.sampled_from(["", " ", "\n", "\t", " /* {s} */ ", " -- {s}\n", " /* /* {s} */ {s} */"])
_ALIAS = st.sampled_from(["", " AS a", " AS {name}", ' AS "b {s}"'])
_WRAPPERS = st.sampled_from(
    ["@@", "EXPLAIN @@", "EXPLAIN (VERBOSE) @@", "CREATE TEMP TABLE tmp_{id} AS @@",
     "PREPARE p_{id} AS @@", "COPY (@@) TO PROGRAM 'cat >/dev/null # {w}'",
     "BEGIN; DECLARE c CURSOR FOR @@; COMMIT", "CREATE VIEW app.v_{id} AS @@",
     "CREATE MATERIALIZED VIEW app.m_{id} AS @@", "WITH x AS (@@) SELECT count(*) FROM x",
     "SELECT count(*) FROM (@@) AS {name}", "DO $do$ BEGIN PERFORM 1; /* @@ */ END $do$"]
)  # fmt: skip


@st.composite
def statement_templates(draw: st.DrawFn) -> str:
    """Draw a statement, most of which servers accept, with places for secrets."""
    columns = [
        draw(_NOISE) + draw(_VALUES) + draw(_NOISE) + draw(_ALIAS) + draw(_NOISE)
        for _ in range(draw(st.integers(1, 4)))
    ]
    columns = [re.sub(r" AS .*", f" AS c{place}", c) if " AS " in c and place else c
               for place, c in enumerate(columns)]  # fmt: skip
    where = (
        f" WHERE email = {draw(st.sampled_from(['{q}', '{e}', '{d}']))}"
        if draw(st.booleans())
        else ""
    )
    text = f"SELECT{draw(_NOISE)} {', '.join(columns)} FROM app.t{where}{draw(_NOISE)}"
    return draw(_WRAPPERS).replace("@@", text)


@st.composite
def soups(draw: st.DrawFn) -> str:
    """Draw tokens in any order, with places for secrets: no statement, but a text."""
    token = st.sampled_from(
        ["{q}", "{e}", "{d}", "{u}", "{n}", "{name}", "/* {s} */", "-- {s}\n", "'{s}'", "$${s}$$",
         "a", "$1", "$2", "1", ".5", "0xff", "(", ")", ",", ";", "=", "-", "/", "*", "@", "@>", ".",
         '"b"', "é", "SELECT", "E", "U&", "x", "::", "::int", "\\n", "E''", "''", "AS", "SET"]
    )  # fmt: skip
    glue = st.sampled_from(["", " ", "\n"])
    text = ""
    for _ in range(draw(st.integers(1, 20))):
        found = draw(token)
        # a dollar that touches a name is a part of it
        apart = " " if found[0] in "${" and text[-1:].isalnum() else ""
        text += apart + found + draw(glue)
    return text


# --- the search ----------------------------------------------------------------------------------


def dump(store: Store) -> dict[str, str]:
    """Return everything a store holds as text, by table; the frames of the state unpacked."""
    found = {}
    with store.begin() as connection:
        tables = connection.execute(
            "SELECT n.nspname, c.relname FROM pg_class c"
            " JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE c.relkind = 'r' AND n.nspname !~ '^(pg_|information_schema)'"
        ).fetchall()
        for schema, table in tables:
            rows = connection.execute(
                sql.SQL("SELECT t::text FROM {} AS t").format(sql.Identifier(schema, table))
            ).fetchall()
            found[f"{schema}.{table}"] = "\n".join(row[0] for row in rows)
        for family, frame in connection.execute(
            "SELECT family, frame FROM ledger.state"
        ).fetchall():
            held = state.unpacked(frame)
            found[f"state of {family}"] = "\n".join(str(row) for row in held.rows())
    return found


def leaks(texts: dict[str, str], planted: dict[str, str]) -> list[tuple[str, str, str]]:
    """Return (place, marker, statement) of each marker that is found in a text."""
    return [
        (place, marker, statement[:300])
        for place, text in texts.items()
        for marker, statement in planted.items()
        if marker.lower() in text.lower()
    ]
