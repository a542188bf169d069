import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from personalagent.corpora import gold
from personalagent.policies.budget import _costs, own_words, shortened, tokens_at_most
from tests.policies.cl100k import costs, tokens

MARGIN = 1.15
"""How far one short text may be above its estimate; a prompt is made of many, and has a margin of its own."""
SAID = [turn.user for one in gold.dialogues(None, "test") for turn in one.turns]


def test_the_reference_is_gpt4s_encoding() -> None:
    assert tokens("hello world") == 2
    assert tokens("consumption.diet.restriction") == 6


def test_of_what_people_say_the_estimate_is_a_little_too_high() -> None:
    estimated, real = sum(map(tokens_at_most, SAID)), sum(map(tokens, SAID))
    assert real <= estimated <= 1.2 * real


@pytest.mark.parametrize("text", SAID[::7])
def test_no_message_is_far_above_its_estimate(text: str) -> None:
    assert tokens(text) <= MARGIN * tokens_at_most(text) + 3


ALPHABETS = {
    "lower": string.ascii_lowercase,
    "letters": string.ascii_letters,
    "digits": string.digits + " ",
    "punctuation": string.punctuation + " ",
    "printable": string.printable,
    "cjk": "".join(map(chr, range(0x4E00, 0x5200))),
    "cyrillic": "".join(map(chr, range(0x410, 0x450))) + " ",
    "emoji": "".join(map(chr, range(0x1F600, 0x1F640))),
    "spaces": " \n\t",
}


@pytest.mark.parametrize("alphabet", ALPHABETS)
@given(data=st.data())
def test_nor_is_any_other_text(alphabet: str, data: st.DataObject) -> None:
    text = data.draw(st.text(ALPHABETS[alphabet], min_size=40, max_size=300))
    assert tokens(text) <= MARGIN * tokens_at_most(text) + 6


@given(st.text(max_size=400), st.integers(0, 60))
def test_a_shortened_text_is_a_beginning_within_the_limit(text: str, limit: int) -> None:
    short = shortened(text, limit)
    assert tokens_at_most(short) <= limit
    assert short == text or not short or text.startswith(short.removesuffix(" …"))


def test_the_table_of_words_is_that_of_the_encoding() -> None:
    assert _costs() == costs().tolist()


def test_a_short_message_stays_as_it_is() -> None:
    assert own_words("I live in Leeds.", 50) == "I live in Leeds."


def test_of_a_long_message_what_speaks_of_the_user_is_kept_in_order() -> None:
    filler = "The weather over the northern hills was cold and the roads were icy. " * 30
    text = f"I live in Leeds. {filler} My knees hurt."
    kept = own_words(text, 60)
    assert kept.startswith("I live in Leeds.")
    assert kept.endswith("My knees hurt.")
    assert tokens_at_most(kept) <= 60


def test_code_and_quotations_are_the_first_to_go() -> None:
    code = "```\n" + "I = my_value + 1\n" * 60 + "```"
    assert (
        own_words(f"I teach physics.\n{code}\nWhy does it fail?", 40) == "I teach physics. Why does it fail?"
    )


@given(st.text(max_size=3000), st.integers(20, 200))
def test_own_words_keep_the_limit_whatever_the_text(text: str, limit: int) -> None:
    assert tokens_at_most(own_words(text, limit)) <= limit
