"""Steps of rollouts, made from what a policy would have written."""

from functools import lru_cache

from personalagent.corpora.gold import GoldOperation, GoldTurn, NotStated
from personalagent.dialogue import Turn
from personalagent.policies.notation import parse_inference, write_inference
from personalagent.policies.policy import Failure
from personalagent.profile.evidence import gate
from personalagent.profile.log import turn_entry
from personalagent.profile.preference import Inference, Operation
from personalagent.profile.profile import Profile
from personalagent.profile.template import load_template
from personalagent.training.episodes import Gold, Step, corpus_episodes, lessons
from tests.make import infers, turn

TEMPLATE = load_template()
NOBODY = Profile()
BROKEN = "She likes cats.\n<inferred_profile>\n</inferred_profile>"
"""A reply that cannot be parsed, with one whole block."""


def replied(said: Turn, reply: str, gold: Gold, before: Profile = NOBODY) -> Step:
    """The step of a reply in the policy's own words."""
    found = parse_inference(reply)
    taken = Inference() if isinstance(found, Failure) else found
    return Step(said, before, reply, found, turn_entry(said, gate(taken, said, TEMPLATE)), gold)


def step(
    text: str, *operations: Operation, gold: GoldTurn, before: Profile = NOBODY, said: str = "new"
) -> Step:
    """The step of a reply that writes these operations, classified as `said`."""
    return replied(
        turn(text, index=9), write_inference(infers(*operations, classification=said)), gold, before
    )


def other(one: Step, *operations: Operation) -> Step:
    """The step with these operations in place of its own."""
    assert isinstance(one.inference, Inference)
    inference = one.inference.model_copy(update={"operations": operations})
    return replied(one.turn, write_inference(inference), one.gold, one.before)


def told(
    text: str, *operations: GoldOperation, said: str = "new", besides: tuple[NotStated, ...] = ()
) -> GoldTurn:
    """The gold of a turn."""
    return GoldTurn.model_validate(
        {"user": text, "classification": said, "operations": operations, "not_stated": besides}
    )


def gold(slot: str, value: str, evidence: str | None = None, **more: object) -> GoldOperation:
    """A gold operation whose evidence is its value, unless it is given."""
    return GoldOperation.model_validate(
        {"slots": (slot,), "value": value, "evidence": evidence or value, **more}
    )


@lru_cache(maxsize=1)
def right_steps() -> tuple[Step, ...]:
    """Every turn of the dev and test splits, with the gold profile before it, answered by its own gold."""
    return tuple(
        replied(lesson.turn, write_inference(lesson.inference), its, lesson.profile)
        for episode in corpus_episodes(TEMPLATE, "dev", "test")
        for lesson, its in zip(lessons(episode, TEMPLATE), episode.gold, strict=True)
    )
