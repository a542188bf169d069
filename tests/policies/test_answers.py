"""Reading answers: refusals, ignorance, and values."""

import pytest

from personalagent.policies.answers import answers, declined, unknown
from personalagent.profile.template import load_template

TEMPLATE = load_template()


@pytest.mark.parametrize(
    "text",
    [
        "skip",
        "Skip this.",
        "pass",
        "I'd rather not say",
        "I’d rather not say.",
        "no thanks",
        "No, thank you!",
        "None of your business",
        "I don't want to share that",
        "prefer not to say",
        "that's private",
        "stop asking me",
        "I'm not comfortable answering that",
        "never mind",
    ],
)
def test_a_refusal_is_recognised(text: str) -> None:
    assert declined(text)
    assert not unknown(text)


@pytest.mark.parametrize(
    "text",
    [
        "I don't know",
        "no idea",
        "No preference.",
        "doesn't matter",
        "it depends",
        "not sure",
        "I'm not really sure",
        "whatever",
        "anything is fine",
        "you choose",
        "I have no strong preference",
        "dunno",
        "up to you!",
    ],
)
def test_ignorance_is_recognised(text: str) -> None:
    assert unknown(text)
    assert not declined(text)


@pytest.mark.parametrize(
    "text",
    [
        "vegetarian",
        "two cats",
        "no dairy",
        "I pass through Leeds every day",
        "Skipping breakfast suits me",
        "I know a lot of Thai food",
        "peanuts",
        "",
        "   ",
        "either tea or coffee",
        "I skip breakfast, I'd say " * 10,
    ],
)
def test_an_answer_is_neither(text: str) -> None:
    assert not declined(text)
    assert not unknown(text)


@pytest.mark.parametrize(
    ("text", "slot", "values"),
    [
        ("mostly vegetarian, thanks!", "consumption.diet.restriction", ["mostly vegetarian"]),
        ("peanuts and shellfish", "consumption.diet.allergy", ["peanuts", "shellfish"]),
        ("Peanuts, soy, and shellfish.", "consumption.diet.allergy", ["Peanuts", "soy", "shellfish"]),
        ("I'm vegan", "consumption.diet.restriction", ["vegan"]),
        ("Well, I live in Porto", "geography.home.city", ["Porto"]),
        ("No, nothing", "consumption.diet.restriction", ["none"]),
        ("None", "consumption.diet.allergy", ["none"]),
        ("no allergies", "consumption.diet.allergy", ["none"]),
        ("two cats", "family.pets.owned", ["two cats"]),
        ("yes", "consumption.diet.restriction", []),
        ("Why do you ask?", "consumption.diet.restriction", []),
        ("Just give me the recipe", "consumption.diet.restriction", []),
        ("skip", "consumption.diet.restriction", []),
        ("my wife hates fish", "consumption.diet.restriction", []),
        ("🙂🙂", "geography.home.city", []),
    ],
)
def test_values_are_read(text: str, slot: str, values: list[str]) -> None:
    known = TEMPLATE.slot(slot)
    assert known is not None
    assert [answer.value for answer in answers(text, known)] == values


def test_the_slot_gives_the_polarity() -> None:
    allergy = TEMPLATE.slot("consumption.diet.allergy")
    dislike = TEMPLATE.slot("consumption.diet.dislike")
    assert allergy is not None
    assert dislike is not None
    assert answers("peanuts", allergy)[0].polarity == "avoid"
    assert answers("olives", dislike)[0].polarity == "dislike"
