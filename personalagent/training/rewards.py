"""From verdicts to the return of a trajectory (paper, sec. 3.5, Eq. 4).

A turn's reward is R_j = f + (1 - f) s. The score s is 1 or 0 by a judge, as in the paper, or an overlap with
gold for its Figure 4. The floor f is the staircase of the format, at most `FORMAT_CAP`: how high its steps
are the paper does not say.
"""

import asyncio
import re
from collections.abc import Callable, Sequence
from math import fsum
from typing import Literal, NamedTuple

from personalagent.corpora.matching import ratio
from personalagent.errors import SettingError
from personalagent.policies.notation import BLOCKS, LONGEST_REPLY, blocks, parse_inference
from personalagent.policies.policy import Failure
from personalagent.training.episodes import Step
from personalagent.training.guards import guards
from personalagent.training.judging import UNREADABLE, Judge, Verdict
from personalagent.training.overlap import preference_f1, reply_bleu

FORMAT_CAP = 0.3
"""The most that a reply gets for its format; with more, a policy can live on it."""

_THOUGHT = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)
_BLOCK = re.compile(rf"<({'|'.join(BLOCKS)})>.*?</\1>", re.DOTALL)
_STEPS = len(BLOCKS) + 3

Kind = Literal["judge", "bleu", "f1"]


def format_share(reply: str) -> float:
    """How much of the format a reply keeps, 0 to 1, in seven equal steps.

    One for each of the four blocks (the paper's three and the needs) that stands whole; one if they are all
    there in their order and once; one if nothing stands beside them but a thought before; one if their lines
    can be parsed.
    """
    if len(reply) > LONGEST_REPLY:
        return 0.0
    rest = _THOUGHT.sub("", reply)
    ordered = tuple(match[1] for match in _BLOCK.finditer(rest)) == BLOCKS
    alone = ordered and not _BLOCK.sub("", rest).strip()
    parsed = not isinstance(parse_inference(reply), Failure)
    return (len(blocks(reply)) + ordered + alone + parsed) / _STEPS


def turn_reward(step: Step, verdict: Verdict) -> float:
    """R_j by the judge, 0 to 1: 1 if all four criteria hold, else what the format is worth."""
    return above_floor(step.reply, float(verdict.holds))


def _judged(step: Step, verdict: Verdict | None) -> float | None:
    return None if verdict is None else turn_reward(step, verdict)


def _by_bleu(step: Step, verdict: Verdict | None) -> float:
    return above_floor(step.reply, 0.0 if isinstance(step.inference, Failure) else reply_bleu(step))


def _by_f1(step: Step, verdict: Verdict | None) -> float:
    return above_floor(step.reply, preference_f1(step))


REWARDS: dict[Kind, Callable[[Step, Verdict | None], float | None]] = {
    "judge": _judged,
    "bleu": _by_bleu,
    "f1": _by_f1,
}
"""The reward of a turn by a step and its verdict, if there is one; None: it cannot be said."""


class Return(NamedTuple):
    """What a trajectory is worth, and what is logged of it."""

    reward: float | None
    """R_final (Eq. 4), 0 to 1; None: a turn of it could not be judged, and it is masked."""
    turns: tuple[float | None, ...]
    """R_j."""
    verdicts: tuple[Verdict | None, ...]
    exact: float | None
    """The share of the judged turns on which all four criteria hold; None if none was judged."""
    failed: int
    """Turns that could not be judged."""
    guards: dict[str, float]
    """See `guards.guards`."""


def returns(rewards: Sequence[float | None], weights: Sequence[float] | None = None) -> float | None:
    """R_final = Σ w_j R_j, the weights scaled to the sum of 1 (Eq. 4); equal ones if none are given.

    None if a turn has no reward, or there are no turns, or none that weighs anything. Of a trajectory with
    fewer turns the first weights count. Raises `SettingError` for weights that are negative, or too few.
    """
    scales = [1.0] * len(rewards) if weights is None else list(weights[: len(rewards)])
    if len(scales) < len(rewards):
        raise SettingError(f"there are {len(scales)} turn weights for {len(rewards)} turns")
    if any(scale < 0 for scale in scales):
        raise SettingError("turn weights must not be negative")
    known = [reward for reward in rewards if reward is not None]
    if len(known) < len(rewards) or not (whole := fsum(scales)):
        return None
    return fsum(scale * reward for scale, reward in zip(scales, known, strict=True)) / whole


async def trajectory_return(
    steps: Sequence[Step], judge: Judge, kind: Kind = "judge", weights: Sequence[float] | None = None
) -> Return:
    """The return of a rollout, its turns judged at once.

    A judge that fails masks the trajectory where its verdicts are the reward; for the other kinds they are
    logged only. Raises `JudgeLost` if the judge does, and `DataError` for an overlap with gold that is prose.
    """
    verdicts = await _verdicts(steps, judge)
    rewards = tuple(REWARDS[kind](step, verdict) for step, verdict in zip(steps, verdicts, strict=True))
    judged = [verdict for verdict in verdicts if verdict is not None]
    return Return(
        reward=returns(rewards, weights),
        turns=rewards,
        verdicts=verdicts,
        exact=ratio(sum(verdict.holds for verdict in judged), len(judged)),
        failed=len(verdicts) - len(judged),
        guards=guards(steps),
    )


async def _verdicts(steps: Sequence[Step], judge: Judge) -> tuple[Verdict | None, ...]:
    """A verdict on each step; the rest is not waited for once the judge is lost."""
    asked = [asyncio.ensure_future(_verdict(step, judge)) for step in steps]
    try:
        return tuple(await asyncio.gather(*asked))
    finally:
        for one in asked:
            one.cancel()


async def _verdict(step: Step, judge: Judge) -> Verdict | None:
    return UNREADABLE if isinstance(step.inference, Failure) else await judge.judge(step)


def above_floor(reply: str, score: float) -> float:
    """R_j of a score, both 0 to 1: what the reply's format is worth, and the score for the rest."""
    floor = FORMAT_CAP * format_share(reply)
    return floor + (1 - floor) * score
