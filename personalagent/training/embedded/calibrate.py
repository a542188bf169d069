"""Where scores become decisions: thresholds and probabilities, set on the corpus's held-back dev split."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import torch
from torch import nn

from personalagent.corpora import gold
from personalagent.corpora.matching import Tally, soft
from personalagent.policies.embedded import Reading, Spaces, chance, logit
from personalagent.policies.embedding import known_text, preference_text
from personalagent.policies.model import Model, Thresholds
from personalagent.policies.slotspace import SlotSpace
from personalagent.policies.wants import Wants
from personalagent.profile.history import Held
from personalagent.profile.preference import Need
from personalagent.profile.profile import Profile
from personalagent.profile.sufficiency import check
from personalagent.profile.template import Template

JUNK = 0.06
"""Values stored per silent turn that are borne with."""
LEANS = (-1.5, -1.0, -0.75, -0.5, -0.25, 0.0, 0.25, 0.5, 1.0)
KEEPS = tuple(n / 20 for n in range(2, 16))
NEEDS = tuple(n / 40 for n in range(1, 36))
RELATED = tuple(n / 50 for n in range(5, 48))


class Candidate(NamedTuple):
    """A span that the reader marked on held-back data, and whether it was right."""

    score: float
    speaks: float
    share: float
    value: bool
    whole: bool
    silent: bool
    """Whether its turn says nothing lasting."""


def calibrated(model: Model, template: Template) -> Thresholds:
    """The thresholds that do best on the dev split, probabilities first."""
    spaces = Spaces(SlotSpace(template, model), Wants(template, model))
    found = {lean: candidates(model, spaces, template, lean) for lean in LEANS}
    turns = [turn for one in gold.dialogues(None, "dev") for turn in one.turns]
    total = sum(op.action == "assert" for turn in turns for op in turn.operations)
    silent = sum(turn.classification == "none" for turn in turns)
    every = found[LEANS[0]]
    value = logistic([(c.score, c.speaks) for c in every], [c.value for c in every])
    whole = logistic([(c.score, c.speaks, c.share) for c in every], [c.whole for c in every])
    lean, keep = max(
        ((lean, keep) for lean in LEANS for keep in KEEPS),
        key=lambda pair: _worth(found[pair[0]], value, pair[1], total, silent),
    )
    cases = asked(spaces.wants, model, template)
    need = best_need(cases)
    return Thresholds(
        lean=lean,
        keep=keep,
        need=need,
        related=best_related(cases),
        settles=best_settles(cases, template, need),
        value=(value[0], value[1], value[2]),
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
                silent = told.classification == "none"
                made.append(Candidate(said.score, said.speaks, match.share, bool(same), right, silent))
    return made


def logistic(scores: Sequence[tuple[float, ...]], right: Iterable[bool]) -> list[float]:
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


class Asked(NamedTuple):
    """A held-back request with all that the thresholds decide upon."""

    request: gold.GoldRequest
    weighed: list[Need]
    profile: Profile
    bearing: list[tuple[Held, float]]


def asked(wants: Wants, model: Model, template: Template) -> list[Asked]:
    """The dev split's requests with the reader's verdicts on slots and preferences."""
    made = []
    for one in gold.requests(None, "dev"):
        profile = gold.profile_of(one.profile, template)
        held = [h for current in profile.current.values() for h in current]
        texts = [known_text(preference_text(h.preference, template)) for h in held]
        chances = model.bears(one.request, texts).tolist()
        made.append(Asked(one, wants.weighed(one.request), profile, list(zip(held, chances, strict=True))))
    return made


def best_need(cases: Sequence[Asked]) -> float:
    """The threshold with the best F1 of needs."""

    def f1(least: float) -> float:
        tally = Tally()
        for one in cases:
            proposed = {need.slot for need in one.weighed if need.weight >= least}
            deciding = {slot for slot, grade in one.request.needs.items() if grade == 2}
            right, found = len(proposed & one.request.needs.keys()), len(proposed & deciding)
            tally.add(len(proposed), len(deciding), right, found)
        return tally.scores.f1 or 0.0

    return _plateau(NEEDS, f1)


def best_related(cases: Sequence[Asked]) -> float:
    """The threshold with the best F2 of what goes with a request: one missed costs more than one too many."""

    def f2(least: float) -> float:
        sent = needed = right = 0
        for one in cases:
            wanted = {held.preference.slot for held, _ in one.bearing} & one.request.needs.keys()
            chosen = {held.preference.slot for held, chance_ in one.bearing if chance_ >= least}
            sent, needed, right = sent + len(chosen), needed + len(wanted), right + len(chosen & wanted)
        return 5 * right / (sent + 4 * needed) if needed else 0.0

    return _plateau(RELATED, f2)


def best_settles(cases: Sequence[Asked], template: Template, need: float) -> float:
    """The threshold with the best balanced accuracy of asking and answering."""

    def accuracy(least: float) -> float:
        right: dict[str, list[bool]] = {"ask": [], "answer": []}
        for one in cases:
            needs = [n for n in one.weighed if n.weight >= need]
            related = [held for held, chance_ in one.bearing if chance_ >= least]
            found = check(needs, one.profile, template, request=one.request.request, related=related)
            asks = one.request.decision == "ask"
            right[one.request.decision].append((found.decision == "clarify") == asks)
        return sum(sum(cell) / len(cell) for cell in right.values()) / 2

    return _plateau(RELATED, accuracy)


def _worth(found: Sequence[Candidate], value: Sequence[float], keep: float, total: int, silent: int) -> float:
    """F1 of values, less what is stored of silent turns beyond what is borne with."""
    kept = [one for one in found if chance(value, one.score, one.speaks) >= keep]
    right, junk = sum(one.value for one in kept), sum(one.silent for one in kept)
    f1 = 2 * right / (len(kept) + total) if kept else 0.0
    return f1 - max(0.0, junk / silent - JUNK)


def _plateau(grid: Sequence[float], worth: Callable[[float], float]) -> float:
    """The middle of those places of the grid that come within a hundredth of the best."""
    worths = [worth(place) for place in grid]
    near = [place for place, one in zip(grid, worths, strict=True) if one >= max(worths) - 0.01]
    return near[len(near) // 2]
