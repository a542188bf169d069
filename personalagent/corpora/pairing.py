"""Which proposed operation is which gold operation."""

from collections.abc import Sequence
from typing import NamedTuple

from personalagent.corpora.gold import GoldOperation
from personalagent.corpora.matching import assigned, soft, token_f1
from personalagent.profile.preference import Operation, describe, normalise


class Pairing(NamedTuple):
    """Proposed and gold operations side by side."""

    pairs: tuple[tuple[Operation, GoldOperation], ...]
    beside: tuple[Operation, ...]
    """Proposed, and no gold operation is left for it."""
    missed: tuple[GoldOperation, ...]
    """Gold that nothing proposed meets."""


def meets(operation: Operation, told: GoldOperation) -> bool:
    """Whether an operation says what a gold operation says.

    The action is the same, the slot one of its slots, the value softly the same (`matching.soft`). An
    assertion has the same polarity, or gold's value has it in words ("likes kids"); a retraction names the
    value as it was stated before or as this turn mentions it, or clears the slot. When the value holds
    matters only where gold says so.
    """
    preference = operation.preference
    if operation.action != told.action or preference.slot not in told.slots:
        return False
    if told.scope and not soft(preference.scope or "", told.scope):
        return False
    if operation.action == "retract" and not normalise(preference.value):
        return True
    if operation.action == "assert" and preference.polarity != told.polarity:
        return normalise(describe(preference)) == normalise(told.value)
    return any(soft(preference.value, value) for value in _values(told))


def paired(mine: Sequence[Operation], told: Sequence[GoldOperation]) -> Pairing:
    """One to one, as many pairs as there can be, the likest first.

    What order the operations come in changes nothing.
    """
    likeness = [[_likeness(one, other) if meets(one, other) else 0.0 for other in told] for one in mine]
    gold = sorted(range(len(told)), key=lambda n: told[n].model_dump_json())
    choices = [sorted((n for n in gold if row[n]), key=lambda n: -row[n]) for row in likeness]
    order = sorted(range(len(mine)), key=lambda n: (-max(likeness[n], default=0), mine[n].model_dump_json()))
    met = assigned(choices, order)
    return Pairing(
        pairs=tuple((mine[one], told[other]) for other, one in sorted(met.items())),
        beside=tuple(one for n, one in enumerate(mine) if n not in met.values()),
        missed=tuple(one for n, one in enumerate(told) if n not in met),
    )


def _values(told: GoldOperation) -> tuple[str, ...]:
    return (told.value, told.mention) if told.mention else (told.value,)


def _likeness(operation: Operation, told: GoldOperation) -> float:
    """How like the two values are; of a retraction that clears the slot a little, as any other is liker."""
    return max(0.01, *(token_f1(operation.preference.value, value) for value in _values(told)))
