"""Metrics over decisions, confidences and times; every ratio of nothing is None, not 0 and not 1."""

from collections.abc import Collection, Sequence

from personalagent.corpora.matching import ratio


def balanced(right_asks: int, asks: int, right_answers: int, answers: int) -> float | None:
    """The mean of both recalls: of cases to ask in, and of cases to answer in."""
    asked, answered = ratio(right_asks, asks), ratio(right_answers, answers)
    return None if asked is None or answered is None else (asked + answered) / 2


def calibration_error(pairs: Collection[tuple[float, bool]], bins: int = 10) -> float | None:
    """The expected calibration error: mean gap of confidence and accuracy over equal bins, by their share."""
    if not pairs:
        return None
    total = 0.0
    for number in range(bins):
        inside = [(c, ok) for c, ok in pairs if min(int(c * bins), bins - 1) == number]
        if inside:
            said = sum(c for c, _ in inside) / len(inside)
            true = sum(ok for _, ok in inside) / len(inside)
            total += abs(said - true) * len(inside)
    return total / len(pairs)


def median(values: Sequence[float]) -> float | None:
    """The middle value, the upper one of two."""
    return sorted(values)[len(values) // 2] if values else None
