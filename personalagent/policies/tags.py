"""The reader's labels: which of the user's words are a value, and what they say of it.

The labels of a window are one path of a linear-chain CRF: scores of words plus scores of transitions.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from personalagent.profile.preference import Polarity

Floats = npt.NDArray[np.float32]

Mark = Polarity | Literal["retract"]
MARKS: tuple[Mark, ...] = ("neutral", "like", "dislike", "avoid", "retract")
"""What a span can be: a value with its polarity, or the name of what holds no more."""
OUTSIDE = 0
LABELS = 1 + 2 * len(MARKS)
"""Outside; then for every mark the label that begins a span, and the one that goes on."""
NEVER = -1e4
"""The score of a path that no text has."""


class Span(NamedTuple):
    """Words first to last (inclusive) that are a value, and how likely they are one."""

    first: int
    last: int
    mark: Mark
    score: float


def begins(mark: Mark) -> int:
    """The label of a span's first word."""
    return 1 + 2 * MARKS.index(mark)


def forbidden() -> Floats:
    """[LABELS, LABELS]: zero where the second label may follow the first, `NEVER` where it may not."""
    table = np.zeros((LABELS, LABELS), np.float32)
    for label in range(2, LABELS, 2):
        table[:, label] = NEVER
        table[[label - 1, label], label] = 0.0
    return table


def spans(scores: Floats, transitions: Floats, lean: float = 0.0) -> list[Span]:
    """The spans on the best path through the words' scores [words, LABELS].

    `lean` is added to the score of being outside: more of it, fewer spans. A span's score is the mean
    probability of its words to be inside one, over all paths.
    """
    if not len(scores):
        return []
    leaning = scores.copy()
    leaning[:, OUTSIDE] += lean
    path = _best(leaning, transitions)
    if not any(path):
        return []
    inside = 1.0 - _shares(scores, transitions)[:, OUTSIDE]
    found: list[Span] = []
    first = -1
    for place, label in enumerate([*path, OUTSIDE]):
        if first >= 0 and (label == OUTSIDE or label % 2):
            mark = MARKS[(path[first] - 1) // 2]
            found.append(Span(first, place - 1, mark, float(inside[first:place].mean())))
            first = -1
        if label % 2:
            first = place
    return found


def _best(scores: Floats, transitions: Floats) -> list[int]:
    """The best path (Viterbi)."""
    reached = scores[0] + _start()
    came: list[npt.NDArray[np.int64]] = []
    for step in scores[1:]:
        through = reached[:, None] + transitions
        came.append(through.argmax(0))
        reached = through.max(0) + step
    path = [int(reached.argmax())]
    for before in reversed(came):
        path.append(int(before[path[-1]]))
    return path[::-1]


def _shares(scores: Floats, transitions: Floats) -> Floats:
    """Each word's probability of each label, over all paths [words, LABELS]."""
    ahead = [scores[0] + _start()]
    for step in scores[1:]:
        ahead.append(_log_sum(ahead[-1][:, None] + transitions, 0) + step)
    behind = [np.zeros(LABELS, np.float32)]
    for step in scores[:0:-1]:
        behind.append(_log_sum(transitions + (step + behind[-1])[None, :], 1))
    both = np.stack(ahead) + np.stack(behind[::-1])
    shares: Floats = np.exp(both - _log_sum(both, 1)[:, None])
    return shares


def _start() -> Floats:
    start = np.zeros(LABELS, np.float32)
    start[2::2] = NEVER
    return start


def _log_sum(values: Floats, axis: int) -> Floats:
    top = values.max(axis=axis, keepdims=True)
    total: Floats = np.log(np.exp(values - top).sum(axis=axis)) + top.squeeze(axis)
    return total


def first_tokens(words: Sequence[int]) -> list[int]:
    """The place of each word's first token; `words` are token by token (see `words_of`)."""
    return [n for n, word in enumerate(words) if word >= 0 and (n == 0 or words[n - 1] != word)]
