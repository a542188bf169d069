"""Figures that show what a reward does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from personalagent.training.guards import guards, repeated
from tests.make import ALLERGY, CITY, DIET, states, turn
from tests.training.steps import BROKEN, gold, replied, right_steps, step, told

LINE = "I am vegan and live in Leeds"
GOLD = told(LINE, gold(DIET, "vegan"), gold(CITY, "Leeds"))
GOOD = step(LINE, states(DIET, "vegan"), states(CITY, "Leeds"), gold=GOLD)


def test_a_good_reply_is_of_its_length_and_has_nothing_else() -> None:
    figures = guards([GOOD])
    assert figures.pop("reply_characters") == len(GOOD.reply)
    assert figures.pop("reply_words") == len(GOOD.reply.split())
    assert figures.pop("operations") == 2
    assert figures.pop("quoted_share") == 5 / len(LINE)
    assert set(figures.values()) == {0.0}


def test_the_corpus_itself_shows_what_is_usual() -> None:
    figures = guards(right_steps())
    assert figures["malformed"] == figures["repeated_lines"] == 0
    assert figures["evidence_outside"] < 0.01
    assert figures["repeated_values"] < 0.03
    assert 0.3 < figures["silent"] < 0.6
    assert 0.2 < figures["quoted_share"] < 0.6


def test_evidence_outside_the_turn_is_a_share_of_what_was_proposed() -> None:
    made_up, theirs = states(ALLERGY, "nuts"), states(DIET, "kosher food only", "we eat kosher food only")
    one = step('I said "we eat kosher food only" and left', made_up, theirs, gold=GOLD)
    assert guards([one])["evidence_outside"] == 1
    assert guards([one, GOOD])["evidence_outside"] == 0.5


def test_one_value_in_many_slots_and_one_line_over_and_over() -> None:
    spread = step(
        LINE, *(states(slot, "vegan") for slot in (DIET, ALLERGY, CITY, "family.household.diet")), gold=GOLD
    )
    assert guards([spread])["repeated_values"] == 0.75
    line = f'{DIET} = vegan | "vegan"\n'
    looped = replied(
        turn(LINE), GOOD.reply.replace("</inferred_profile>", f"{line * 9}</inferred_profile>"), GOLD
    )
    figures = guards([looped])
    assert figures["repeated_lines"] > 0.4
    assert figures["repeated_trigrams"] > 0.4
    assert figures["reply_words"] > guards([GOOD])["reply_words"]


def test_silence_is_not_the_same_as_a_reply_that_cannot_be_read() -> None:
    silent, broken = step(LINE, gold=GOLD, said="none"), replied(turn(LINE), BROKEN, GOLD)
    figures = guards([silent, broken, GOOD, GOOD])
    assert (figures["silent"], figures["malformed"], figures["operations"]) == (0.25, 0.25, 1)


def test_nothing_to_count() -> None:
    assert guards([]).keys() == guards([GOOD]).keys()
    assert set(guards([]).values()) == {0.0}


@given(st.lists(st.integers(0, 3)))
def test_repetition_is_a_share(pieces: list[int]) -> None:
    assert 0 <= repeated(pieces) < 1
    assert repeated(sorted(set(pieces))) == 0


@pytest.mark.parametrize(("pieces", "share"), [("aaaa", 0.75), ("abab", 0.5), ("abcd", 0.0)])
def test_repetition(pieces: str, share: float) -> None:
    assert repeated(pieces) == share
