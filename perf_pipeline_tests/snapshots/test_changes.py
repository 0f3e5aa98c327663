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
    ).with_columns(pl.lit(None, dtype=pl.String).alias("fingerprint"))


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
    read = pl.DataFrame({"index_oid": [7, 8], "definition": ["CREATE seven", "CREATE eight"]})
    first = indexes((0, "", "table", "t"), (7, "1", "index", ""), (8, "1", "index", "invalid"))
    known, wanted = changes.with_known_definitions(first, None)
    assert wanted == [7, 8]
    state = changes.with_definitions(known, read)
    assert state["definition"].to_list() == ["t", "CREATE seven", "CREATE eight -- invalid"]
    # 7 is unchanged, 8 became valid, 9 is new
    second = indexes((9, "1", "index", ""), (7, "1", "index", ""), (8, "2", "index", ""))
    known, wanted = changes.with_known_definitions(second, state)
    assert wanted == [8, 9]
    assert known["definition"].to_list() == [None, "CREATE seven", None]
    later = changes.with_definitions(known, read.filter(pl.col("index_oid") == 8))
    assert later["definition"].to_list() == [None, "CREATE seven", "CREATE eight"]
    assert later.columns == state.columns


PARTIAL = "CREATE INDEX i ON s.t USING btree (email) WHERE (email = '{}'::text)"


def test_values_in_a_definition_are_not_kept_but_noticed() -> None:
    def state(version: str, definition: str, previous: pl.DataFrame | None) -> pl.DataFrame:
        objects = indexes((7, version, "index", "")).with_columns(
            pl.lit("s.i").alias("object_name"), pl.lit("s.t").alias("relation_name")
        )
        known, wanted = changes.with_known_definitions(objects, previous)
        read = pl.DataFrame({"index_oid": wanted, "definition": [definition] * len(wanted)})
        schema = {"index_oid": pl.Int64, "definition": pl.String}
        return changes.with_definitions(known, read.cast(schema))

    first = state("1", PARTIAL.format("bob@example.org"), None)
    second = state("2", PARTIAL.format("eve@example.org"), first)
    third = state("2", "not asked again", second)
    assert "example" not in str(first.rows() + second.rows())
    shown = "CREATE INDEX i ON s.t USING btree (email) WHERE (email = ?::text)"
    assert changes.schema_objects(first, second).rows() == [
        ("index", "s.i", "s.t", "altered", shown, shown + changes.OTHER_VALUES)
    ]
    assert changes.schema_objects(second, third).is_empty()


def test_settings_that_hold_the_like_of_a_token_are_hidden() -> None:
    found = settings(
        ("a", "1600000000", False),
        ("b", "-1", False),
        ("c", None, False),
        ("d", "$user, public", False),
        ("e", "for bob@example.org", False),
        ("f", "sk_live_51HxAbC2dEf3gH4iJ5", False),
    )
    shown = changes.without_secrets(found)["value"].to_list()
    assert shown[:4] == ["1600000000", "-1", None, "$user, public"]
    assert all(value.startswith("hidden, fingerprint ") and len(value) == 24 for value in shown[4:])
    assert shown[4] != shown[5]
