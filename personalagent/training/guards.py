"""Figures against reward hacking: logged beside the reward, and no part of it.

A policy that has found a hole in the judge shows here: longer replies, the same line over and over, one value
in many slots, evidence that the user never gave, or silence.
"""

from collections.abc import Iterable, Sequence
from statistics import fmean

from personalagent.corpora.matching import ratio
from personalagent.policies.policy import Failure
from personalagent.profile.evidence import Reason
from personalagent.profile.preference import normalise
from personalagent.training.episodes import Step
from personalagent.training.judging import proposals

OUTSIDE: frozenset[Reason] = frozenset({"no evidence", "not the user's words"})
"""Reasons for which the gate rejects evidence that is not the turn's."""


def guards(steps: Sequence[Step]) -> dict[str, float]:
    """The figures by name, over all steps of a trajectory or a batch; 0 where there is nothing to count.

    - `reply_characters`, `reply_words`: of a reply, on average
    - `repeated_lines`, `repeated_trigrams`: the share of a reply's lines, and of its word trigrams, that
      stood before in it, on average
    - `operations`: proposed in a turn, on average
    - `repeated_values`: the share of proposed values that the turn's reply has already in another operation
    - `quoted_share`: how much of the message the evidence of an operation quotes, on average
    - `evidence_outside`: the share of proposed operations that the gate rejected for their evidence
    - `silent`: the share of turns whose reply can be read and proposes nothing
    - `malformed`: the share of turns whose reply cannot be read
    """
    proposed = [proposals(step) for step in steps]
    total = sum(map(len, proposed))
    values = [[normalise(one.preference.value) for one in each] for each in proposed]
    outside = sum(one.reason in OUTSIDE for step in steps for one in step.entry.rejections)
    malformed = [isinstance(step.inference, Failure) for step in steps]
    read = zip(proposed, malformed, strict=True)
    return {
        "reply_characters": _mean(len(step.reply) for step in steps),
        "reply_words": _mean(len(step.reply.split()) for step in steps),
        "repeated_lines": _mean(repeated(_lines(step.reply)) for step in steps),
        "repeated_trigrams": _mean(repeated(_trigrams(step.reply)) for step in steps),
        "operations": _mean(map(len, proposed)),
        "repeated_values": ratio(sum(len(each) - len(set(each)) for each in values), total) or 0.0,
        "quoted_share": _mean(
            min(1.0, len(one.evidence.quote) / max(1, len(step.turn.text)))
            for step, each in zip(steps, proposed, strict=True)
            for one in each
        ),
        "evidence_outside": ratio(outside, total) or 0.0,
        "silent": _mean(not each and not failed for each, failed in read),
        "malformed": _mean(malformed),
    }


def repeated(pieces: Sequence[object]) -> float:
    """The share of the pieces that stood before; 0 of none."""
    return 1 - len(set(pieces)) / len(pieces) if pieces else 0.0


def _lines(reply: str) -> list[str]:
    return [line.strip() for line in reply.splitlines() if line.strip()]


def _trigrams(reply: str) -> list[tuple[str, ...]]:
    words = reply.split()
    return list(zip(words, words[1:], words[2:], strict=False))


def _mean(values: Iterable[float]) -> float:
    return fmean(each) if (each := list(values)) else 0.0
