"""How keys are named: exactly as described, and in one slot for one entity."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.crc import key_slot

from perf_pipeline.errors import ConfigurationError
from perf_pipeline.invalidation import sinks
from perf_pipeline.invalidation.sinks import SinkPolicy
from perf_pipeline.invalidation.sinks.policy import Kind
from perf_pipeline_tests.invalidation.sinks.common import named


@pytest.mark.parametrize(
    ("policy", "entity", "parts", "key"),
    [
        (SinkPolicy("redis", key="user:session:{session_id}"), "a1", {}, "user:session:{a1}"),
        (
            SinkPolicy("redis", key="{industry}:catalog:{business_id}", entity="business_id"),
            "42",
            {"industry": "rest"},
            "rest:catalog:{42}",
        ),
        (
            SinkPolicy("redis", key="user:session:{session_id}", hash_tags=False),
            "a1",
            {},
            "user:session:a1",
        ),
        (SinkPolicy("redis", key="orders:{id}", prefix="menuca:"), "7", {}, "menuca:orders:{7}"),
        (SinkPolicy("redis", key="orders:{id}"), "", {}, "orders:{%}"),
    ],
)
def test_keys_are_as_described(
    policy: SinkPolicy, entity: str, parts: dict[str, str], key: str
) -> None:
    assert policy.key_of(entity, parts) == key


@given(st.text(), st.text())
def test_all_names_of_an_entity_share_a_slot(entity: str, industry: str) -> None:
    policy = SinkPolicy("redis", key="{industry}:catalog:{id}", entity="id", prefix="p:")
    key = policy.key_of(entity, {"industry": industry})
    names = [key, policy.tag_of("catalog", entity), policy.lease_prefix + key]
    assert len({key_slot(name.encode()) for name in names}) == 1


@given(st.text(), st.text())
def test_two_entities_have_two_names(one: str, other: str) -> None:
    policy = SinkPolicy("redis", key="orders:{id}")
    assert (policy.key_of(one) == policy.key_of(other)) == (one == other)


@pytest.mark.parametrize(
    ("kind", "fields", "message"),
    [
        ("memcached", {}, "unknown"),
        ("redis", {"url_env": "redis://x"}, "url_env is not the name"),
        ("redis", {"key": "a:{x}:{y}"}, "which placeholder is the entity"),
        ("redis", {"key": "a:{x}", "entity": "y"}, "entity='y'"),
        ("redis", {"key": "plain"}, "which placeholder"),
        ("redis", {"key": "a:{x"}, "no pattern"),
        ("redis", {"cluster": True, "hash_tags": False}, "hash_tags"),
        ("redis", {"ttl_s": 0}, "ttl_s=0"),
        ("redis", {"timeout_s": -1}, "timeout_s=-1"),
        ("webhook", {"url_env": "CDN_URL"}, "secret_env"),
        ("notify", {"channel": "c" * 64}, "63 bytes"),
    ],
)
def test_what_cannot_be_is_refused(kind: Kind, fields: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        SinkPolicy(kind, **fields)  # type: ignore[arg-type]


def test_a_key_without_its_part_names_it() -> None:
    policy = SinkPolicy("redis", key="d:{id}:{date}", entity="id")
    with pytest.raises(ConfigurationError, match="'date'"):
        policy.key_of("1")


def test_an_optional_place_is_left_out_where_its_variable_is_not_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    policy = SinkPolicy("redis", url_env="HERE_OR_NOT", optional=True)
    absent = sinks.make(policy)
    assert absent.name == "redis HERE_OR_NOT (not set)"
    assert absent.invalidate("config", named(1)) == {}
    absent.close()
    assert sinks.left_out([policy, SinkPolicy("notify"), policy]) == [
        "redis: HERE_OR_NOT is not set"
    ]
    with pytest.raises(ConfigurationError, match="HERE_OR_NOT is not set"):
        sinks.make(SinkPolicy("redis", url_env="HERE_OR_NOT"))
    monkeypatch.setenv("HERE_OR_NOT", "redis://127.0.0.1:1")
    assert sinks.left_out([policy]) == []
    with pytest.raises(sinks.SinkError):  # set, it is a sink as others are
        sinks.make(policy).invalidate("config", named(1))
