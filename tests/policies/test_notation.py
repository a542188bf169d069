"""write_inference and parse_inference are inverse to each other; the parser survives everything."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from personalagent.policies.notation import GRADES, MOST_LINES, parse_inference, write_inference
from personalagent.policies.policy import Failure
from personalagent.profile.preference import Evidence, Inference, Need, Operation, Preference
from personalagent.profile.template import load_template
from tests.make import CITY, DIET

SLOTS = list(load_template().slots)
WORDS = st.text("abcdefghij ÄéøñЖ中'.,!?%&/()0123456789-", min_size=1, max_size=40).map(
    lambda text: " ".join(text.split())
)
VALUES = WORDS.filter(lambda text: re.fullmatch(r"\w.*", text) and text not in ("null", "none", "na"))
SCOPES = st.none() | WORDS.filter(bool)
EMPTY = write_inference(Inference())


@st.composite
def operations(draw: st.DrawFn) -> Operation:
    retracts = draw(st.booleans())
    preference = Preference(
        slot=draw(st.sampled_from(SLOTS)),
        value=draw(VALUES | st.just("")) if retracts else draw(VALUES),
        polarity="neutral" if retracts else draw(st.sampled_from(["neutral", "like", "dislike", "avoid"])),
        scope=draw(SCOPES),
    )
    evidence = Evidence(quote=draw(WORDS.filter(bool)))
    return Operation(action="retract" if retracts else "assert", preference=preference, evidence=evidence)


INFERENCES = st.builds(
    Inference,
    operations=st.lists(operations(), max_size=8).map(
        lambda found: tuple(sorted(found, key=lambda op: op.preference.slot.startswith("personality.")))
    ),
    classification=st.sampled_from(["new", "update", "retract", "none"]),
    needs=st.lists(
        st.builds(Need, slot=st.sampled_from(SLOTS), weight=st.sampled_from(list(GRADES.values()))),
        max_size=5,
        unique_by=lambda need: need.slot,
    ).map(tuple),
)


@given(INFERENCES)
def test_what_is_written_is_read_back(inference: Inference) -> None:
    assert parse_inference(write_inference(inference)) == inference


@given(st.text(max_size=400))
def test_any_text_is_a_failure_or_an_inference(text: str) -> None:
    assert isinstance(parse_inference(text), Failure | Inference)


@given(INFERENCES, st.data())
def test_a_damaged_reply_is_read_or_refused_and_nothing_is_invented(
    inference: Inference, data: st.DataObject
) -> None:
    reply = write_inference(inference)
    start = data.draw(st.integers(0, len(reply)))
    end = data.draw(st.integers(start, min(len(reply), start + 30)))
    damaged = reply[:start] + data.draw(st.text(max_size=20)) + reply[end:]
    found = parse_inference(damaged)
    if isinstance(found, Inference):
        flat = " ".join(damaged.split())
        for operation in found.operations:
            assert operation.preference.slot in flat
            assert operation.preference.value in flat
            assert operation.evidence.quote in flat
            assert (operation.preference.scope or "") in flat
        assert all(need.slot in flat for need in found.needs or ())


def replied(profile: str = "", personality: str = "", classification: str = "new", needs: str = "") -> str:
    return (
        f"<inferred_profile>\n{profile}\n</inferred_profile>\n<inferred_personality>\n{personality}\n"
        f"</inferred_personality>\n<classification>{classification}</classification>\n<needs>\n{needs}\n</needs>"
    )


def read(reply: str) -> Inference:
    found = parse_inference(reply)
    assert isinstance(found, Inference), found
    return found


def only(reply: str) -> Operation:
    (operation,) = read(reply).operations
    return operation


def test_the_example_of_the_module_is_read() -> None:
    found = read(
        replied(
            f'{DIET} = vegetarian | "I went vegetarian last spring"\n{CITY} -= Leeds | "we left Leeds"',
            'personality.communication.humor = likes dry jokes [in private] | "keep the dry jokes coming"',
            "update",
            "interests.film.genre = decides\ninterests.film.language = helps",
        )
    )
    diet, city, humor = found.operations
    assert (diet.action, diet.preference.value, diet.evidence.quote) == (
        "assert",
        "vegetarian",
        "I went vegetarian last spring",
    )
    assert (city.action, city.preference.value) == ("retract", "Leeds")
    assert (humor.preference.polarity, humor.preference.scope) == ("like", "in private")
    assert found.needs is not None
    assert [need.weight for need in found.needs] == [1.0, 0.4]
    assert found.classification == "update"


@pytest.mark.parametrize(
    "reply",
    [
        f"<think>She is vegan.\n<classification>none</classification></think>\n{EMPTY}",
        f"Sure, here it is:\n```\n{EMPTY}\n```",
        EMPTY.replace("\n<needs>\n</needs>", ""),
        EMPTY.replace("<inferred_personality>\n</inferred_personality>\n", ""),
        EMPTY.replace(">none<", "> None <"),
        replied("none", "null", "none", "N/A"),
        replied("(none)", "-", "none"),
        replied(f"{DIET} =\n{CITY} = none", classification="none"),
        replied(f'{DIET} = null\n{CITY} = unknown | ""', classification="none"),
    ],
)
def test_what_chat_models_write_around_it_does_no_harm(reply: str) -> None:
    assert read(reply).operations == ()
    assert read(reply).classification == "none"


def test_bullets_and_typographic_quotes_are_read() -> None:
    operation = only(replied(f"- {DIET} = vegan | “I am vegan”"))
    assert (operation.preference.value, operation.evidence.quote) == ("vegan", "I am vegan")


def test_quotes_and_bars_within_a_quotation_are_kept() -> None:
    operation = only(replied(f'{DIET} = vegan | "I am "vegan" | mostly"'))
    assert operation.evidence.quote == 'I am "vegan" | mostly'


@pytest.mark.parametrize(
    ("said", "quote"),
    [
        ("vegan | 'I am vegan'", "I am vegan"),
        ('vegan | "I am vegan".', "I am vegan"),
        ('vegan | "I am vegan" (stated)', "I am vegan"),
        ("vegan | «I am vegan»", "I am vegan"),
        ("vegan | 'cause I'm vegan", "'cause I'm vegan"),
        ("vegan | I am vegan", "I am vegan"),
        ('"vegan" | "I am vegan"', "I am vegan"),
        ('vegan | "I am\u2028vegan"', "I am vegan"),
    ],
)
def test_slips_of_form_lose_no_value(said: str, quote: str) -> None:
    operation = only(replied(f"{DIET} = {said}"))
    assert (operation.preference.value, operation.evidence.quote) == ("vegan", quote)


@pytest.mark.parametrize(
    ("said", "polarity", "value"),
    [
        ("Likes cats", "like", "cats"),
        ("likes dislikes of others", "like", "dislikes of others"),
        ("5'11\"", "neutral", "5'11\""),
        ("tea [sic] with milk", "neutral", "tea [sic] with milk"),
    ],
)
def test_values_are_read_as_they_stand(said: str, polarity: str, value: str) -> None:
    preference = only(replied(f'{DIET} = {said} | "q"')).preference
    assert (preference.polarity, preference.value) == (polarity, value)


def test_a_cat_may_be_called_null_and_what_is_unknown_is_left_out() -> None:
    assert only(replied('family.pets.name = Null | "our cat Null"')).preference.value == "Null"
    assert read(replied(f'{DIET} = unknown | "dinner?"')).operations == ()


def test_a_long_line_takes_no_time() -> None:
    for filler in (" ", "|", '"', "[", "= "):
        assert parse_inference(replied(f'{DIET} = x{filler * 3000}y | "q"')) is not None


def test_a_value_without_a_quotation_is_its_own_evidence() -> None:
    assert only(replied(f"{DIET} = vegan")).evidence.quote == "vegan"


def test_no_needs_block_is_not_the_same_as_no_needs() -> None:
    assert read(EMPTY).needs == ()
    assert read(EMPTY.split("<needs>")[0]).needs is None


def test_clearing_a_slot_names_no_value() -> None:
    operation = only(replied(f'{CITY} -= | "we have no home now"', classification="retract"))
    assert (operation.action, operation.preference.value) == ("retract", "")


@pytest.mark.parametrize(
    ("reply", "detail"),
    [
        ("", "no <inferred_profile> block"),
        (EMPTY.split("<classification>")[0], "no <classification> block"),
        (EMPTY[:-30].replace("</classification>", ""), "no <classification> block"),
        (replied(classification="maybe"), "not a classification"),
        (replied("She is vegan."), "not a line of a profile"),
        (replied(f'{DIET} = vegan ("I am vegan") and "so on"'), "not a value"),
        (replied(f'{DIET} == vegan | "I am vegan"'), "not a value"),
        (replied(f'{DIET} = vegan | "I am | so'), "not one quotation"),
        (replied(f'{DIET} = vegan | "a" | "b"'), "not one quotation"),
        (EMPTY + " " * 20_000, "characters"),
        (replied('diet = vegan | "I am vegan"'), "slot"),
        (replied(f"{DIET} -="), "neither a value nor a quotation"),
        (replied(f'{DIET} = {"x" * 201} | "x"'), "preference.value"),
        (replied(needs="interests.film.genre"), "not a line of needs"),
        (replied(needs="interests.film.genre = perhaps"), "not a line of needs"),
        (replied("\n".join([f'{DIET} = vegan | "v"'] * (MOST_LINES + 1))), "more than"),
    ],
)
def test_what_cannot_be_read_is_a_failure_that_says_what(reply: str, detail: str) -> None:
    found = parse_inference(reply)
    assert isinstance(found, Failure)
    assert found.kind == "malformed"
    assert detail in found.detail
