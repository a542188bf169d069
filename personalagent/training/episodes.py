"""What is trained on: dialogues whose turns have gold, as episodes of the MDP (paper, Eq. 2)."""

import random
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from personalagent.corpora import gold
from personalagent.corpora.gold import GoldTurn, inference_of
from personalagent.dialogue import Turn
from personalagent.errors import DataError
from personalagent.policies.grammar import MOST_NEEDS
from personalagent.policies.notation import GRADES
from personalagent.policies.policy import Failure
from personalagent.profile.evidence import gate
from personalagent.profile.log import TurnEntry, turn_entry
from personalagent.profile.preference import Inference, Need
from personalagent.profile.profile import Profile, merge
from personalagent.profile.template import Template


class Told(NamedTuple):
    """What a source says in prose of the user so far (ALOE): only a language model can judge by it."""

    profile: str
    personality: str


Gold = GoldTurn | Told
"""What an inference is held against."""


class Episode(NamedTuple):
    """Consecutive turns of one user with the gold of each, and the profile before the first."""

    id: str
    user: str
    turns: tuple[Turn, ...]
    gold: tuple[Gold, ...]
    before: Profile = Profile()


class Step(NamedTuple):
    """One step of a rollout: the state (u_t, p_1:t-1), the action as it was written, and what came of it."""

    turn: Turn
    before: Profile
    reply: str
    """The action in the policy's own words."""
    inference: Inference | Failure
    """The reply as it was parsed."""
    entry: TurnEntry
    """What passed the gate, and what did not; empty where the reply could not be parsed."""
    gold: Gold


class Lesson(NamedTuple):
    """One turn with the profile before it and the inference that is right: teacher forcing."""

    turn: Turn
    profile: Profile
    inference: Inference


def corpus_episodes(template: Template, *splits: gold.Split) -> list[Episode]:
    """The dialogues of the project's corpus; later ones of a persona begin with the gold profile so far."""
    spoken = gold.dialogues(None, *splits)
    found: list[Episode] = []
    for persona in dict.fromkeys(one.persona for one in spoken):
        theirs, profile = [one for one in spoken if one.persona == persona], Profile()
        for session, one in zip(gold.history(persona, theirs).sessions, theirs, strict=True):
            found.append(Episode(session.id, persona, session.turns, one.turns, profile))
            profile = _after(found[-1], template)
    return found


def corpus_histories(template: Template, *splits: gold.Split) -> list[Episode]:
    """All dialogues of a persona as one episode, from an empty profile on: how a policy is measured."""
    found: dict[str, Episode] = {}
    for one in corpus_episodes(template, *splits):
        so_far = found.get(one.user, Episode(one.user, one.user, (), ()))
        found[one.user] = so_far._replace(turns=so_far.turns + one.turns, gold=so_far.gold + one.gold)
    return list(found.values())


def lessons(episode: Episode, template: Template) -> Iterator[Lesson]:
    """Every turn with the gold profile before it. Raises `DataError` if the gold is prose."""
    profile = episode.before
    for turn, told in zip(episode.turns, episode.gold, strict=True):
        if isinstance(told, Told):
            raise DataError(
                f"{episode.id}: its gold is prose, not operations; what can be taught are its replies"
            )
        inference = inference_of(told).model_copy(update={"needs": ()})
        yield Lesson(turn, profile, inference)
        profile = merge(profile, turn_entry(turn, gate(inference, turn, template)))


def request_lessons(template: Template, *splits: gold.Split) -> Iterator[Lesson]:
    """The requests of the corpus, each with what it needs: the turns of dialogues have no gold of that."""
    weights = {2: GRADES["decides"], 1: GRADES["helps"]}
    for number, one in enumerate(gold.requests(None, *splits)):
        profile = gold.profile_of(one.profile, template)
        turn = Turn(user=one.persona, session=f"request-{number}", index=0, text=one.request, at=gold.START)
        needs = [Need(slot=slot, weight=weights[grade]) for slot, grade in one.needs.items()]
        ranked = sorted(needs, key=lambda need: (-need.weight, need.slot))
        yield Lesson(turn, profile, Inference(needs=tuple(ranked[:MOST_NEEDS])))


def windows(episode: Episode, most: int, template: Template) -> list[Episode]:
    """The episode in pieces of at most `most` turns, each beginning with the gold profile so far."""
    if len(episode.turns) <= most:
        return [episode]
    before = [lesson.profile for lesson in lessons(episode, template)]
    return [
        Episode(
            f"{episode.id}@{start}",
            episode.user,
            episode.turns[start : start + most],
            episode.gold[start : start + most],
            before[start],
        )
        for start in range(0, len(episode.turns), most)
    ]


def held_out(users: Sequence[str], share: float, seed: int) -> frozenset[str]:
    """The users who are not trained on: a share of them, drawn by the seed (paper: 9:1).

    At least one, and never all: a single user is trained on.
    """
    every = sorted(set(users))
    drawn = random.Random(seed).sample(every, len(every))
    return frozenset(drawn[: min(max(1, round(share * len(every))), len(every) - 1)] if every else ())


def _after(episode: Episode, template: Template) -> Profile:
    last = list(lessons(episode, template))[-1]
    return merge(last.profile, turn_entry(last.turn, gate(last.inference, last.turn, template)))
