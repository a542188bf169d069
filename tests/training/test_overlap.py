"""Overlap with gold: BLEU and F1."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from personalagent.errors import DataError
from personalagent.profile.preference import Operation
from personalagent.training.episodes import Told
from personalagent.training.overlap import bleu, preference_f1, reply_bleu
from tests.make import ALLERGY, CITY, DIET, states, turn
from tests.training.steps import BROKEN, gold, replied, right_steps, step, told

TEXTS = st.text("ab <>\n", max_size=30)
LINE = "I am vegan and live in Leeds"
GOLD = told(LINE, gold(DIET, "vegan"), gold(CITY, "Leeds"))


def test_bleu_by_hand() -> None:
    """Three of four words, two of three pairs, one of two triples, no quadruple; no brevity penalty."""
    logs = math.log(3 / 4) + math.log((2 + 1) / (3 + 1)) + math.log((1 + 1) / (2 + 1)) + math.log(1 / 2)
    assert bleu("the cat sat down", "the cat sat there") == pytest.approx(math.exp(logs / 4))


def test_bleu_is_hard_on_short_texts_and_counts_no_word_more_often_than_gold_has_it() -> None:
    assert bleu("the cat", "the cat sat there") == pytest.approx(math.exp(1 - 4 / 2))
    assert bleu("the the the the", "the cat sat there") < 0.35


@given(TEXTS, TEXTS)
def test_bleu_is_a_share_and_whole_for_the_same_text(one: str, other: str) -> None:
    assert 0 <= bleu(one, other) <= 1 + 1e-12
    assert bleu(one, one) == pytest.approx(1)


@pytest.mark.parametrize(("one", "other"), [("", ""), ("", "a"), ("a", ""), ("a", "b")])
def test_bleu_of_nothing(one: str, other: str) -> None:
    assert bleu(one, other) == float(one == other)


def test_gold_overlaps_wholly_with_itself() -> None:
    for one in right_steps():
        assert reply_bleu(one) == pytest.approx(1)
        assert preference_f1(one) == 1


@pytest.mark.parametrize(
    ("operations", "f1"),
    [
        ([states(DIET, "vegan"), states(CITY, "Leeds")], 1.0),
        ([states(DIET, "vegan")], 2 / 3),
        ([states(DIET, "vegan"), states(DIET, "vegan"), states(CITY, "Leeds")], 4 / 5),
        ([states(DIET, "vegan"), states(ALLERGY, "nuts")], 1 / 2),
        ([states(DIET, "vegan", polarity="avoid")], 0.0),
        ([], 0.0),
    ],
)
def test_f1_is_over_the_sets_of_preferences(operations: list[Operation], f1: float) -> None:
    assert preference_f1(step(LINE, *operations, gold=GOLD)) == pytest.approx(f1)


def test_f1_of_silence() -> None:
    assert preference_f1(step("Hello", gold=told("Hello", said="none"), said="none")) == 1
    assert preference_f1(replied(turn(LINE), BROKEN, told(LINE, said="none"))) == 0


def test_prose_has_no_operations_to_overlap_with() -> None:
    one = step(LINE, gold=GOLD)._replace(gold=Told("She is vegan.", "None"))
    for overlap in (preference_f1, reply_bleu):
        with pytest.raises(DataError, match="prose"):
            overlap(one)
