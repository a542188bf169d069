"""The project's own corpus: operations turn by turn, and what requests need."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, get_args

from personalagent.corpora import gold
from personalagent.corpora.gold import GoldOperation, GoldTurn, Split
from personalagent.corpora.matching import Tally, exact_counts, ratio, soft, soft_counts
from personalagent.evals.decisions import decide
from personalagent.evals.metrics import balanced, calibration_error, median
from personalagent.evals.reader import Evaluated, ReadTurn, read_all
from personalagent.profile.preference import Operation, normalise
from personalagent.stores.index import PreferenceIndex

SPLITS = get_args(Split)


class Turns:
    """Counts over turns."""

    def __init__(self) -> None:
        self.slot_and_value, self.exact, self.near, self.retractions = Tally(), Tally(), Tally(), Tally()
        self.strict = Tally()
        self.turns = self.classified = self.silent = self.junk = self.stored = self.foreign = 0
        self.polarities = [0, 0]
        self.confidences: list[tuple[float, bool]] = []
        self.times: list[float] = []

    def add(self, read: ReadTurn, told: GoldTurn) -> None:
        """Count one turn."""
        stated = [op for op in told.operations if op.action == "assert"]
        pairs = matched(read.asserted, stated)
        self.slot_and_value.add(len(read.asserted), len(stated), len(pairs), len(pairs))
        same = sum(normalise(mine.preference.value) == normalise(its.value) for mine, its in pairs)
        self.strict.add(len(read.asserted), len(stated), same, same)
        self.polarities[0] += sum(mine.preference.polarity == its.polarity for mine, its in pairs)
        self.polarities[1] += len(pairs)
        values = [op.preference.value for op in read.asserted]
        self.exact.add(*exact_counts(values, [op.value for op in stated]))
        self.near.add(*soft_counts(values, [op.value for op in stated]))
        ended = [op for op in told.operations if op.action == "retract"]
        met = len(matched(read.retracted, ended))
        self.retractions.add(len(read.retracted), len(ended), met, met)
        right = {id(mine) for mine, _ in pairs}
        self.confidences += [(op.preference.confidence, id(op) in right) for op in read.asserted]
        self.turns += 1
        self.classified += read.entry.inference.classification == told.classification
        self.silent += told.classification == "none"
        self.junk += len(read.asserted) if told.classification == "none" else 0
        self.stored += len(read.asserted)
        self.foreign += sum(_others(op, told) for op in read.asserted)
        self.times.append(read.milliseconds)

    def figures(self) -> dict[str, Any]:
        """All figures, by name."""
        precision, recall, f1 = self.slot_and_value.scores
        return {
            "turns": self.turns,
            "slot_value_precision": precision,
            "slot_value_recall": recall,
            "slot_value_f1": f1,
            "slot_value_exact_f1": self.strict.scores.f1,
            "exact_f1": self.exact.scores.f1,
            "soft_f1": self.near.scores.f1,
            "classification_accuracy": ratio(self.classified, self.turns),
            "retraction_recall": self.retractions.scores.recall,
            "retraction_precision": self.retractions.scores.precision,
            "third_party_share": ratio(self.foreign, self.stored),
            "junk_per_100": _hundredfold(ratio(self.junk, self.silent)),
            "polarity_accuracy": ratio(*self.polarities),
            "calibration_error": calibration_error(self.confidences),
            "ms_per_turn_p50": median(self.times),
        }


def matched(
    mine: Sequence[Operation], told: Sequence[GoldOperation]
) -> list[tuple[Operation, GoldOperation]]:
    """Pairs, one to one, of the same slot (or one as good) and softly the same value."""
    left, pairs = list(told), []
    for operation in mine:
        preference = operation.preference
        for one in left:
            if preference.slot in one.slots and soft(preference.value, one.value):
                pairs.append((operation, one))
                left.remove(one)
                break
    return pairs


def _others(operation: Operation, told: GoldTurn) -> bool:
    """Whether the value is one that the turn says of somebody else."""
    value = normalise(operation.preference.value)
    spans = [normalise(n.span) for n in told.not_stated if n.reason == "third_party"]
    own = any(soft(operation.preference.value, op.value) for op in told.operations)
    return not own and any(value in span or span in value for span in spans)


def _hundredfold(share: float | None) -> float | None:
    return None if share is None else 100 * share


async def run(
    what: Evaluated,
    folder: Path | None,
    split: str,
    advance: Callable[[int, int], None],
    index: PreferenceIndex | None = None,
) -> dict[str, Any]:
    """The figures of a split of the corpus (in `folder`, or the one that ships).

    A turn is read with the profile that the policy itself has made of the turns before it;
    `retraction_recall_gold` with the gold profile instead, which holds all that may be ended.
    """
    name: Split = split  # type: ignore[assignment]  # one of SPLITS: the command has checked it
    spoken = gold.dialogues(folder, name)
    asked = gold.requests(folder, name)
    total = len({one.persona for one in spoken}) + len(asked)
    own, taught = Turns(), Turns()
    done = 0
    for persona in dict.fromkeys(one.persona for one in spoken):
        theirs = [one for one in spoken if one.persona == persona]
        told = [turn for one in theirs for turn in one.turns]
        turns = gold.history(persona, theirs).turns
        number = 0
        async for read in read_all(what, turns):
            own.add(read, told[number])
            number += 1
        known: list[GoldOperation] = []
        for turn, one in zip(turns, told, strict=True):
            if any(op.action == "retract" for op in one.operations):
                profile = gold.profile_of(
                    [gold.Held(slot=op.slots[0], polarity=op.polarity, value=op.value) for op in known],
                    what.template,
                )
                async for read in read_all(what, [turn], profile):
                    taught.add(read, one)
            known = after(known, one)
        done += 1
        advance(done, total)
    figures = own.figures()
    figures["retraction_recall_gold"] = taught.retractions.scores.recall
    return {**figures, **await _requests(what, asked, index, lambda n: advance(done + n, total))}


def after(known: Sequence[GoldOperation], turn: GoldTurn) -> list[GoldOperation]:
    """The gold values that hold after a turn."""
    ended = {(op.slots[0], normalise(op.value)) for op in turn.operations if op.action == "retract"}
    left = [op for op in known if (op.slots[0], normalise(op.value)) not in ended]
    return left + [op for op in turn.operations if op.action == "assert"]


async def _requests(
    what: Evaluated,
    asked: Sequence[gold.GoldRequest],
    index: PreferenceIndex | None,
    advance: Callable[[int], None],
) -> dict[str, Any]:
    """Needs and decisions: precision counts any needed slot as right, recall the deciding ones."""
    needs = Tally()
    asks, answers, handed = [0, 0], [0, 0], [0, 0, 0]
    untouched = [0, 0]
    for number, request in enumerate(asked):
        profile = gold.profile_of(request.profile, what.template)
        decided = await decide(what, index, request.request, profile)
        proposed = {need.slot for need in decided.sufficiency.needs}
        deciding = {slot for slot, grade in request.needs.items() if grade == 2}
        needs.add(
            len(proposed), len(deciding), len(proposed & request.needs.keys()), len(proposed & deciding)
        )
        if not request.needs:
            untouched[0] += not proposed
            untouched[1] += 1
        counted = asks if request.decision == "ask" else answers
        counted[0] += decided.asks == (request.decision == "ask")
        counted[1] += 1
        wanted = {h.slot for h in request.profile} & deciding
        slots = {held.preference.slot for held in decided.handed}
        handed[0] += len(wanted & slots)
        handed[1] += len(wanted)
        handed[2] += len(slots - request.needs.keys())
        advance(number + 1)
    scores = needs.scores
    return {
        "requests": len(asked),
        "needs_precision": scores.precision,
        "needs_recall": scores.recall,
        "needs_f1": scores.f1,
        "needs_none_accuracy": ratio(*untouched),
        "ask_recall": ratio(*asks),
        "answer_recall": ratio(*answers),
        "ask_balanced_accuracy": balanced(*asks, *answers),
        "relevance": ratio(handed[0], handed[1]),
        "handed_beside_per_request": ratio(handed[2], len(asked)),
    }
