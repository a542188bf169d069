from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from personalagent.profile.evidence import Gated, SpecialCategories, gate, locate
from personalagent.profile.preference import Operation
from personalagent.profile.template import load_template
from tests.make import ALLERGY, CITY, DIET, infers, retracts, states, turn

TEMPLATE = load_template()


def through(text: str, *operations: Operation, special: SpecialCategories = "stated", **more: Any) -> Gated:
    return gate(infers(*operations), turn(text, **more), TEMPLATE, special)


def reasons(gated: Gated) -> list[str]:
    return [rejection.reason for rejection in gated.rejections]


def test_a_span_of_the_turn_is_evidence() -> None:
    gated = through("Well, I went vegetarian last spring.", states(DIET, "vegetarian", "I went vegetarian"))
    (kept,) = gated.inference.operations
    assert (kept.evidence.quote, kept.evidence.start) == ("I went vegetarian", 6)
    assert gated.rejections == ()


def test_case_and_spacing_of_a_quote_may_differ_and_the_users_own_spelling_is_kept() -> None:
    gated = through("I  Went\nVegetarian", states(DIET, "vegetarian", "i went vegetarian"))
    assert gated.inference.operations[0].evidence.quote == "I  Went\nVegetarian"


def test_words_that_were_not_said_are_no_evidence() -> None:
    assert reasons(through("I eat everything", states(DIET, "vegan", "I am vegan"))) == ["no evidence"]


def test_the_assistants_words_are_no_evidence() -> None:
    gated = through("Sounds good!", states(DIET, "vegan", "you are vegan"), replying_to="So you are vegan?")
    assert reasons(gated) == ["no evidence"]


@pytest.mark.parametrize(
    "text",
    [
        'My friend said "I am vegan and proud of it".',
        "She wrote:\n> I am vegan\nwhat should I answer?",
        "```\nI am vegan\n```\nfix the grammar",
        "Reply to this:\n\nFrom: Bob\nSubject: dinner\n\nI am vegan, see you at eight.",
        "----- Forwarded message -----\nI am vegan",
        "On Monday 3 May, Bob wrote:\nI am vegan",
        "Er sagte: „nein”, «I am vegan, strictly»",
    ],
)
def test_quoted_and_pasted_text_is_not_the_users_own(text: str) -> None:
    assert reasons(through(text, states(DIET, "vegan", "I am vegan"))) == ["not the user's words"]


def test_a_quotation_inside_the_evidence_does_not_smuggle_a_value_in() -> None:
    text = 'My friend said "I am vegan and proud of it" yesterday'
    assert reasons(through(text, states(DIET, "vegan", text))) == ["not the user's words"]


def test_a_value_in_other_words_cannot_rest_on_a_quotation() -> None:
    text = 'My friend said "I am vegan and proud of it" yesterday'
    assert reasons(through(text, states(DIET, "plant-based", text))) == ["not the user's words"]


def test_a_short_quoted_title_is_the_users_own_word() -> None:
    gated = through(
        'My favourite film is "Paddington 2"!', states("interests.film.favourite", "Paddington 2")
    )
    assert len(gated.inference.operations) == 1


def test_what_stands_both_in_a_quotation_and_outside_is_the_users_own() -> None:
    text = '"I am vegan" she said, and I am vegan too'
    assert through(text, states(DIET, "vegan", "I am vegan")).rejections == ()


def test_unknown_slots_and_empty_values_are_rejected() -> None:
    gated = through("I am vegan", states("consumption.nonsense.x", "vegan"), states(DIET, "...", "vegan"))
    assert reasons(gated) == ["unknown slot", "empty value"]
    assert gated.inference.classification == "none"


def test_open_slots_of_known_categories_pass() -> None:
    gated = through("I collect spoons", states("interests.other.collecting_spoons", "spoons"))
    assert len(gated.inference.operations) == 1
    assert reasons(through("I collect spoons", states("nosuch.other.spoons", "spoons"))) == ["unknown slot"]


def test_a_retraction_needs_evidence_but_no_value() -> None:
    assert through("that is no longer so", retracts(CITY, quote="no longer so")).rejections == ()
    assert reasons(through("hello", retracts(CITY, quote="no longer so"))) == ["no evidence"]


class TestSpecialCategories:
    def test_stated_outright_passes(self) -> None:
        assert (
            through("My nut allergy put me in hospital", states(ALLERGY, "nuts", "My nut allergy")).rejections
            == ()
        )

    def test_implied_is_rejected(self) -> None:
        implied = states(ALLERGY, "peanuts", "peanut butter is off the table", outright=False)
        gated = through("peanut butter is off the table", implied)
        assert reasons(gated) == ["special category: not stated outright"]

    def test_a_value_that_is_not_in_the_quote_is_not_outright_whatever_the_model_says(self) -> None:
        gated = through(
            "I go to mass on Sundays", states("demographics.religion.faith", "Catholic", "I go to mass")
        )
        assert reasons(gated) == ["special category: not stated outright"]

    def test_the_answer_to_a_question_about_the_slot_is_outright(self) -> None:
        gated = through(
            "the ones from the sea", states(ALLERGY, "shellfish", "the ones from the sea"), answers=ALLERGY
        )
        assert gated.rejections == ()

    def test_no_to_the_question_is_outright(self) -> None:
        none = states(ALLERGY, "no allergies", "Nope, none")
        assert through("Nope, none", none, replying_to="Any allergies?").rejections == ()

    def test_only_a_denial_takes_its_words_from_the_question(self) -> None:
        none = states(ALLERGY, "no allergies", "Sounds lovely")
        gated = through("Sounds lovely", none, replying_to="Any allergies?")
        assert reasons(gated) == ["special category: not stated outright"]

    def test_switched_off_nothing_is_written(self) -> None:
        gated = through("I have a nut allergy", states(ALLERGY, "nut", "nut allergy"), special="never")
        assert reasons(gated) == ["special category: switched off"]

    def test_switched_off_what_is_there_can_still_be_taken_back(self) -> None:
        gated = through(
            "no nut allergy after all", retracts(ALLERGY, "nut", "no nut allergy"), special="never"
        )
        assert gated.rejections == ()

    def test_other_slots_are_not_concerned(self) -> None:
        gated = through(
            "no meat for me", states(DIET, "vegetarian", "no meat", outright=False), special="never"
        )
        assert gated.rejections == ()


def test_the_kind_of_the_slot_is_stamped_on_the_preference() -> None:
    gated = through("I live in Leeds", states(CITY, "Leeds"))
    assert gated.inference.operations[0].preference.kind == "one"


@given(st.text(max_size=80), st.text(min_size=1, max_size=20))
def test_what_passes_is_always_a_span_of_the_turn(text: str, quote: str) -> None:
    gated = through(text, states(DIET, "vegan", quote))
    for operation in gated.inference.operations:
        start = operation.evidence.start
        assert text[start : start + len(operation.evidence.quote)] == operation.evidence.quote
    assert len(gated.inference.operations) + len(gated.rejections) == 1


def test_locate_is_linear_enough_for_a_huge_message() -> None:
    assert locate("needle in it", "hay " * 25_000 + "needle in it") == [(100_000, 100_012)]
