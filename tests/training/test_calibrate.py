"""Thresholds from held-back cases, made by hand here."""

import math

import pytest

pytest.importorskip("torch")

from personalagent.corpora import gold
from personalagent.policies.wants import Considered
from personalagent.profile.template import load_template
from personalagent.training.embedded.calibrate import (
    LEANS,
    RELATED,
    Asked,
    Candidate,
    best_asking,
    best_lean,
    best_need,
    best_related,
    logistic,
    weights_of_bearing,
    weights_of_needs,
)
from tests.make import BUDGET, CITY, DIET

pytestmark = [pytest.mark.training, pytest.mark.filterwarnings("default")]

TEMPLATE = load_template()
AS_IT_IS = (1.0, 0.0, 0.0)
"""The chance is the reader's verdict."""


def case(decision: str, *, needed: float, helps: float = 0.1, held: float | None = None) -> Asked:
    """A request that depends on the diet, with the reader's verdicts on diet, city, and what is held."""
    known = () if held is None else (gold.Held(slot=BUDGET, polarity="neutral", value="little"),)
    request = gold.GoldRequest.model_validate(
        {
            "persona": "p",
            "split": "dev",
            "request": "dinner?",
            "kind": None,
            "needs": {DIET: 2, **({BUDGET: 1} if decision == "answer" else {})},
            "profile": known,
            "decision": decision,
        }
    )
    profile = gold.profile_of(known, TEMPLATE)
    return Asked(
        request,
        profile,
        [Considered(DIET, needed, 0.5), Considered(CITY, helps, 0.5)],
        [one for current in profile.current.values() for one in current],
        [] if held is None else [(held, 0.5)],
    )


CASES = [
    case("ask", needed=0.62),
    case("ask", needed=0.66, held=0.6),
    case("answer", needed=0.64, helps=0.2, held=0.9),
    case("answer", needed=0.6, held=0.85),
]
UNDECIDED = [case("answer", needed=0.45), case("answer", needed=0.41)]
"""What they depend on is not known, and is not worth a question."""


def test_the_logistic_finds_the_odds_that_were_put_in() -> None:
    scores = [(0.2,)] * 100 + [(0.8,)] * 100
    right = [True] * 20 + [False] * 80 + [True] * 80 + [False] * 20
    weight, constant = logistic(scores, right)
    assert weight == pytest.approx(1, abs=0.05)
    assert constant == pytest.approx(0, abs=0.05)


def test_the_needs_threshold_lies_between_what_is_needed_and_what_is_not() -> None:
    assert 0.2 < best_need(CASES, AS_IT_IS) <= 0.6


def test_what_goes_along_is_told_from_what_does_not() -> None:
    assert 0.6 < best_related(CASES, AS_IT_IS, settles=1.1) <= 0.85


def test_what_settles_a_request_goes_along_however_strict_the_threshold() -> None:
    assert best_related(CASES, AS_IT_IS, settles=0.7) == RELATED[-1]


def test_asking_starts_where_needs_decide_and_is_spared_by_what_settles() -> None:
    deciding, settles = best_asking([*CASES, *UNDECIDED], TEMPLATE, AS_IT_IS, need=0.4)
    assert 0.45 < deciding <= 0.62
    assert 0.6 < settles <= 0.85


def test_no_weight_below_that_of_a_need_is_worth_a_question() -> None:
    deciding, _ = best_asking(CASES, TEMPLATE, AS_IT_IS, need=0.5)
    assert 0.5 <= deciding <= 0.62


def test_weights_follow_the_score_that_tells_right_from_wrong() -> None:
    verdict, before, constant = weights_of_needs(CASES)
    assert verdict > 0
    assert before == pytest.approx(0, abs=1e-3)
    assert math.isfinite(constant)
    assert weights_of_bearing(CASES)[0] > 0


def test_the_lean_is_the_middle_of_those_that_keep_what_is_right() -> None:
    right, wrong, doubted = (
        Candidate(score, 0.5, 0.5, value, whole=False)
        for score, value in ((0.9, True), (0.8, False), (0.3, False))
    )
    found = {lean: [right] * 4 + [doubted] * 9 + [wrong] * (4 * (lean not in LEANS[2:5])) for lean in LEANS}
    assert best_lean(found, AS_IT_IS, total=5) == LEANS[3]
