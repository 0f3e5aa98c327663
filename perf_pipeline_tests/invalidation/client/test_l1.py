"""The process' level against a plain model of it."""

from collections import OrderedDict
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from perf_pipeline.invalidation.client.l1 import L1, MISSING, Ident

MOST = 4

names = st.sampled_from(["a", "b"])
entities = st.sampled_from(["1", "2", "3"])
idents = st.tuples(names, entities, st.integers(0, 1))
steps = st.lists(
    st.one_of(
        st.tuples(st.just("get"), idents),
        st.tuples(st.just("put"), idents, st.integers(0, 9), st.integers(0, 5)),
        st.tuples(st.just("forget"), names, st.one_of(entities, st.just("*"))),
        st.tuples(st.just("wait"), st.integers(1, 3)),
        st.tuples(st.just("clear")),
    ),
    max_size=60,
)


class Model:
    """As slow and plain as can be: one list in the order of use."""

    def __init__(self) -> None:
        self.held: OrderedDict[Ident, tuple[int, float]] = OrderedDict()

    def get(self, ident: Ident, now: float) -> Any:
        if ident in self.held and self.held[ident][1] <= now:
            del self.held[ident]
        if ident not in self.held:
            return MISSING
        self.held.move_to_end(ident)
        return self.held[ident][0]

    def put(self, ident: Ident, value: int, ttl: int, now: float) -> None:
        if ttl > 0:
            self.held[ident] = (value, now + ttl)
            self.held.move_to_end(ident)
            while len(self.held) > MOST:
                self.held.popitem(last=False)


@given(steps)
def test_it_does_what_the_model_does(history: list[tuple[Any, ...]]) -> None:
    now = 0.0
    level, model = L1(MOST, lambda: now), Model()
    for step in history:
        match step:
            case ("get", ident):
                assert level.get(ident) == model.get(ident, now)
            case ("put", ident, value, ttl):
                level.put(ident, value, ttl)
                model.put(ident, value, ttl, now)
            case ("forget", name, entity):
                level.forget(name, entity)
                for ident in list(model.held):
                    if ident[0] == name and entity in ("*", ident[1]):
                        del model.held[ident]
            case ("wait", seconds):
                now += seconds
            case _:
                level.clear()
                model.held.clear()
        assert len(level) == len(model.held)
