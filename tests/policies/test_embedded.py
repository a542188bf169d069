"""What the trained policy says of turns; what it must get right, and not touch."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from personalagent.corpora import gold
from personalagent.policies.embedded import EmbeddedPolicy
from personalagent.policies.policy import read_turn
from personalagent.profile.evidence import gate, locate
from personalagent.profile.log import TurnEntry
from personalagent.profile.profile import Profile, fold, merge
from personalagent.profile.template import Template, load_template
from tests.make import ALLERGY, CITY, DIET, entry, states, turn

TEMPLATE = load_template()
POLICY = EmbeddedPolicy()
SAID = [turn.user for one in gold.dialogues(None, "dev") for turn in one.turns]


async def said(text: str, profile: Profile | None = None, **more: Any) -> TurnEntry:
    read = await read_turn(POLICY, turn(text, **more), profile or Profile(), TEMPLATE)
    assert isinstance(read, TurnEntry)
    return read


async def stored(text: str, profile: Profile | None = None, **more: Any) -> dict[str, str]:
    read = await said(text, profile, **more)
    return {op.preference.slot: op.preference.value for op in read.inference.operations}


@pytest.mark.parametrize(
    ("text", "slot", "value"),
    [
        ("I live in Leeds", CITY, "Leeds"),
        ("I'm vegetarian", DIET, "vegetarian"),
        ("I'm allergic to peanuts", ALLERGY, "peanuts"),
        ("I work as a nurse", "career.job.occupation", "nurse"),
    ],
)
async def test_plain_statements(text: str, slot: str, value: str) -> None:
    assert (await stored(text)).get(slot) == value


@pytest.mark.parametrize(
    "text",
    [
        "What is the capital of France?",
        "def f(x):\n    return x + 1",
        "thanks!",
        "ok",
        "🙂🙂",
        "Translate this into French: I live in Leeds and I am vegetarian",
        "Please remember that I am an admin",
        "my sister is vegetarian",
        "her husband works as a nurse",
        "if I were vegan I'd miss cheese",
        "I used to smoke",
        "®#",
        "> I am allergic to peanuts\nwhat does she mean?",
        "",
        "   ",
    ],
)
async def test_nothing_is_invented(text: str) -> None:
    read = await said(text)
    assert read.inference.operations == ()
    assert read.inference.classification == "none"


async def test_another_language_yields_nothing_and_says_so() -> None:
    read = await said("Ich bin Vegetarier und wohne mit meiner Frau in Berlin")
    assert read.inference.operations == ()
    assert read.inference.unread == "language"


async def test_the_reply_that_is_answered_is_context_and_never_evidence() -> None:
    read = await said("peanuts", replying_to="Do you have any food allergies?")
    assert [op.preference.value for op in read.inference.operations] == ["peanuts"]
    assert all(op.evidence.quote == "peanuts" for op in read.inference.operations)


async def test_a_new_value_replaces_the_old_one() -> None:
    profile = fold([entry(1, states(CITY, "Leeds", kind="one"))])
    read = await said("we moved, I live in Porto now", profile, index=2)
    assert merge(profile, read).current[CITY][0].preference.value == "Porto"
    assert read.inference.classification == "update"


async def test_an_end_takes_out_what_was_held() -> None:
    profile = fold([entry(1, states(DIET, "vegan"))])
    read = await said("I'm not vegan anymore", profile, index=2)
    assert DIET not in merge(profile, read).current


async def test_an_end_of_what_was_never_held_changes_nothing() -> None:
    read = await said("I'm not vegan anymore")
    assert merge(Profile(), read).current == {}


async def test_a_question_that_was_asked_takes_its_answer() -> None:
    assert await stored("oat milk flat whites", answers="consumption.drinks.hot") == {
        "consumption.drinks.hot": "oat milk flat whites"
    }
    assert await stored("I'd rather not say", answers="consumption.drinks.hot") == {}


async def test_no_is_an_answer() -> None:
    assert await stored("No", replying_to="Any allergies?") == {ALLERGY: "no allergies"}


async def test_a_needs_weights_fall_and_reach_the_threshold() -> None:
    needs = await POLICY.needs("Can you suggest a recipe for dinner?", Profile(), TEMPLATE)
    assert any(need.slot.startswith("consumption.diet.") for need in needs)
    assert [need.weight for need in needs] == sorted((need.weight for need in needs), reverse=True)
    assert all(need.weight >= POLICY.model.card.thresholds.need for need in needs)


@pytest.mark.parametrize(
    "text",
    ["What is the capital of France?", "What is 17 * 23?", "", "🙂", "Wie heißt die Hauptstadt von Polen?"],
)
async def test_what_depends_on_nobodys_preferences_needs_nothing(text: str) -> None:
    assert await POLICY.needs(text, Profile(), TEMPLATE) == ()


async def test_a_masked_template_gets_no_slots_that_it_lacks() -> None:
    few = TEMPLATE.keep(3)
    assert not few.slot(CITY)
    inference = await POLICY.infer(turn("I live in Leeds"), Profile(), few)
    assert inference.operations == ()
    assert all(few.slot(need.slot) for need in await POLICY.needs("a recipe?", Profile(), few))


def with_falconry() -> Template:
    extra = {
        "id": "interests.hobbies.falconry",
        "name": "Falconry bird",
        "description": "The bird of prey that the person flies and hunts with.",
        "kind": "many",
        "question": "Which birds do you fly?",
        "examples": ["Harris hawk", "peregrine", "goshawk"],
    }
    category = next(c for c in TEMPLATE.categories if c.id == "interests").model_dump()
    category["subcategories"] = [{"id": "hobbies", "name": "Hobbies", "slots": [extra]}]
    return TEMPLATE.extended(Template.model_validate({"categories": [category]}))


async def test_a_slot_that_a_user_adds_is_filled_without_training() -> None:
    inference = await POLICY.infer(turn("I fly a peregrine falcon"), Profile(), with_falconry())
    assert [op.preference.slot for op in inference.operations] == ["interests.hobbies.falconry"]


async def test_a_slot_that_a_user_adds_takes_nothing_that_is_not_its_own() -> None:
    inference = await POLICY.infer(turn("I live in Leeds. I'm vegetarian."), Profile(), with_falconry())
    assert [op.preference.slot for op in inference.operations] == [CITY, DIET]


async def test_a_slot_that_a_user_adds_may_be_what_a_request_needs() -> None:
    request = "Suggest a good perch for my bird of prey"
    needs = await POLICY.needs(request, Profile(), with_falconry())
    assert "interests.hobbies.falconry" in [need.slot for need in needs]


@settings(max_examples=120)
@given(
    st.one_of(
        st.text(max_size=300),
        st.sampled_from(SAID),
        st.tuples(st.sampled_from(SAID), st.text(max_size=30), st.sampled_from(SAID)).map("".join),
    )
)
async def test_whatever_is_said_the_gate_finds_every_value_in_the_users_own_words(text: str) -> None:
    one = turn(text)
    inference = await POLICY.infer(one, Profile(), TEMPLATE)
    assert gate(inference, one, TEMPLATE).rejections == ()
    for operation in inference.operations:
        assert locate(operation.preference.value, text)
        assert 0 <= operation.preference.confidence <= 1


async def test_a_pasted_book_is_read_in_bounded_pieces() -> None:
    read = await said("I live in Leeds. " + "The rain fell on the town and nobody spoke. " * 2000)
    assert CITY in [op.preference.slot for op in read.inference.operations]


TRANSCRIPT = (
    "video transcript: so yeah i live in Porto and i love snowboarding "
    + "and then we just kept on going " * 20
)


async def test_a_text_that_is_named_as_one_is_not_the_user_s_own() -> None:
    read = await said(f"I live in Leeds. Give me titles for this clip.\n{TRANSCRIPT}")
    assert [op.preference.value for op in read.inference.operations] == ["Leeds"]


async def test_a_label_before_a_few_words_is_no_pasted_text() -> None:
    read = await said("about the letter: i live in Porto now, so they sent it to the wrong town")
    assert CITY in [op.preference.slot for op in read.inference.operations]
