"""The CRF's decoding, against all paths counted one by one."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from personalagent.policies.tags import LABELS, NEVER, OUTSIDE, Floats, begins, forbidden, spans

FEW = (OUTSIDE, begins("like"), begins("like") + 1)


@st.composite
def few_labels(draw: st.DrawFn) -> Floats:
    """Scores of up to four words over three labels; the others are out of the question."""
    count = draw(st.integers(1, 4))
    numbers = st.floats(-5, 5, width=32)
    scores = np.full((count, LABELS), NEVER / 10, np.float32)
    for word in range(count):
        for label in FEW:
            scores[word, label] = draw(numbers)
    return scores


def allowed(path: tuple[int, ...]) -> bool:
    goes_on = FEW[2]
    return all(
        label != goes_on or (place > 0 and path[place - 1] in (FEW[1], FEW[2]))
        for place, label in enumerate(path)
    )


def paths(scores: Floats) -> list[tuple[float, tuple[int, ...]]]:
    every = itertools.product(FEW, repeat=len(scores))
    return [(float(sum(scores[n, label] for n, label in enumerate(p))), p) for p in every if allowed(p)]


@given(few_labels())
def test_the_spans_are_those_of_the_best_path(scores: Floats) -> None:
    worth, best = max(paths(scores))
    begun = [n for n, label in enumerate(best) if label == FEW[1]]
    found = spans(scores, forbidden())
    ties = [path for other, path in paths(scores) if worth - other < 1e-3]
    if len(ties) == 1:
        assert [span.first for span in found] == begun
        assert all(best[span.last] != OUTSIDE for span in found)
    assert {span.mark for span in found} <= {"like"}


@given(few_labels())
def test_a_spans_score_is_its_words_share_of_all_paths(scores: Floats) -> None:
    every = paths(scores)
    total = sum(np.exp(worth) for worth, _ in every)
    for span in spans(scores, forbidden(), lean=-50):
        inside = [
            sum(np.exp(worth) for worth, path in every if path[word] != OUTSIDE) / total
            for word in range(span.first, span.last + 1)
        ]
        assert abs(span.score - float(np.mean(inside))) < 1e-3


def test_leaning_outwards_leaves_less() -> None:
    scores = np.zeros((3, LABELS), np.float32)
    scores[1, begins("avoid")] = 1.0
    assert [span.mark for span in spans(scores, forbidden(), lean=-0.5)] != []
    assert spans(scores, forbidden(), lean=3) == []


def test_no_words_have_no_spans() -> None:
    assert spans(np.zeros((0, LABELS), np.float32), forbidden()) == []
