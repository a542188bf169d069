"""What kind of turn it was, from what it says and what was known before."""

import pytest

from personalagent.policies.embedded import likeness
from personalagent.policies.operations import classify
from personalagent.profile.preference import Operation
from personalagent.profile.profile import fold
from tests.make import BUDGET, CITY, DIET, entry, retracts, states

KNOWN = fold([entry(1, states(CITY, "Leeds", kind="one"), states(DIET, "vegan"))])


@pytest.mark.parametrize(
    ("operations", "expected"),
    [
        ((), "none"),
        ((states(BUDGET, "400 euros"),), "new"),
        ((states(CITY, "Leeds", kind="one"),), "none"),
        ((states(CITY, "Porto", kind="one"),), "update"),
        ((retracts(DIET, "vegan"),), "retract"),
        ((retracts(DIET, "vegan"), states(BUDGET, "400 euros")), "update"),
    ],
)
def test_the_kind_of_a_turn(operations: tuple[Operation, ...], expected: str) -> None:
    assert classify(operations, KNOWN) == expected


@pytest.mark.parametrize(
    ("said", "held", "expected"),
    [
        ("the Corsa", "Corsa", 1.0),
        ("the grading", "no grading after supper", 1.0),
        ("5am reading", "5am before lectures", 0.5),
        ("the job", "the flat", 0.0),
        ("it", "it", 0.0),
        ("", "vegan", 0.0),
    ],
)
def test_words_that_name_what_is_held(said: str, held: str, expected: float) -> None:
    assert likeness(said, held) == likeness(held, said) == expected
