"""Who proposes: the policy π maps the state (u_t, p_1:t-1) to an inference (paper, Eq. 1 and 2)."""

from typing import Literal, Protocol

from personalagent.dialogue import Frozen, Turn
from personalagent.profile.evidence import SpecialCategories, gate
from personalagent.profile.log import TurnEntry, turn_entry
from personalagent.profile.preference import Inference, Need
from personalagent.profile.profile import Profile
from personalagent.profile.template import Template

FailureKind = Literal["malformed", "truncated", "timeout", "unreachable", "busy", "refused", "error"]
OUTAGES: frozenset[FailureKind] = frozenset({"timeout", "unreachable", "busy"})
"""Failures after which the next turn would fare no better: it is kept without being tried."""


class Failure(Frozen):
    """A policy could not say anything about a turn. The turn stays pending; nothing is lost."""

    kind: FailureKind
    detail: str = ""


class Policy(Protocol):
    """What the agent asks of a policy. Both methods may be called for many users at once.

    A policy whose weights are probabilities may have a number `deciding` besides: the weight from which an
    unknown need is worth a question, in place of `sufficiency.DECIDING`.
    """

    async def infer(self, turn: Turn, profile: Profile, template: Template) -> Inference | Failure:
        """What the turn says about its user, given the profile before it."""
        ...

    async def needs(self, request: str, profile: Profile, template: Template) -> tuple[Need, ...] | Failure:
        """The slots that a good answer to the request depends on; empty if on nobody's preferences.

        It is asked only for a request whose needs `infer` did not say already (`Inference.needs`).
        """
        ...


async def read_turn(
    policy: Policy,
    turn: Turn,
    profile: Profile,
    template: Template,
    special: SpecialCategories = "stated",
) -> TurnEntry | Failure:
    """One turn through policy and gate: the entry for the log, or why there is none yet.

    The only way from a turn to an entry, in the graph and in bulk import alike.
    """
    try:
        inference = await policy.infer(turn, profile, template)
    except Exception as error:  # a policy is anybody's code; its crash must cost neither turn nor answer
        return Failure(kind="error", detail=f"{type(error).__name__}: {error}"[:500])
    if isinstance(inference, Failure):
        return inference
    return turn_entry(turn, gate(inference, turn, template, special))


async def needs_of(
    policy: Policy, request: str, profile: Profile, template: Template
) -> tuple[Need, ...] | Failure:
    """The request's needs as far as the template knows them, or why they could not be had."""
    try:
        needs = await policy.needs(request, profile, template)
    except Exception as error:  # as above: the user still gets an answer
        return Failure(kind="error", detail=f"{type(error).__name__}: {error}"[:500])
    return needs if isinstance(needs, Failure) else tuple(n for n in needs if template.slot(n.slot))
