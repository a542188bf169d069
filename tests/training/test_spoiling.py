"""Rejected inferences: each is wrong, by the judge too, and could have been written by a model."""

import random
from functools import lru_cache
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from personalagent.corpora.gold import GoldTurn, NotStated, inference_of
from personalagent.policies.notation import parse_inference, write_inference
from personalagent.profile.evidence import locate
from personalagent.profile.preference import Inference
from personalagent.profile.profile import Profile
from personalagent.training.episodes import Lesson, corpus_episodes, lessons
from personalagent.training.judging import GoldJudge
from personalagent.training.spoiling import spoiled
from tests.make import CITY, DIET, turn
from tests.training.steps import TEMPLATE, gold, replied, told

JUDGE = GoldJudge(TEMPLATE)
SEEDS = range(4)
TEXT = 'I am reading "A Winter in the High Valley" again'
QUOTED = told(TEXT, gold("interests.books.current", "A Winter in the High Valley"))
"""Gold that the gate refuses."""


class Spoilt(NamedTuple):
    lesson: Lesson
    told: GoldTurn
    bad: Inference


@lru_cache(maxsize=1)
def every() -> tuple[Spoilt, ...]:
    """All turns of the dev split, the silent ones too, spoilt with each of the seeds."""
    found = []
    dice = [random.Random(seed) for seed in SEEDS]
    for episode in corpus_episodes(TEMPLATE, "dev"):
        for lesson, its in zip(lessons(episode, TEMPLATE), episode.gold, strict=True):
            assert isinstance(its, GoldTurn)
            for rng in dice:
                bad = spoiled(lesson, its, TEMPLATE, rng)
                assert bad is not None, lesson.turn.text
                found.append(Spoilt(lesson, its, bad))
    return tuple(found)


def of(its: GoldTurn) -> Lesson:
    return Lesson(turn(its.user), Profile(), inference_of(its))


async def is_right(lesson: Lesson, its: GoldTurn, inference: Inference) -> bool:
    verdict = await JUDGE.judge(replied(lesson.turn, write_inference(inference), its, lesson.profile))
    assert verdict is not None
    return verdict.holds


def way(one: Spoilt) -> str:
    """What is wrong with it."""
    right, wrong = one.lesson.inference.operations, one.bad.operations
    if len(wrong) < len(right):
        assert set(map(repr, wrong)) < set(map(repr, right))
        return "left out"
    if len(wrong) > len(right):
        assert wrong[:-1] == right
        spans = [each.span[:200] for each in one.told.not_stated]
        return "another's" if wrong[-1].preference.value in spans else "made up"
    ((was, now),) = [(a, b) for a, b in zip(right, wrong, strict=True) if a != b]
    ((field, _),) = set(now.preference) - set(was.preference)
    assert (now.action, now.evidence) == (was.action, was.evidence)
    return {"slot": "misplaced", "polarity": "turned round"}[field]


async def test_nothing_that_was_spoilt_is_right_by_the_judge() -> None:
    for one in every():
        assert not await is_right(*one), (one.lesson.turn.text, one.bad)


def test_it_can_be_read_and_says_something_else_than_gold() -> None:
    for lesson, _, bad in every():
        right, wrong = write_inference(lesson.inference), write_inference(bad)
        found = parse_inference(wrong)
        assert isinstance(found, Inference), (wrong, found)
        assert len(found.operations) == len(bad.operations), wrong
        assert wrong != right
        assert found != parse_inference(right)


def test_every_way_occurs() -> None:
    ways = [way(one) for one in every()]
    assert set(ways) == {"left out", "misplaced", "turned round", "another's", "made up"}
    assert min(ways.count(each) for each in set(ways)) > len(ways) / 50


def test_what_is_added_has_words_of_the_message_for_evidence() -> None:
    for lesson, _, bad in every():
        for operation in bad.operations[len(lesson.inference.operations) :]:
            assert locate(operation.evidence.quote, lesson.turn.text)
            assert operation.preference.slot in TEMPLATE.slots


def test_classification_and_operations_go_together() -> None:
    for _, _, bad in every():
        assert (bad.classification == "none") == (not bad.operations)


def test_the_seed_draws() -> None:
    one = of(told("I am vegan and live in Leeds now", gold(DIET, "vegan"), gold(CITY, "Leeds")))
    its = told(one.turn.text, gold(DIET, "vegan"), gold(CITY, "Leeds"))
    drawn = [[spoiled(one, its, TEMPLATE, random.Random(seed)) for seed in range(20)] for _ in range(2)]
    assert drawn[0] == drawn[1]
    assert len(set(map(repr, drawn[0]))) > 5


async def test_gold_that_the_gate_refuses_is_not_what_is_spoilt() -> None:
    both = told(f"{TEXT}, I am vegan", *QUOTED.operations, gold(DIET, "vegan"))
    for its in (QUOTED, both):
        assert await is_right(of(its), its, inference_of(its))
        for seed in range(40):
            bad = spoiled(of(its), its, TEMPLATE, random.Random(seed))
            assert bad is not None
            assert not await is_right(of(its), its, bad), bad


async def test_a_slot_that_is_as_good_is_not_the_wrong_one() -> None:
    its = told(
        "I am vegan", gold(DIET, "vegan").model_copy(update={"slots": (DIET, "consumption.diet.dish")})
    )
    for seed in range(40):
        bad = spoiled(of(its), its, TEMPLATE, random.Random(seed))
        assert bad is not None
        slots = {operation.preference.slot for operation in bad.operations[:1]}
        assert "consumption.diet.dish" not in slots


@pytest.mark.parametrize("text", ["ok", "thanks!", "yes, please", "nice weather"])
async def test_a_short_message_is_enough(text: str) -> None:
    its = told(text, said="none")
    for seed in range(10):
        bad = spoiled(of(its), its, TEMPLATE, random.Random(seed))
        assert bad is not None
        assert not await is_right(of(its), its, bad)


@pytest.mark.parametrize("text", [":)", "?!", "..."])
def test_a_message_without_words_cannot_be_spoilt(text: str) -> None:
    assert spoiled(of(told(text, said="none")), told(text, said="none"), TEMPLATE, random.Random(1)) is None


@settings(max_examples=60)
@given(st.text("ab \"|[]<>=-_.\n“”«é中'", min_size=1, max_size=30), st.integers(0, 9))
async def test_marks_in_a_message_do_no_harm(marks: str, seed: int) -> None:
    text = f"my sister said{marks}so"
    spans = (NotStated(reason="third_party", span=f"said{marks}so"), NotStated(reason="quote", span=marks))
    its = told(text, said="none", besides=spans)
    bad = spoiled(of(its), its, TEMPLATE, random.Random(seed))
    assert bad is not None
    assert isinstance(parse_inference(write_inference(bad)), Inference)
    assert not await is_right(of(its), its, bad)


def test_a_text_that_is_pasted_takes_no_time() -> None:
    its = told("Is this right? " + "The committee met on Tuesday and said nothing new. " * 4000, said="none")
    bad = spoiled(of(its), its, TEMPLATE, random.Random(1))
    assert bad is not None
    (operation,) = bad.operations
    assert len(operation.preference.value) <= 200
