"""RLPA's two rewards as code: is the inferred profile right, does the move fit (arXiv 2505.15456)?

The paper has a model judge the reply. Here the reply is not written; what is judged is what it would be
written from: whether to ask, what about, and which preferences are handed to it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from personalagent.corpora.gold import GoldOperation
from personalagent.corpora.matching import assigned, soft
from personalagent.profile.history import Held
from personalagent.profile.preference import Polarity
from personalagent.profile.profile import Profile
from personalagent.profile.sufficiency import STANDING

DECIDES = 2
"""The grade of a slot that decides what a good answer is; of one that only helps it is 1."""
HELPS = 0.5
"""For a question about a slot that helps, where one that decides was to be asked about."""
_OPPOSITES = ({"like", "dislike"}, {"like", "avoid"})


class Wanted(NamedTuple):
    """A request, as far as the hidden persona decides what is right to do."""

    needs: Mapping[str, int] | None
    """Its gold needs by slot: 2 decides, 1 helps; None: nobody knows them."""
    askable: Collection[str] = ()
    """Slots in which the persona holds something and that the agent could have asked about just now."""


def profile_reward(
    profile: Profile, revealed: Sequence[GoldOperation], unjudged: Collection[str] = ()
) -> float:
    """F1 of slot and value over the profile's current values against what was revealed so far; 0 to 1.

    A value is right in the slot of a revealed one, or in one as good, if both share half of their words and
    neither is liked where the other is not; each counts once. 1.0 where nothing is held and nothing was
    revealed. A value that comes from turns in `unjudged` (keys) alone is right or does not count.
    """
    mine = [held for current in profile.current.values() for held in current]
    met = matched(mine, revealed)
    return _f1(len(met), len(_counted(mine, met, unjudged)), len(revealed))


def response_reward(
    wanted: Wanted | None,
    asks: str | None,
    handed: Sequence[Held],
    revealed: Sequence[GoldOperation],
    unjudged: Collection[str] = (),
) -> float:
    """How well a move fits the persona: a question about the slot `asks`, or a reply from `handed`; 0 to 1.

    - No request (`wanted` is None): a question is an intrusion, 0; else 1. Of a request whose needs nobody
      knows any move is 1.
    - A question: 0 if a preference that decides was revealed already, or if none is needed. Else 1 about a
      slot that decides, 0.5 about one that helps, 0 about any other.
    - A reply: 0 if no preference that decides was revealed, and the agent could have asked about one that
      the persona holds. Else the F1 of the preferences handed on: right are revealed ones that are needed,
      missing those that decide. One that only helps may be left out. Where nothing is to be handed on and
      nothing is, 1.

    How the user wants to be answered goes with every reply, and counts only where it is needed.
    """
    if wanted is None:
        return 0.0 if asks else 1.0
    needs = wanted.needs
    if needs is None:
        return 1.0
    deciding = [op for op in revealed if _grade(op, needs) == DECIDES]
    if asks is not None:
        grade = 0 if deciding else needs.get(asks, 0)
        return {0: 0.0, 1: HELPS}.get(grade, 1.0)
    if not deciding and any(needs.get(slot) == DECIDES for slot in wanted.askable):
        return 0.0
    helping = [op for op in revealed if 0 < _grade(op, needs) < DECIDES]
    bearing = [h for h in handed if h.preference.slot in needs or not h.preference.slot.startswith(STANDING)]
    met = matched(bearing, [*deciding, *helping])
    helped = sum(number >= len(deciding) for number in met.values())
    return _f1(len(met), len(_counted(bearing, met, unjudged)), len(deciding) + helped)


def matched(mine: Sequence[Held], gold: Sequence[GoldOperation]) -> dict[int, int]:
    """As many pairs of one of mine and one of gold as can be made, the first of gold before the later.

    By their numbers. So many, and not the first that come: one more of mine must never cost a pair.
    """
    fits = [[n for n, held in enumerate(mine) if meets(held, op)] for op in gold]
    return assigned(fits)


def meets(held: Held, op: GoldOperation) -> bool:
    """Whether a held preference is the gold one: slot, value and the sense of the polarity."""
    preference = held.preference
    return (
        preference.slot in op.slots
        and soft(preference.value, op.value)
        and not _opposed(preference.polarity, op.polarity)
    )


def _opposed(one: Polarity, other: Polarity) -> bool:
    return {one, other} in _OPPOSITES


def _grade(op: GoldOperation, needs: Mapping[str, int]) -> int:
    return max(needs.get(slot, 0) for slot in op.slots)


def _counted(mine: Sequence[Held], met: Mapping[int, int], unjudged: Collection[str]) -> list[Held]:
    """Those of mine that are right, or come from a turn whose gold is known."""
    return [held for n, held in enumerate(mine) if n in met or not _only(held.turns, unjudged)]


def _only(turns: Iterable[str], unjudged: Collection[str]) -> bool:
    return all(turn in unjudged for turn in turns)


def _f1(right: int, proposed: int, gold: int) -> float:
    return 2 * right / (proposed + gold) if proposed + gold else 1.0
