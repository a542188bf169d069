"""A policy as the agent under test."""

from personalagent.policies.policy import Failure, Policy, needs_of
from personalagent.profile.evidence import gate
from personalagent.profile.log import turn_entry
from personalagent.profile.profile import merge
from personalagent.profile.template import Template
from personalagent.simulation.environment import Action, Observation


async def acts(policy: Policy, state: Observation, template: Template) -> Action:
    """The policy's inference, with the needs that it names then where it did not name them in it.

    Where either fails or crashes, the failure is the action.
    """
    try:
        found = await policy.infer(state.turn, state.profile, template)
    except Exception as error:  # a policy is anybody's code
        return Action(Failure(kind="error", detail=f"{type(error).__name__}: {error}"[:500]))
    if isinstance(found, Failure) or found.needs is not None:
        return Action(found)
    known = merge(state.profile, turn_entry(state.turn, gate(found, state.turn, template)))
    needs = await needs_of(policy, state.turn.text, known, template)
    return Action(needs if isinstance(needs, Failure) else found.model_copy(update={"needs": needs}))
