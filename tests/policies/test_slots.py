"""The index from words to slots and request kinds."""

import re

import pytest

from personalagent.policies.slots import head_of, slot_index, words
from personalagent.profile.template import load_template

TEMPLATE = load_template()


@pytest.mark.parametrize(
    ("value", "context", "slot"),
    [
        ("spicy food", "i avoid spicy food", "consumption.diet.spice"),
        ("aisle seat", "i prefer an aisle seat", "scenario.journeys.seat"),
        ("jazz", "i love jazz", "interests.music.genre"),
        ("night owl", "i'm a night owl", "personality.rhythm.chronotype"),
        ("open-source software", "i prefer open-source software", "digital.apps.licence"),
    ],
)
def test_a_value_finds_its_slot(value: str, context: str, slot: str) -> None:
    best = slot_index(TEMPLATE).best(value, context)
    assert best is not None
    assert best.slot.id == slot


def test_slots_can_be_excluded() -> None:
    index = slot_index(TEMPLATE)
    first = index.best("jump scares")
    assert first is not None
    second = index.best("jump scares", without=re.escape(first.slot.id))
    assert second is None or (second.slot.id != first.slot.id and second.score <= first.score)


@pytest.mark.parametrize("text", ["", "   ", "!!!", "寿司", "xyzzy plugh"])
def test_what_names_nothing_finds_nothing(text: str) -> None:
    index = slot_index(TEMPLATE)
    assert index.best(text) is None
    assert index.kinds(text) == ()


@pytest.mark.parametrize(
    ("request_text", "kinds"),
    [
        ("a recipe for dinner", ("recipe",)),
        ("Where to stay and a restaurant nearby", ("lodging", "restaurant")),
        ("Recommend a video game", ("game",)),
        ("a meal plan", ("meal_plan",)),
        ("scarcely any carpets", ()),
    ],
)
def test_request_kinds_are_found_by_whole_words(request_text: str, kinds: tuple[str, ...]) -> None:
    assert slot_index(TEMPLATE).kinds(request_text) == kinds


def test_words_are_compared_without_case_and_plural() -> None:
    assert words("Dishes, stories & Cats’ toys") == ("dish", "story", "cat", "toy")
    assert head_of("games with pixel graphics").strip() == "games"


def test_the_index_is_built_once_per_template() -> None:
    assert slot_index(TEMPLATE) is slot_index(TEMPLATE)
    smaller = TEMPLATE.keep(2)
    assert slot_index(smaller) is not slot_index(TEMPLATE)
