import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_pipeline.snapshots import tags
from perf_pipeline.snapshots.redact import scan

CASES = [
    # the examples of the specification
    (
        "action='%2Fparam*d',controller='index,'framework='spring'",
        {},  # not its format: the comma is inside the quotes
    ),
    (
        r"action='%2Fparam*d',controller='index',framework='spring',"
        r"traceparent='00-5bd66ef5095369c7b0d1f8f4bd33716a-c532cb4098ac3dd2-01',"
        r"tracestate='congo%3Dt61rcWkgMzE%2Crojo%3D00f067aa0ba902b7'",
        {"action": "/param*d", "controller": "index", "framework": "spring"},
    ),
    (
        "controller='assessments',db_driver='django.db.backends.postgresql',"
        "framework='django%3A4.2.1',route='%5Epolls/%24'",
        {
            "controller": "assessments",
            "db_driver": "django.db.backends.postgresql",
            "framework": "django:4.2.1",
            "route": "^polls/$",
        },
    ),
    (" action = 'show' , controller='orders' ", {"action": "show", "controller": "orders"}),
    ("source_location='app/models/order.rb:120'", {"source_location": "app/models/order.rb:120"}),
    ("route='%2Forders%2F%3Aid'", {"route": "/orders/:id"}),
    # a path instead of its pattern
    ("route='%2Forders%2F12%2Fedit'", {"route": "/orders/?/edit"}),
    (r"route='%5Eorders%2F%28%3FP%3Cid%3E%5Cd%2B%29%24'", {"route": r"^orders/(?P<id>\d+)$"}),
    ("route='%2Freset%3Ftoken%3Dabc'", {"route": "/reset"}),
    ("route='%2Fu%2Fbob%40example.org'", {"route": "/u/?"}),
    ("route='%2Ft%2F550e8400-e29b-41d4-a716-446655440000'", {"route": "/t/?"}),
    ("job='Import4111111111111111'", {"job": "Import?"}),
    ("application='sk_live_51HxAbC2dEf3gH4iJ5'", {"application": "sk_live_?"}),
    # whose, not what
    ("tenant='acme',user='bob',request_id='1',application='shop'", {"application": "shop"}),
    # a version of the code
    (
        "release='4.2.1',git_sha='9fceb02d0ae598e95dc970b74767f19372d61af8'",
        {"git_sha": "9fceb02d0ae5", "release": "4.2.1"},
    ),
    ("version='web-2026-11-21+b7'", {"version": "web-2026-11-21+b7"}),
    ("build='4711',commit='9fceb02'", {"build": "4711", "commit": "9fceb02"}),
    ("release='bob@example.org'", {}),
    ("build='123456789'", {}),
    ("version='sk_live_51HxAbC2dEf3gH4iJ5'", {}),
    ("release=''", {}),
    # not harmless, too long, nothing left
    (r"action='O\'Brien'", {}),
    ("action='SELECT %27x%27'", {}),
    (f"action='{'a' * 101}'", {}),
    ("action='123456789'", {}),
    ("action=''", {}),
    # other comments
    ("application:Foo,controller:bar", {}),
    (" just words ", {}),
    ("action='show', and then prose", {}),
    ("a" * 3_000, {}),
    ("action='show'," + "a='b'," * 1_000, {}),
    ("", {}),
]


@pytest.mark.parametrize(("comment", "expected"), CASES)
def test_cases(comment: str, expected: dict[str, str]) -> None:
    assert tags.kept([comment]) == expected


def test_the_escapes_of_the_specification() -> None:
    assert tags.parse(r"name='DROP%20TABLE%20FOO',k%20e='it\'s%2Fhere'") == {
        "name": "DROP TABLE FOO",
        "k e": "it's/here",
    }


def test_tags_are_read_from_a_statement_and_the_comment_goes() -> None:
    scanned = scan("SELECT 1 /* by hand */ FROM t /*action='show',controller='orders'*/")
    assert scanned.text == "SELECT ? FROM t"
    assert tags.kept(scanned.comments) == {"action": "show", "controller": "orders"}
    # a literal is no comment
    assert tags.kept(scan("SELECT '/*action=''show''*/' FROM t").comments) == {}


def test_the_first_of_two_values_counts() -> None:
    assert tags.kept(["action='a'", "action='b',job='c'"]) == {"action": "a", "job": "c"}


@given(st.dictionaries(st.sampled_from(sorted(tags.KEPT)), st.text(max_size=40), max_size=4))
def test_what_is_kept_is_short_and_harmless(written: dict[str, str]) -> None:
    from urllib.parse import quote

    comment = ",".join(f"{key}='{quote(value, safe='')}'" for key, value in written.items())
    assert tags.parse(comment) == written
    for key, value in tags.kept([comment]).items():
        assert key in written
        assert 0 < len(value) <= tags.LONGEST_VALUE
        assert not set(value) & set("'\"=&;%,")


def test_equal_sets_have_one_text() -> None:
    assert (
        tags.to_json({"b": "1", "a": "2"})
        == tags.to_json({"a": "2", "b": "1"})
        == ('{"a":"2","b":"1"}')
    )
