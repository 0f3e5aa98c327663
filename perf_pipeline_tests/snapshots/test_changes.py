import polars as pl

from perf_pipeline.snapshots import changes


def settings(*rows: tuple[str, str | None, bool]) -> pl.DataFrame:
    return pl.DataFrame(
        [(name, value, "kB", pending) for name, value, pending in rows],
        schema={
            "name": pl.String(),
            "value": pl.String(),
            "unit": pl.String(),
            "pending_restart": pl.Boolean(),
        },
        orient="row",
    )


def test_settings_that_changed_appeared_or_went() -> None:
    before = settings(("a", "1", False), ("b", "1", False), ("c", "1", False), ("d", "1", False))
    after = settings(("a", "1", False), ("b", "2", False), ("d", "1", True), ("e", None, False))
    rows = changes.settings(before, after).rows()
    assert rows == [
        ("b", "1", "2", "kB", False),
        ("c", "1", None, "kB", False),
        ("d", "1", "1", "kB", True),
    ]
    assert changes.settings(before, before).is_empty()
    # a setting that is still pending is no news
    assert changes.settings(after, after).is_empty()


def test_another_reader_sees_other_settings() -> None:
    before, after = settings(("a", "1", False)), settings(("a", "2", False), ("b", "1", False))
    assert changes.settings(before, after, comparable=False)["name"].to_list() == ["a"]
    assert changes.settings(before, after)["name"].to_list() == ["a", "b"]


def test_the_first_reading_has_no_changes() -> None:
    assert changes.settings(None, settings(("a", "1", False))).is_empty()
    assert changes.schema_objects(None, objects(("table", "s.t", None, "x"))).is_empty()


def objects(*rows: tuple[str, str, str | None, str | None]) -> pl.DataFrame:
    return pl.DataFrame(
        rows,
        schema={
            "kind": pl.String(),
            "object_name": pl.String(),
            "relation_name": pl.String(),
            "definition": pl.String(),
        },
        orient="row",
    )


def test_objects_created_dropped_altered() -> None:
    before = objects(
        ("table", "s.t", None, "table"),
        ("column", "s.t.a", "s.t", "int"),
        ("column", "s.t.b", "s.t", "int"),
        ("index", "s.i", "s.t", "CREATE INDEX i"),
        ("index", "s.unknown", "s.t", None),
        ("table", "s.gone", None, "table"),
        ("column", "s.gone.a", "s.gone", "int"),
    )
    after = objects(
        ("table", "s.t", None, "table"),
        ("column", "s.t.a", "s.t", "bigint"),
        ("column", "s.t.c", "s.t", "int"),
        ("index", "s.unknown", "s.t", "CREATE INDEX unknown"),
        ("table", "s.new", None, "table"),
        ("column", "s.new.a", "s.new", "int"),
        ("index", "s.new_pkey", "s.new", "CREATE UNIQUE INDEX"),
    )
    rows = changes.schema_objects(before, after).rows()
    assert rows == [
        ("column", "s.t.a", "s.t", "altered", "int", "bigint"),
        ("column", "s.t.b", "s.t", "dropped", "int", None),
        ("column", "s.t.c", "s.t", "created", None, "int"),
        ("index", "s.i", "s.t", "dropped", "CREATE INDEX i", None),
        ("index", "s.new_pkey", "s.new", "created", None, "CREATE UNIQUE INDEX"),
        ("table", "s.gone", None, "dropped", "table", None),
        ("table", "s.new", None, "created", None, "table"),
    ]
    assert changes.schema_objects(after, after).is_empty()


def indexes(*rows: tuple[int, str, str, str | None]) -> pl.DataFrame:
    return pl.DataFrame(
        rows,
        schema={
            "index_oid": pl.Int64(),
            "index_version": pl.String(),
            "kind": pl.String(),
            "definition": pl.String(),
        },
        orient="row",
    )


def test_index_definitions_are_read_once_per_version() -> None:
    read = pl.DataFrame({"index_oid": [7, 8], "definition": ["CREATE 7", "CREATE 8"]})
    first = indexes((0, "", "table", "t"), (7, "1", "index", ""), (8, "1", "index", "invalid"))
    known, wanted = changes.with_known_definitions(first, None)
    assert wanted == [7, 8]
    state = changes.with_definitions(known, read)
    assert state["definition"].to_list() == ["t", "CREATE 7", "CREATE 8 -- invalid"]
    # 7 is unchanged, 8 became valid, 9 is new
    second = indexes((9, "1", "index", ""), (7, "1", "index", ""), (8, "2", "index", ""))
    known, wanted = changes.with_known_definitions(second, state)
    assert wanted == [8, 9]
    assert known["definition"].to_list() == [None, "CREATE 7", None]
    later = changes.with_definitions(known, read.filter(pl.col("index_oid") == 8))
    assert later["definition"].to_list() == [None, "CREATE 7", "CREATE 8"]
    assert later.columns == state.columns
