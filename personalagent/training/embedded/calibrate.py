"""Where scores become decisions: thresholds and probabilities, set on the corpus's held-back dev split."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import mean
from typing import NamedTuple

import torch
from torch import nn

from personalagent.corpora import gold
from personalagent.corpora.matching import Tally, soft
from personalagent.policies.chances import chance, logit
from personalagent.policies.embedded import Reading, Spaces
from personalagent.policies.embedding import held_against
from personalagent.policies.model import Model, Thresholds
from personalagent.policies.slotspace import SlotSpace
from personalagent.policies.wants import Considered, Wants, by_weight, strongest
from personalagent.profile.history import Held
from personalagent.profile.preference import Need
from personalagent.profile.profile import Profile
from personalagent.profile.sufficiency import check
from personalagent.profile.template import Template
from personalagent.training.embedded.pairs import GRADES

KEEP = 0.55
"""How likely a value must be one to be stored: what nobody said costs a little more than what is missed."""
LEANS = (-1.5, -1.0, -0.75, -0.5, -0.25, 0.0, 0.25, 0.5, 1.0)
NEEDS = tuple(n / 40 for n in range(1, 36))
RELATED = tuple(n / 50 for n in range(5, 48))
DECIDING = tuple(n / 20 for n in range(2, 17))
SETTLES = tuple(n / 20 for n in range(8, 20))


Weights = tuple[float, float, float]


class Candidate(NamedTuple):
    """A span that the reader marked on held-back data, and whether it was right."""

    score: float
    speaks: float
    share: float
    value: bool
    whole: bool


def calibrated(model: Model, template: Template) -> Thresholds:
    """The thresholds that do best on the dev split, probabilities first."""
    spaces = Spaces(SlotSpace(template, model), Wants(template, model))
    found = {lean: candidates(model, spaces, template, lean) for lean in LEANS}
    turns = [turn for one in gold.dialogues(None, "dev") for turn in one.turns]
    total = sum(op.action == "assert" for turn in turns for op in turn.operations)
    every = found[LEANS[0]]
    value = logistic([(c.score, c.speaks) for c in every], [c.value for c in every])
    whole = logistic([(c.score, c.speaks, c.share) for c in every], [c.whole for c in every])
    cases = asked(spaces.wants)
    needed, bearing = weights_of_needs(cases), weights_of_bearing(cases)
    need = best_need(cases, needed)
    deciding, settles = best_asking(cases, template, needed, need)
    return Thresholds(
        lean=best_lean(found, (value[0], value[1], value[2]), total),
        keep=KEEP,
        need=need,
        deciding=deciding,
        related=best_related(cases, bearing, settles),
        settles=settles,
        value=(value[0], value[1], value[2]),
        needed=needed,
        bearing=bearing,
        whole=(whole[0], whole[1], whole[2], whole[3]),
    )


def candidates(model: Model, spaces: Spaces, template: Template, lean: float) -> list[Candidate]:
    """All asserted spans on the dev split, held against its gold operations."""
    made: list[Candidate] = []
    for one in gold.dialogues(None, "dev"):
        for turn, told in zip(gold.history(one.persona, [one]).turns, one.turns, strict=True):
            stated = [op for op in told.operations if op.action == "assert"]
            reading = Reading(turn, model, spaces, Profile(), template)
            for said in reading.said(lean):
                if said.mark == "retract":
                    continue
                match = spaces.slots.match(said.points)
                same = [op for op in stated if soft(turn.text[said.start : said.end], op.value)]
                right = any(match.slot.id in op.slots for op in same)
                made.append(Candidate(said.score, said.speaks, match.share, bool(same), right))
    return made


def logistic(scores: Sequence[tuple[float, ...]], right: Iterable[float]) -> list[float]:
    """Weights over the scores' log odds, the intercept last, by maximum likelihood with a little decay."""
    inputs = torch.tensor([[logit(score) for score in row] for row in scores])
    wanted = torch.tensor([float(one) for one in right])
    line = nn.Linear(inputs.shape[1], 1)
    optimiser = torch.optim.LBFGS(line.parameters(), max_iter=200)

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        raised = line(inputs).squeeze(1)
        loss = (
            nn.functional.binary_cross_entropy_with_logits(raised, wanted) + 1e-3 * line.weight.square().sum()
        )
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimiser.step(closure)  # type: ignore[no-untyped-call]
    return [round(float(weight), 4) for weight in (*line.weight[0], *line.bias)]


def best_lean(found: Mapping[float, Sequence[Candidate]], value: Weights, total: int) -> float:
    """The lean with the best F1 of the values that are kept, of `total` gold ones."""

    def f1(lean: float) -> float:
        kept = [one for one in found[lean] if chance(value, one.score, one.speaks) >= KEEP]
        return 2 * sum(one.value for one in kept) / (len(kept) + total)

    return _plateau(LEANS, f1)


class Asked(NamedTuple):
    """A held-back request with all that the thresholds decide upon."""

    request: gold.GoldRequest
    profile: Profile
    slots: list[Considered]
    held: list[Held]
    verdicts: list[tuple[float, float]]
    """On what is held (see `held_against`)."""


