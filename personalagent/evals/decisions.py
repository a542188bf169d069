"""The agent's decision on a request, for evaluations: here a policy or index that fails ends them."""

from personalagent.evals.reader import Evaluated
from personalagent.graph.context import Parts
from personalagent.nodes import deciding
from personalagent.nodes.deciding import Decided
from personalagent.profile.profile import Profile
from personalagent.stores.index import PreferenceIndex


async def decide(what: Evaluated, index: PreferenceIndex | None, request: str, profile: Profile) -> Decided:
    """The decision for a request; without an index, from the needs alone."""
    parts = Parts(policy=what.policy, template=what.template, index=index)
    decided = await deciding.decide(request, profile, parts=parts, user="evaluated")
    for where, failure in decided.failures.items():
        raise RuntimeError(f"{where} failed on the request {request[:60]!r}: {failure.detail}")
    return decided
