"""A request held against a profile, as the graph does it: needs, retrieval, decision, what is handed on."""

from typing import NamedTuple

from personalagent.evals.reader import Evaluated
from personalagent.policies.policy import Failure, needs_of
from personalagent.profile.history import Held
from personalagent.profile.profile import Profile
from personalagent.profile.sufficiency import Sufficiency, check, relevant
from personalagent.stores.index import PreferenceIndex


class Decided(NamedTuple):
    """What follows of a request: ask or answer, and the preferences that the reply gets."""

    sufficiency: Sufficiency
    handed: tuple[Held, ...]

    @property
    def asks(self) -> bool:
        """Whether a question comes first."""
        return self.sufficiency.decision == "clarify"


async def decide(what: Evaluated, index: PreferenceIndex | None, request: str, profile: Profile) -> Decided:
    """The decision for a request; without an index, from the needs alone."""
    needs = await needs_of(what.policy, request, profile, what.template)
    if isinstance(needs, Failure):
        raise RuntimeError(f"the policy failed on the request {request[:60]!r}: {needs.detail}")
    related: tuple[Held, ...] = ()
    if index is not None:
        found = await index.related("evaluated", request, profile, what.template)
        related = tuple(one.held for one in found)
    sufficiency = check(needs, profile, what.template, request=request, related=related)
    return Decided(sufficiency, relevant(request, sufficiency, profile, what.template, related=related))
