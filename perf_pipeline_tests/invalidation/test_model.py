"""Declarations are read as they are meant, and refused where they contradict themselves."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_pipeline.components.catalog import declared_caches
from perf_pipeline.errors import ConfigurationError
from perf_pipeline.invalidation.model import CacheType, Captured, Hop, Path, require_distinct

_NAMES = st.text("abcdefgh_12 \"'%{}", min_size=1, max_size=12).map(lambda s: f"x{s.strip()}x")
_WORDS = _NAMES.filter(lambda s: " " not in s)


@given(
    st.lists(st.builds(Hop, _WORDS, st.builds("{}.{}".format, _WORDS, _WORDS), _WORDS), max_size=2)
)
def test_a_path_is_read_as_it_is_written(hops: list[Hop]) -> None:
    written = Path(tuple(hops), "tenant")
    text = " : ".join([*(f"{h.column} -> {h.table}.{h.key}" for h in hops), "tenant"])
    assert Path.parse(text, "here") == written
    for i in range(len(hops)):
        assert Path.parse(written.rest(i), "here") == Path(tuple(hops[i + 1 :]), "tenant")
    assert written.first == (hops[0].column if hops else "tenant")


@pytest.mark.parametrize(
    "entity",
    [
        "",
        "a -> b.c : d",
        "a -> b.c.d",
        "a -> b.c.d : *",
        "a.b",
        "a -> b.c.d : e -> f.g.h : i -> j.k.l : m",
    ],
)
def test_an_entity_that_is_none_is_told(entity: str) -> None:
    with pytest.raises(ConfigurationError, match=r"captured table s\.t: entity"):
        Captured("s.t", entity)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"name": " "}, "no name"),
        ({"debounce_s": -1.0}, "debounce_s is -1"),
        ({"debounce_s": 5.0, "max_wait_s": 1.0}, "max_wait_s is 1"),
        ({"batch": 0}, "batch is 0"),
        ({"max_attempts": 0}, "max_attempts is 0"),
        ({"fresh_s": 0.0}, "fresh_s is 0"),
        ({"process": "refresh"}, "process 'refresh'"),
        ({"captured": (Captured("s.t", "a"), Captured("s.t", "a", "row"))}, "captured twice"),
    ],
)
def test_what_contradicts_itself_is_told(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        CacheType(**{"name": "c", **values})


def test_names_are_distinct() -> None:
    with pytest.raises(ConfigurationError, match="'c' is declared twice"):
        require_distinct((CacheType("c"), CacheType("c", batch=1)))


def test_waits_double_up_to_five_minutes() -> None:
    cache = CacheType("c")
    assert [cache.backoff_s(n) for n in (1, 2, 3, 9, 10, 10_000)] == [1, 2, 4, 256, 300, 300]


def test_the_yaml_block_is_the_declaration(tmp_path: Any) -> None:
    head = (
        "type: perf_pipeline.components.PostgresTarget\nattributes:\n  name: clinic\n"
        "  url_env: CLINIC_URL\n  history_start: '2026-01-01'\n  invalidation:\n"
    )
    (tmp_path / "defs.yaml").write_text(
        head + "    - name: dashboard\n"
        "      captured:\n"
        "        - {table: clinic.visits, entity: patient_id, per: row, columns: [note]}\n"
        "        - table: clinic.lines\n"
        "          entity: 'visit_id -> clinic.visits.id : patient_id'\n"
        "      debounce_seconds: 1\n"
        "      process: clinic.refresh\n"
        "      sinks: [{kind: notify, channel: changed}]\n"
    )
    target, (cache,) = declared_caches("clinic", tmp_path)
    assert target.name == "clinic"
    assert cache.captured == (
        Captured("clinic.visits", "patient_id", "row", ("note",)),
        Captured("clinic.lines", "visit_id -> clinic.visits.id : patient_id"),
    )
    assert (cache.debounce_s, cache.max_wait_s, cache.process) == (1.0, 30.0, "clinic.refresh")
    assert [(sink.kind, sink.channel) for sink in cache.sinks] == [("notify", "changed")]
    (tmp_path / "defs.yaml").write_text(
        head + "    - {name: c, debounce_seconds: 9, max_wait_seconds: 1}\n"
    )
    with pytest.raises(ConfigurationError, match=r"'c': max_wait_s is 1"):
        declared_caches("clinic", tmp_path)
