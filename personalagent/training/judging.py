"""The judge of an inference: four criteria against the turn's gold (paper, sec. 3.5 and App. C).

`GoldJudge` needs no model. What it demands of a step, where gold says what the turn states:

- completeness: every gold operation is met (`pairing.meets`) by one that passed the gate, each by one of its
  own; a retraction ends what the profile holds of it. Gold that the gate itself would not take, such as a
  value in a quotation or in a slot that the template lacks, is not demanded.
- no hallucination: every proposed operation, those that the gate rejected too, meets a gold operation, quotes
  its evidence, has no words that are neither gold's nor the message's, and denies only if gold denies. What
  only says again what the reply or the profile has said is no hallucination. A rejected operation may only be
  gold that the gate would not take.
- informativeness: a value has at least half of gold's words, and is no sentence where gold is a word.
- consistency: nothing is said twice, nor said that is held already and not gold; no two operations exclude
  each other unless both are gold; nothing that is held is replaced or ended unless gold says so; the
  classification is gold's.

The needs of the reply are not judged: gold of turns has none.
"""

from collections import Counter
from collections.abc import Iterable
from itertools import combinations
from typing import NamedTuple, Protocol

from personalagent.corpora.gold import GoldOperation, GoldTurn, inference_of
from personalagent.corpora.matching import soft
from personalagent.corpora.pairing import meets, paired
from personalagent.dialogue import Frozen, Turn
from personalagent.errors import DataError
from personalagent.policies.policy import Failure
from personalagent.profile.evidence import gate, locate
from personalagent.profile.preference import Inference, Operation, Preference, normalise
from personalagent.profile.profile import Profile
from personalagent.profile.template import Template, load_template
from personalagent.training.episodes import Episode, Step, Told

LEAST_RECALL = 0.5
"""Of the words of gold's value, that a value must have to be as specific."""
TIMES_AS_LONG, WORDS_MORE = 2, 3
"""A value of more than so many times gold's words, and so many, is a copy of the message."""
_DENIALS = frozenset(
    ("no", "not", "never", "none", "nobody", "nothing", "neither", "without", "t", "dont", "cant", "wont")
)
"""As words are normalised: "don't" is two."""


class Verdict(Frozen):
    """The four criteria of the paper."""

    completeness: bool
    no_hallucination: bool
    informativeness: bool
    consistency: bool

    @property
    def holds(self) -> bool:
        """Whether all four do."""
        return self.completeness and self.no_hallucination and self.informativeness and self.consistency


UNREADABLE = Verdict(completeness=False, no_hallucination=False, informativeness=False, consistency=False)
"""The verdict on a reply that cannot be parsed; nobody has to be asked."""


class Judge(Protocol):
    """Who says whether an inference is right. May be asked about many steps at once."""

    async def judge(self, step: Step) -> Verdict | None:
        """The verdict; None if there could be none, which is no verdict against the step."""
        ...


class GoldJudge:
    """Holds operations against gold operations; deterministic, and in whatever order they come."""

    def __init__(self, template: Template | None = None) -> None:
        """`template` is the one that the steps were gated with; None: the one that ships."""
        self._template = template or load_template()

    async def judge(self, step: Step) -> Verdict | None:
        """The verdict; None if the step's gold is prose (see `check`)."""
        if isinstance(step.gold, Told):
            return None
        if isinstance(step.inference, Failure):
            return UNREADABLE
        due, beyond = self._due(step.turn, step.gold)
        return _verdict(_compared(step, step.gold, due, beyond), step.inference)

    @staticmethod
    def check(episodes: Iterable[Episode]) -> None:
        """Raises `DataError`, which names the episode, if the gold of one is prose, which needs a model."""
        for episode in episodes:
            if any(isinstance(told, Told) for told in episode.gold):
                raise DataError(
                    f"{episode.id}: its gold is prose, not operations: only a model can judge by it"
                )

    def _due(self, turn: Turn, told: GoldTurn) -> tuple[list[GoldOperation], list[GoldOperation]]:
        """The turn's gold that the gate lets through, in one of its slots at least, and the rest."""
        taken = [self._takes(one, turn) for one in told.operations]
        sides = list(zip(told.operations, taken, strict=True))
        return [one for one, kept in sides if kept], [one for one, kept in sides if not kept]

    def _takes(self, told: GoldOperation, turn: Turn) -> bool:
        each = tuple(told.model_copy(update={"slots": (slot,)}) for slot in told.slots)
        inference = inference_of(GoldTurn(user=turn.text, classification="new", operations=each))
        return bool(gate(inference, turn, self._template).inference.operations)


def proposals(step: Step) -> tuple[Operation, ...]:
    """All operations that a step's reply proposes: those that passed the gate, then those that did not."""
    refused = (rejection.operation for rejection in step.entry.rejections)
    return (*step.entry.inference.operations, *refused)


class _Compared(NamedTuple):
    """A step's operations beside gold."""

    step: Step
    told: GoldTurn
    right: tuple[tuple[Operation, GoldOperation], ...]
    """Pairs whose operation passed the gate."""
    beyond: tuple[tuple[Operation, GoldOperation], ...]
    """Pairs whose operation did not, and gold would not have either."""
    beside: tuple[Operation, ...]
    """Passed the gate, and is no gold operation, or none that is left."""
    refused: tuple[Operation, ...]
    """Did not pass, and is no gold."""
    missed: tuple[GoldOperation, ...]
    demanded: bool
    """Whether the gate lets any of the turn's gold through."""


