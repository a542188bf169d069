"""Scores as calibrated probabilities."""

import math
from collections.abc import Sequence


def chance(weights: Sequence[float], *scores: float) -> float:
    """The calibrated probability: a logistic of the scores' log odds; the last weight is the intercept."""
    raised = sum(weight * logit(score) for weight, score in zip(weights, scores, strict=False)) + weights[-1]
    return 1 / (1 + math.exp(-raised))


def logit(share: float) -> float:
    """The log odds, of shares within [0.0001, 0.9999]."""
    bounded = min(max(share, 1e-4), 1 - 1e-4)
    return math.log(bounded / (1 - bounded))
