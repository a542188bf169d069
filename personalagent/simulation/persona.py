"""Who a simulated user is: what she holds, what she will say, and what she will ask for."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from pydantic import Field

from personalagent.corpora.gold import (
    GoldDialogue,
    GoldOperation,
    GoldRequest,
    GoldTurn,
    Split,
    dialogues,
    requests,
)
from personalagent.corpora.matching import soft
from personalagent.dialogue import Frozen
from personalagent.profile.preference import Preference, normalise
from personalagent.profile.template import Template


class Persona(Frozen):
    """A person of the corpus. An agent under test sees none of this."""

    id: str
    about: str
    holds: tuple[GoldOperation, ...] = Field(
        description="what is true of her: what her dialogues leave, and what only her requests' profiles say"
    )
    script: tuple[GoldDialogue, ...] = Field(description="her dialogues in their order")
    requests: tuple[GoldRequest, ...] = ()

    def about_slot(self, slot: str) -> tuple[GoldOperation, ...]:
        """What she holds in a slot, or in one as good."""
        return tuple(one for one in self.holds if slot in one.slots)

    @property
    def slots(self) -> frozenset[str]:
        """The slots in which she holds something, with those as good."""
        return frozenset(slot for one in self.holds for slot in one.slots)


def personas(template: Template, folder: Path | None = None, *splits: Split) -> tuple[Persona, ...]:
    """Everybody who speaks in the splits of the corpus (in `folder`, or the one that ships), in its order.

    Raises `DataError` where the corpus cannot be read.
    """
    spoken: dict[str, list[GoldDialogue]] = {}
    for one in dialogues(folder, *splits):
        spoken.setdefault(one.persona, []).append(one)
    asked: dict[str, list[GoldRequest]] = {}
    for request in requests(folder, *splits):
        asked.setdefault(request.persona, []).append(request)
    return tuple(persona_of(script, asked.get(name, ()), template) for name, script in spoken.items())


def persona_of(script: Sequence[GoldDialogue], asked: Iterable[GoldRequest], template: Template) -> Persona:
    """The persona of these dialogues, at least one, and requests.

    What a request's profile holds in slots that the dialogues never speak of is hers, too: she does not
    say it unless she is asked.
    """
    holds: tuple[GoldOperation, ...] = ()
    for told in (turn for one in script for turn in one.turns):
        holds = after(holds, told, template)
    said = {slot for op in _stated(script) for slot in op.slots}
    wanted = tuple(asked)
    unsaid = {
        (line.slot, normalise(line.value)): GoldOperation(
            slots=(line.slot,), polarity=line.polarity, value=line.value, evidence=line.value
        )
        for request in wanted
        for line in request.profile
        if line.slot not in said
    }
    return Persona(
        id=script[0].persona,
        about=script[0].about,
        holds=(*holds, *unsaid.values()),
        script=tuple(script),
        requests=wanted,
    )


def after(known: Sequence[GoldOperation], told: GoldTurn, template: Template) -> tuple[GoldOperation, ...]:
    """The gold values that hold after a turn: folded as the profile is, slots as good being one slot."""
    left = list(known)
    for op in told.operations:
        if op.action == "retract":
            left = [one for one in left if not _same(one, op)]
        else:
            cell = _cell(op, template)
            left = [one for one in left if _cell(one, template) != cell and not _same(one, op)] + [op]
    return tuple(left)


def earliest(request: GoldRequest, script: Sequence[GoldDialogue]) -> int:
    """The number of the dialogue by whose end all has been said that the request's profile takes from any."""
    return max((_first(line.slot, line.value, script) for line in request.profile), default=0)


def _first(slot: str, value: str, script: Sequence[GoldDialogue]) -> int:
    for number, one in enumerate(script):
        if any(slot in op.slots and soft(op.value, value) for op in _stated([one])):
            return number
    return 0


def _stated(script: Iterable[GoldDialogue]) -> list[GoldOperation]:
    return [op for one in script for turn in one.turns for op in turn.operations if op.action == "assert"]


def _same(one: GoldOperation, other: GoldOperation) -> bool:
    return not set(one.slots).isdisjoint(other.slots) and normalise(one.value) == normalise(other.value)


def _cell(op: GoldOperation, template: Template) -> tuple[str, ...]:
    slot = template.slot(op.slots[0])
    kind = slot.kind if slot else "many"
    return (op.slots[0], *Preference(slot=op.slots[0], value=op.value, scope=op.scope, kind=kind).cell)