def _compared(step: Step, told: GoldTurn, due: list[GoldOperation], beyond: list[GoldOperation]) -> _Compared:
    first = paired(step.entry.inference.operations, due)
    rest = paired(first.beside, beyond)
    rejected = paired([one.operation for one in step.entry.rejections], rest.missed)
    right = first.pairs + rest.pairs
    return _Compared(step, told, right, rejected.pairs, rest.beside, rejected.beside, first.missed, bool(due))


def _verdict(found: _Compared, said: Inference) -> Verdict:
    before, right = found.step.before, found.right
    repeated = [one for one in found.beside if _repeats(one, found)]
    classes = {found.told.classification} if found.demanded else {found.told.classification, "none"}
    return Verdict(
        completeness=not found.missed and all(_ends(op, one, before) for op, one in right),
        no_hallucination=not found.refused
        and len(repeated) == len(found.beside)
        and all(_quotes(op, one, found) and _said(op, one, found) for op, one in right + found.beyond),
        informativeness=all(_specific(op.preference.value, one.value) for op, one in right if _asserts(op)),
        consistency=said.classification in classes and not repeated and not _clashes(found),
    )


def _asserts(operation: Operation) -> bool:
    return operation.action == "assert"


def _ends(operation: Operation, told: GoldOperation, before: Profile) -> bool:
    """Whether what is held of a retracted value, if anything, is ended (merge compares values exactly)."""
    if _asserts(operation):
        return True
    held = [one for slot in told.slots for one in _held(before, slot) if soft(one.value, told.value)]
    return not held or any(_meant(operation.preference, one) for one in held)


def _quotes(operation: Operation, told: GoldOperation, found: _Compared) -> bool:
    """Whether the evidence is gold's, in part at least, or has the value word for word, said of the user."""
    text, quote = found.step.turn.text, operation.evidence.quote
    if _overlap(quote, told.evidence, text):
        return True
    value = operation.preference.value or told.mention or ""
    return bool(locate(value, quote)) and bool(locate(quote, text)) and not _of_others(operation, found)


def _said(operation: Operation, told: GoldOperation, found: _Compared) -> bool:
    """Whether an asserted value has no words but gold's and the message's, and denies if gold's does."""
    if not _asserts(operation):
        return True
    mine, theirs = _words(operation.preference.value), _words(told.value)
    own = theirs | _words(found.step.turn.text)
    return mine <= own and bool(mine & _DENIALS) == bool(theirs & _DENIALS)


def _words(text: str) -> set[str]:
    """The words without their plural s."""
    return {word.rstrip("s") or word for word in normalise(text).split()}


def _of_others(operation: Operation, found: _Compared) -> bool:
    """Whether the evidence is, in part at least, a span that says nothing of the user."""
    quote, text = operation.evidence.quote, found.step.turn.text
    return any(_overlap(quote, one.span, text) for one in found.told.not_stated)


def _overlap(one: str, other: str, text: str) -> bool:
    theirs = locate(other, text)
    return any(a < d and c < b for a, b in locate(one, text) for c, d in theirs)


def _repeats(operation: Operation, found: _Compared) -> bool:
    """Whether it only says again what is gold of the turn, or held, and of nobody else."""
    if _of_others(operation, found):
        return False
    mine = operation.preference
    return any(meets(operation, one) for one in found.told.operations) or (
        _asserts(operation)
        and any(
            one.polarity == mine.polarity and soft(one.value, mine.value)
            for one in _held(found.step.before, mine.slot)
        )
    )


def _specific(value: str, gold: str) -> bool:
    mine, theirs = normalise(value).split(), normalise(gold).split()
    shared = (Counter(mine) & Counter(theirs)).total()
    return shared >= LEAST_RECALL * len(theirs) and len(mine) <= TIMES_AS_LONG * len(theirs) + WORDS_MORE


def _clashes(found: _Compared) -> bool:
    """Whether operations exclude each other, or what is held, without being gold."""
    taken = [(op, True) for op, _ in found.right] + [(op, False) for op in found.beside]
    if any(_exclude(a, b, gold=known and its) for (a, known), (b, its) in combinations(taken, 2)):
        return True
    ended = [one for one in found.told.operations if one.action == "retract"]
    for operation, known in taken:
        for held in _held(found.step.before, operation.preference.slot):
            if not _asserts(operation):
                meant = [one for one in ended if held.slot in one.slots and soft(one.value, held.value)]
                if _meant(operation.preference, held) and not meant:
                    return True
            elif not known and _replaces(operation.preference, held):
                return True
    return False


def _exclude(one: Operation, other: Operation, *, gold: bool) -> bool:
    """Whether two operations cannot both be meant; two of gold's can, unless one clears the slot."""
    a, b = one.preference, other.preference
    if a.slot != b.slot:
        return False
    if one.action == other.action:
        return not gold and _asserts(one) and _replaces(a, b)
    retracted, asserted = (b, a) if _asserts(one) else (a, b)
    return _meant(retracted, asserted) and not (gold and normalise(retracted.value))


def _replaces(one: Preference, other: Preference) -> bool:
    return one.cell == other.cell and not one.says_the_same(other)


def _meant(retracted: Preference, held: Preference) -> bool:
    """Whether merge ends the held value on the retraction."""
    scope = retracted.scope is None or normalise(retracted.scope) == normalise(held.scope or "")
    return scope and normalise(retracted.value) in ("", normalise(held.value))


def _held(profile: Profile, slot: str) -> list[Preference]:
    return [held.preference for held in profile.current.get(slot, ())]
