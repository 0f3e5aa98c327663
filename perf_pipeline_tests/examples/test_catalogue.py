"""Every capability row that has an object has it in the database, by name and columns."""

from collections.abc import Iterator

import psycopg
import pytest

from perf_pipeline.embedded.server import EmbeddedServer
from perf_pipeline.errors import ConfigurationError
from perf_pipeline.examples import catalogue, schema
from perf_pipeline.examples.catalogue import Found
from perf_pipeline.postgres import sqlfiles
from perf_pipeline_tests.examples.test_schema import shape

#: First letter of the rows of each system.
LETTERS = {"thorbis": "T", "menuca": "M", "omninode": "O", "guardian": "G"}

#: Systems every object of which some row names.
WHOLE = ("thorbis", "menuca", "omninode", "guardian")


# --- pure -----------------------------------------------------------------------------------

INDEX = {"index": "s.i", "columns": ["a", "b DESC"], "relation": "s.t", "where": "a > 1"}
TABLE = {"table": "s.t", "columns": ["a", "b"], "partitioned": "HASH (a)"}
THERE = {
    ("index", "s.i"): Found(("a", "b DESC"), {"relation": "s.t", "where": "a > 1", "usable": True}),
    ("table", "s.t"): Found(("a", "b", "c"), {"partitioned": "HASH (a)"}),
}


def told(item: dict[str, object], existing: dict[tuple[str, str], Found]) -> list[str]:
    row = catalogue.parse("X-01", {"what": "test", "objects": [item]})
    return catalogue.differences([row], existing).get("X-01", [])


def test_what_is_there_as_declared_is_not_told() -> None:
    assert told(INDEX, THERE) == told(TABLE, THERE) == []


@pytest.mark.parametrize(
    ("item", "sentence"),
    [
        ({**INDEX, "index": "s.other"}, "index s.other is missing"),
        ({"view": "s.t"}, "view s.t is missing"),  # a table is no view
        ({**INDEX, "columns": ["b DESC", "a"]}, "index s.i has a, b DESC, not b DESC, a"),
        ({**INDEX, "columns": ["a"]}, "index s.i has a, b DESC, not a"),
        ({**INDEX, "where": "a > 2"}, "index s.i: where is 'a > 1', not 'a > 2'"),
        ({**TABLE, "columns": ["a", "d"]}, "table s.t has no column d"),
        ({**TABLE, "partitioned": "HASH (b)"}, "table s.t: partitioned is 'HASH (a)'"),
    ],
)
def test_a_difference_is_told(item: dict[str, object], sentence: str) -> None:
    (text,) = told(item, THERE)
    assert text.startswith(sentence)


def test_what_no_row_names_is_told() -> None:
    rows = [catalogue.parse("X-01", {"what": "test", "objects": [TABLE, INDEX]})]
    more = {
        ("view", "s.forgotten"): Found(("a",), {}),
        ("table", "s.t_part"): Found(("a",), {"of": "s.t"}),
        ("index", "s.t_pkey"): Found(("a",), {}),
        ("table", "elsewhere.t"): Found(("a",), {}),
    }
    assert catalogue.undeclared(rows, {**THERE, **more}) == [("view", "s.forgotten")]


def test_an_index_whose_build_failed_is_told() -> None:
    invalid = Found(("a", "b DESC"), {"relation": "s.t", "where": "a > 1", "usable": False})
    assert told(INDEX, {("index", "s.i"): invalid}) == ["index s.i: usable is False, not True"]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"what": "w"}, "X-01: has what"),
        ({"objects": [TABLE]}, "X-01: has objects"),
        ({"what": "w", "tests": "one"}, "X-01: tests is 'one'"),
        ({"what": "w", "objects": [TABLE], "why": "?"}, "X-01: has objects, what, why"),
        ({"what": "w", "objects": [{"name": "s.t"}]}, "names 0 objects"),
        ({"what": "w", "objects": [{**TABLE, "view": "s.v"}]}, "names 2 objects"),
        ({"what": "w", "objects": [{**TABLE, "where": "a"}]}, "table s.t: unknown where"),
    ],
)
def test_an_entry_that_is_not_as_described_is_refused(
    entry: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        catalogue.parse("X-01", entry)


def test_an_unknown_catalogue_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="'nothere'"):
        catalogue.rows("nothere")


def test_the_described_indexes_are_counted() -> None:
    """T-17: the description speaks of more than a hundred."""
    families = ("T-11", "T-12", "T-13", "T-14", "T-15", "T-16")
    found = {
        row.row: sum(item.kind == "index" for item in row.objects)
        for row in catalogue.rows("thorbis")
        if row.row in families
    }
    assert found == dict(zip(families, (8, 7, 7, 7, 7, 7), strict=True))
    assert sum(found.values()) == 43


@pytest.mark.parametrize("system", catalogue.systems())
def test_rows_are_the_systems_own_and_each_index_is_listed_once(system: str) -> None:
    rows = catalogue.rows(system)
    assert rows
    assert all(row.row.startswith(f"{LETTERS[system]}-") for row in rows)
    indexes = [item.name for row in rows for item in row.objects if item.kind == "index"]
    assert len(indexes) == len(set(indexes))
    for name in (name for row in rows for name in row.lists.get("statements", ())):
        assert sqlfiles.load(name).purpose


# --- on every server ------------------------------------------------------------------------


@pytest.fixture(scope="module", params=catalogue.systems())
def applied(request: pytest.FixtureRequest, each_server: EmbeddedServer) -> Iterator[str]:
    """Return a system's name; its schema is in the database `catalogue_<system>`."""
    system: str = request.param
    each_server.ensure_database(f"catalogue_{system}")
    schema.apply(each_server.url(f"catalogue_{system}"), system)
    yield system
    each_server.drop_database(f"catalogue_{system}")


@pytest.mark.server
def test_every_declared_object_is_in_the_database(
    applied: str, each_server: EmbeddedServer
) -> None:
    with psycopg.connect(each_server.url(f"catalogue_{applied}")) as connection:
        connection.execute("SET timezone = 'UTC'")  # bounds are told in it
        existing = catalogue.found(connection)
    assert catalogue.differences(catalogue.rows(applied), existing) == {}


@pytest.mark.server
@pytest.mark.parametrize("applied", WHOLE, indirect=True)
def test_every_object_of_its_schemas_is_declared(applied: str, each_server: EmbeddedServer) -> None:
    with psycopg.connect(each_server.url(f"catalogue_{applied}")) as connection:
        existing = catalogue.found(connection)
    assert catalogue.undeclared(catalogue.rows(applied), existing) == []


@pytest.mark.server
def test_a_second_application_changes_nothing(applied: str, each_server: EmbeddedServer) -> None:
    url = each_server.url(f"catalogue_{applied}")
    before = shape(url)
    with psycopg.connect(url) as connection:
        objects = catalogue.found(connection)
    assert schema.apply(url, applied).applied == ()
    assert shape(url) == before
    with psycopg.connect(url) as connection:
        assert catalogue.found(connection) == objects
