"""The agent's decision on a request, for evaluations: nothing stands in for the policy here."""

from personalagent.errors import PolicyError
from personalagent.evals.reader import Evaluated
from personalagent.graph.context import Parts
from personalagent.nodes import deciding
from personalagent.nodes.deciding import Decided
from personalagent.policies.scripted import ScriptedPolicy
from personalagent.profile.profile import Profile
from personalagent.stores.index import PreferenceIndex


async def decide(what: Evaluated, index: PreferenceIndex | None, request: str, profile: Profile) -> Decided:
    """The decision for a request; without an index, from the needs alone."""
    parts = Parts(policy=what.policy, template=what.template, index=index, stand_in=ScriptedPolicy())
    decided = await deciding.decide(request, profile, parts=parts, user="evaluated")
    for where, failure in decided.failures.items():
        if where == "needs" and failure.kind in ("malformed", "truncated", "refused"):
            what.unread.append(failure)
            continue
        raise PolicyError(f"{where} failed on the request {request[:60]!r}: {failure.detail}")
    return decided
