"""A request held against a profile: needs, what the index finds, the decision, what the reply gets."""

from typing import NamedTuple

from personalagent.graph.context import Parts
from personalagent.policies.policy import Failure, needs_of
from personalagent.profile.evidence import SpecialCategories
from personalagent.profile.history import Held
from personalagent.profile.profile import Profile
from personalagent.profile.sufficiency import Sufficiency, check, relevant
from personalagent.stores.index import Related


class Decided(NamedTuple):
    """Whether to ask or to answer, the preferences that the reply gets, and what could not be had."""

    sufficiency: Sufficiency
    handed: tuple[Held, ...]
    failures: dict[str, Failure]
    """Of the policy under ``needs``, of the index under ``index``."""

    @property
    def asks(self) -> bool:
        """Whether a question comes first."""
        return self.sufficiency.decision == "clarify"


async def decide(
    request: str,
    profile: Profile,
    *,
    parts: Parts,
    user: str,
    budget: int = 1,
    special: SpecialCategories = "stated",
) -> Decided:
    """The only way from a request to a decision, in the graph and in evaluations alike.

    A policy that fails leaves the request without needs, an index that fails without what it would find.
    """
    failures: dict[str, Failure] = {}
    needs = await needs_of(parts.policy, request, profile, parts.template)
    if isinstance(needs, Failure):
        failures["needs"], needs = needs, ()
    related = await _related(parts, user, request, profile) if needs else ()
    if isinstance(related, Failure):
        failures["index"], related = related, ()
    found = check(
        needs,
        profile,
        parts.template,
        request=request,
        related=[one.held for one in related if one.settles],
        budget=budget,
        special=special,
    )
    bearing = [one.held for one in related]
    return Decided(found, relevant(request, found, profile, parts.template, related=bearing), failures)


async def _related(parts: Parts, user: str, request: str, profile: Profile) -> tuple[Related, ...] | Failure:
    """What the index finds to bear on the request. It is never the truth: the reply comes without it, too."""
    if parts.index is None or not request:
        return ()
    try:
        return await parts.index.related(user, request, profile, parts.template)
    except Exception as error:  # an index is a server, or files that others may have touched
        return Failure(kind="error", detail=f"{type(error).__name__}: {error}"[:500])
