"""How what was proposed is held against gold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from personalagent.corpora.matching import Tally, exact_counts, ratio, soft, soft_counts, token_f1
from personalagent.evals.metrics import balanced, calibration_error, median

VALUES = st.lists(st.text("abc xyz", min_size=1, max_size=8).filter(str.strip), max_size=5)


@pytest.mark.parametrize(
    ("one", "other", "f1"),
    [
        ("red wine", "Red  wine!", 1.0),
        ("red wine", "white wine", 0.5),
        ("wine", "dry red wine", 0.5),
        ("beer", "wine", 0.0),
        ("a a", "a", 2 / 3),
    ],
)
def test_token_f1(one: str, other: str, f1: float) -> None:
    assert token_f1(one, other) == pytest.approx(f1)
    assert token_f1(other, one) == pytest.approx(f1)
    assert soft(one, other) == (f1 >= 0.5)


@given(VALUES, VALUES)
def test_what_is_exactly_right_is_softly_right(mine: list[str], gold: list[str]) -> None:
    exact, near = exact_counts(mine, gold), soft_counts(mine, gold)
    assert exact[:2] == near[:2]
    assert exact[2] <= near[2]
    assert exact[3] <= near[3]


@given(VALUES)
def test_the_gold_itself_is_all_right(gold: list[str]) -> None:
    for counts in (exact_counts, soft_counts):
        tally = Tally()
        tally.add(*counts(gold, gold))
        assert tally.scores.f1 in (1.0, None)
        assert (tally.scores.f1 is None) == (not gold)


def test_counts_are_summed_over_cases() -> None:
    tally = Tally()
    tally.add(4, 2, 1, 1)
    tally.add(0, 2, 0, 0)
    assert tally.scores == (0.25, 0.25, 0.25)


def test_ratios_of_nothing_are_none() -> None:
    assert ratio(0, 0) is None
    assert balanced(0, 0, 1, 1) is None
    assert calibration_error([]) is None
    assert median([]) is None
    assert Tally().scores == (None, None, None)


def test_balanced_accuracy_is_the_mean_of_both_recalls() -> None:
    assert balanced(1, 2, 9, 10) == pytest.approx(0.7)


def test_calibration_error_is_the_gap_between_said_and_true() -> None:
    assert calibration_error([(0.9, True)] * 9 + [(0.9, False)]) == pytest.approx(0.0)
    assert calibration_error([(1.0, False)] * 4) == pytest.approx(1.0)
    assert calibration_error([(0.2, True), (0.8, False)]) == pytest.approx(0.8)