def asked(wants: Wants) -> list[Asked]:
    """The dev split's requests, with what the reader makes of slots and preferences."""
    made = []
    for one in gold.requests(None, "dev"):
        profile = gold.profile_of(one.profile, wants.template)
        held = [h for current in profile.current.values() for h in current]
        verdicts = held_against(wants, one.request, wants.model.embed([one.request])[0], held)
        made.append(Asked(one, profile, wants.considered(one.request), held, verdicts))
    return made


def weights_of_needs(cases: Sequence[Asked]) -> Weights:
    """What makes of a slot's scores the chance that the request needs it; `GRADES` says what each counts."""
    every = [(slot, one.request.needs.get(slot.slot, 0)) for one in cases for slot in one.slots]
    scores = [(slot.verdict, slot.likely) for slot, _ in every]
    first, second, constant = logistic(scores, [GRADES[grade] for _, grade in every])
    return first, second, constant


def weights_of_bearing(cases: Sequence[Asked]) -> Weights:
    """What makes of a preference's scores the chance that it bears on the request."""
    every = [pair for one in cases for pair in one.verdicts]
    right = [held.preference.slot in one.request.needs for one in cases for held in one.held]
    first, second, constant = logistic(every, right)
    return first, second, constant


def best_need(cases: Sequence[Asked], needed: Weights) -> float:
    """The threshold with the best F1 of needs."""

    def f1(least: float) -> float:
        tally = Tally()
        for one in cases:
            proposed = {need.slot for need in _needs(one, needed, least)}
            deciding = {slot for slot, grade in one.request.needs.items() if grade == 2}
            right, found = len(proposed & one.request.needs.keys()), len(proposed & deciding)
            tally.add(len(proposed), len(deciding), right, found)
        return tally.scores.f1 or 0.0

    return _plateau(NEEDS, f1)


def best_related(cases: Sequence[Asked], bearing: Weights, settles: float) -> float:
    """The strictest threshold with about the best F2 of what goes with a request.

    What settles a request goes with it in any case. One missed costs more than one too many; but what does
    not bear on a request should not go with it.
    """

    def f2(least: float) -> float:
        sent = needed = right = 0
        for one in cases:
            wanted = {held.preference.slot for held in one.held} & one.request.needs.keys()
            chosen = {
                held.preference.slot
                for held, pair in zip(one.held, one.verdicts, strict=True)
                if chance(bearing, *pair) >= least or pair[0] >= settles
            }
            sent, needed, right = sent + len(chosen), needed + len(wanted), right + len(chosen & wanted)
        return 5 * right / (sent + 4 * needed) if needed else 0.0

    return _near_best(RELATED, f2)[-1]


def best_asking(
    cases: Sequence[Asked], template: Template, needed: Weights, need: float
) -> tuple[float, float]:
    """From which weight an unknown need is worth a question, and which verdict of the reader answers it.

    Those with the best balanced accuracy of asking and answering.
    """
    needs = [_needs(one, needed, need) for one in cases]

    def accuracy(deciding: float, settles: float) -> float:
        right: dict[str, list[bool]] = {"ask": [], "answer": []}
        for one, theirs in zip(cases, needs, strict=True):
            near = zip(one.held, one.verdicts, strict=True)
            related = [held for held, (verdict, _) in near if verdict >= settles]
            found = check(
                theirs,
                one.profile,
                template,
                request=one.request.request,
                related=related if theirs else (),
                deciding=deciding,
            )
            right[one.request.decision].append(
                (found.decision == "clarify") == (one.request.decision == "ask")
            )
        return sum(sum(cell) / len(cell) for cell in right.values()) / 2

    grid = [place for place in DECIDING if place >= need]
    row, column = _heart(
        {
            (row, column): accuracy(deciding, settles)
            for row, deciding in enumerate(grid)
            for column, settles in enumerate(SETTLES)
        }
    )
    return grid[row], SETTLES[column]


def _heart(worths: Mapping[tuple[int, int], float]) -> tuple[int, int]:
    """The place of a grid that does best together with its neighbours: a lone peak is chance."""

    def around(place: tuple[int, int]) -> float:
        near = [(place[0] + down, place[1] + right) for down in (-1, 0, 1) for right in (-1, 0, 1)]
        return round(mean(worths[one] for one in near if one in worths), 6)

    every = {place: around(place) for place in worths}
    best = [place for place, one in every.items() if one == max(every.values())]
    return best[len(best) // 2]


def _needs(one: Asked, needed: Weights, least: float) -> list[Need]:
    """As `Wants.needs` proposes them."""
    return strongest(by_weight(one.slots, needed), least)


def _plateau(grid: Sequence[float], worth: Callable[[float], float]) -> float:
    """The middle of those places of the grid that are about the best."""
    near = _near_best(grid, worth)
    return near[len(near) // 2]


def _near_best(grid: Sequence[float], worth: Callable[[float], float]) -> list[float]:
    """Those places of the grid that come within a hundredth of the best."""
    worths = [worth(place) for place in grid]
    return [place for place, one in zip(grid, worths, strict=True) if one >= max(worths) - 0.01]
