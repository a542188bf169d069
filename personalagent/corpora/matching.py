"""How what was proposed is held against gold: values as bags of words, counts over a whole data set."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from personalagent.profile.preference import normalise

NEAR = 0.5
"""Token F1 from which two values are softly the same."""


class Scores(NamedTuple):
    """Precision, recall and F1 from counts over a whole data set (micro)."""

    precision: float | None
    recall: float | None
    f1: float | None


class Tally:
    """Counts what was proposed, what is gold, and what of either was met."""

    def __init__(self) -> None:
        self.proposed = self.gold = self.right = self.found = 0

    def add(self, proposed: int, gold: int, right: int, found: int) -> None:
        """Count one more case."""
        self.proposed += proposed
        self.gold += gold
        self.right += right
        self.found += found

    @property
    def scores(self) -> Scores:
        """Over all that was counted."""
        precision, recall = ratio(self.right, self.proposed), ratio(self.found, self.gold)
        if precision is None or recall is None:
            return Scores(precision, recall, None)
        whole = precision + recall
        return Scores(precision, recall, 2 * precision * recall / whole if whole else 0.0)


def ratio(part: float, whole: float) -> float | None:
    """Part of the whole; None if there is no whole."""
    return part / whole if whole else None


def token_f1(one: str, other: str) -> float:
    """F1 over the bags of words of two values, normalised; 0 to 1."""
    a, b = Counter(normalise(one).split()), Counter(normalise(other).split())
    shared = sum((a & b).values())
    return 2 * shared / (a.total() + b.total()) if shared else 0.0


def soft(one: str, other: str) -> bool:
    """Whether two values share at least half of their words."""
    return token_f1(one, other) >= NEAR


def exact_counts(proposed: Iterable[str], gold: Iterable[str]) -> tuple[int, int, int, int]:
    """Sets of values compared after normalising: proposed, gold, right, found."""
    mine, theirs = {normalise(v) for v in proposed}, {normalise(v) for v in gold}
    return len(mine), len(theirs), len(mine & theirs), len(mine & theirs)


def soft_counts(proposed: Iterable[str], gold: Iterable[str]) -> tuple[int, int, int, int]:
    """Sets of values compared by token F1: proposed, gold, right, found."""
    mine, theirs = {normalise(v) for v in proposed}, {normalise(v) for v in gold}
    right = sum(any(soft(one, other) for other in theirs) for one in mine)
    found = sum(any(soft(one, other) for other in mine) for one in theirs)
    return len(mine), len(theirs), right, found


def assigned(choices: Sequence[Sequence[int]], order: Iterable[int] | None = None) -> dict[int, int]:
    """Pairs, one to one and as many as there can be: what was chosen, by whose choice it was.

    `choices` are each one's, the dearest first. Those that come first in `order` (as they stand, if it is
    None) keep a pair, if not the dearest (augmenting paths: Berge 1957).
    """
    pairs: dict[int, int] = {}

    def place(one: int, tried: set[int]) -> bool:
        for chosen in choices[one]:
            if chosen not in tried:
                tried.add(chosen)
                if chosen not in pairs or place(pairs[chosen], tried):
                    pairs[chosen] = one
                    return True
        return False

    for one in range(len(choices)) if order is None else order:
        place(one, set())
    return pairs
