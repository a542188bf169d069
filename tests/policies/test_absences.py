import pytest

from personalagent.policies.absences import absences
from personalagent.policies.clauses import own_sentences

ALLERGY = ("consumption.diet.allergy", "no allergies")
DIET = ("consumption.diet.restriction", "no dietary restrictions")


def found(text: str, replying_to: str = "") -> set[tuple[str, str]]:
    lower = text.lower()
    return {(one.slot, one.value) for one in absences(lower, own_sentences(text), replying_to)}


@pytest.mark.parametrize(
    ("text", "question", "expected"),
    [
        ("I have no allergies", "", {ALLERGY}),
        ("no food allergies at all", "", {ALLERGY}),
        ("i'm not allergic to anything", "", {ALLERGY}),
        ("No", "Do you have any allergies?", {ALLERGY}),
        ("Nope, thanks", "Lovely. Any allergies or dietary requirements?", {ALLERGY, DIET}),
        ("No, I don't have any allergies.", "Any allergies or dietary requirements?", {ALLERGY}),
        ("I don't have any dietary restrictions", "", {DIET}),
        ("Yes, peanuts", "Do you have any allergies?", set()),
        ("No, but I can't stand coriander", "Do you have any allergies?", set()),
        ("No", "Shall I go on?", set()),
        ("Are there no allergies to think of?", "", set()),
        ("my son has allergies", "", set()),
        ("my son has no allergies", "", set()),
        ("she doesn't have any allergies", "", set()),
        ("my wife and i have no allergies", "", {ALLERGY}),
        ("the doctor says i have no allergies", "", {ALLERGY}),
        ("Translate: I have no allergies", "", set()),
        ("Translate this into German: Good evening. I have no allergies", "", set()),
        ("Sure. No", "Any allergies?", set()),
        ("no idea what to cook", "", set()),
    ],
)
def test_what_is_said_to_be_absent(text: str, question: str, expected: set[tuple[str, str]]) -> None:
    assert found(text, question) == expected


def test_the_place_is_the_sentence_that_says_so() -> None:
    text = "hi there. i have no allergies. what now?"
    (one,) = absences(text, own_sentences(text), "")
    assert text[one.start : one.end].strip() == "i have no allergies."
