"""Which proposed operation is which gold operation."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from personalagent.corpora.gold import GoldOperation
from personalagent.corpora.pairing import meets, paired
from personalagent.profile.preference import Operation
from tests.make import ALLERGY, CITY, DIET, retracts, states

WORDS = st.sampled_from(["red wine", "white wine", "wine", "dry red wine", "beer"])
MINE = st.lists(st.builds(states, st.sampled_from([DIET, CITY]), WORDS), max_size=5)
TOLD = st.lists(
    st.builds(
        lambda slots, value: GoldOperation(slots=slots, value=value, evidence=value),
        st.sampled_from([(DIET,), (CITY,), (CITY, DIET)]),
        WORDS,
    ),
    max_size=5,
)
VEGAN = GoldOperation(slots=(DIET, ALLERGY), value="strictly vegan", evidence="I am strictly vegan")
LEFT = GoldOperation(
    action="retract", slots=(CITY,), value="Leeds", mention="that town", evidence="we left that town"
)
KIDS = GoldOperation(slots=(DIET,), value="likes kids", evidence="she likes kids")


@pytest.mark.parametrize(
    ("operation", "told", "met"),
    [
        (states(DIET, "vegan"), VEGAN, True),
        (states(ALLERGY, "Strictly vegan!"), VEGAN, True),
        (states(CITY, "vegan"), VEGAN, False),
        (states(DIET, "vegetarian"), VEGAN, False),
        (states(DIET, "vegan", polarity="avoid"), VEGAN, False),
        (retracts(DIET, "vegan"), VEGAN, False),
        (states(DIET, "vegan", scope="at home"), VEGAN, True),
        (states(DIET, "vegan"), VEGAN.model_copy(update={"scope": "at home"}), False),
        (states(DIET, "vegan", scope="at home"), VEGAN.model_copy(update={"scope": "home"}), True),
        (retracts(CITY, "leeds"), LEFT, True),
        (retracts(CITY, "that town"), LEFT, True),
        (retracts(CITY), LEFT, True),
        (retracts(CITY, "York"), LEFT, False),
        (states(CITY, "Leeds"), LEFT, False),
        (states(DIET, "kids", polarity="like"), KIDS, True),
        (states(DIET, "kids", polarity="dislike"), KIDS, False),
        (states(DIET, "likes kids", polarity="like"), KIDS, False),
    ],
)
def test_what_meets_gold(operation: Operation, told: GoldOperation, met: bool) -> None:
    assert meets(operation, told) == met


def test_as_many_are_paired_as_can_be_whatever_comes_first() -> None:
    either = GoldOperation(slots=(DIET,), value="wine", evidence="wine")
    red = GoldOperation(slots=(DIET,), value="dry red wine", evidence="dry red wine")
    both, one = states(DIET, "wine"), states(DIET, "house wine")  # softly, only `both` is the red wine
    assert meets(both, either)
    assert meets(both, red)
    assert not meets(one, red)
    for mine in ([both, one], [one, both]):
        for told in ([either, red], [red, either]):
            assert set(map(repr, paired(mine, told).pairs)) == {repr((both, red)), repr((one, either))}


def test_the_likest_are_paired() -> None:
    told = GoldOperation(slots=(DIET,), value="red wine", evidence="red wine")
    found = paired([states(DIET, "wine"), states(DIET, "red wine")], [told])
    assert found.pairs == ((states(DIET, "red wine"), told),)
    assert found.beside == (states(DIET, "wine"),)


def test_what_is_said_twice_is_paired_once() -> None:
    one = states(DIET, "strictly vegan")
    found = paired([one, one], [VEGAN])
    assert (found.pairs, found.beside, found.missed) == (((one, VEGAN),), (one,), ())


@given(MINE, TOLD, st.randoms(use_true_random=False))
def test_pairs_are_one_to_one_and_the_order_changes_nothing(
    mine: list[Operation], told: list[GoldOperation], order: random.Random
) -> None:
    found = paired(mine, told)
    assert all(meets(one, other) for one, other in found.pairs)
    assert len(found.pairs) + len(found.beside) == len(mine)
    assert len(found.pairs) + len(found.missed) == len(told)
    assert not any(meets(one, other) for one in found.beside for other in found.missed)
    again = paired(order.sample(mine, len(mine)), order.sample(told, len(told)))
    assert sorted(map(repr, again.pairs)) == sorted(map(repr, found.pairs))


@given(TOLD)
def test_gold_meets_itself(told: list[GoldOperation]) -> None:
    mine = [states(one.slots[0], one.value) for one in told]
    assert not paired(mine, told).missed
