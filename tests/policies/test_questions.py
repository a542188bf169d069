import pytest

from personalagent.nodes.clarify import answer_text
from personalagent.policies.policy import Failure
from personalagent.policies.questions import settled
from personalagent.profile.log import Outcome
from tests.make import ALLERGY, DIET, entry, retracts, states, turn


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I'd rather not say", "declined"),
        ("skip", "declined"),
        ("I don't know", "unknown"),
        ("no preference", "unknown"),
        ("sure, fine", "unknown"),
        ("what do you mean?", None),
        ("by the way, " + "so much happened at work today that I hardly know where to begin, " * 2, None),
    ],
)
def test_what_became_of_a_question_whose_answer_gave_no_value(text: str, expected: Outcome | None) -> None:
    assert settled(turn(text, answers=DIET), entry(0)) == expected


def test_a_value_for_the_slot_answers_it_and_one_for_another_does_not() -> None:
    said = turn("vegan", answers=DIET)
    assert settled(said, entry(0, states(DIET, "vegan"))) == "answered"
    assert settled(said, entry(0, states(ALLERGY, "nuts"))) == "unknown"
    assert settled(said, entry(0, retracts(DIET))) == "unknown"


def test_an_answer_that_could_not_be_read_is_an_answer() -> None:
    assert settled(turn("vegan", answers=DIET), Failure(kind="timeout")) == "answered"
    assert settled(turn("skip", answers=DIET), Failure(kind="timeout")) == "declined"


@pytest.mark.parametrize(
    ("resumed", "text"),
    [
        ("vegan", "vegan"),
        ({"answer": "vegan"}, "vegan"),
        ({"text": "vegan"}, "vegan"),
        (7, "7"),
        ("", "I'd rather not say."),
        (None, "I'd rather not say."),
        ({}, "I'd rather not say."),
    ],
)
def test_whatever_a_client_resumes_with_is_an_answer_in_words(resumed: object, text: str) -> None:
    assert answer_text(resumed) == text
