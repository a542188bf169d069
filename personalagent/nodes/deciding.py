"""A request held against a profile: needs, what the index finds, the decision, what the reply gets."""

import asyncio
from typing import NamedTuple

from personalagent.errors import ModelError
from personalagent.graph.context import Parts
from personalagent.nodes.discretion import discreet, private_slots
from personalagent.policies.addressees import for_others
from personalagent.policies.policy import Failure, Policy, needs_of
from personalagent.profile.evidence import SpecialCategories
from personalagent.profile.history import Held
from personalagent.profile.preference import Need
from personalagent.profile.profile import Profile
from personalagent.profile.sufficiency import DECIDING, Sufficiency, check, relevant
from personalagent.stores.index import Related


class Decided(NamedTuple):
    """Whether to ask or to answer, the preferences that the reply gets, and what could not be had."""

    sufficiency: Sufficiency
    handed: tuple[Held, ...]
    withheld: tuple[Held, ...]
    """Private ones that the request depends on, and that others would read."""
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
    policy: Policy | None = None,
    needs: tuple[Need, ...] | Failure | None = None,
) -> Decided:
    """The only way from a request to a decision, in the graph and in evaluations alike.

    `policy` (the parts' own, if None) is asked for the needs, unless they, or why they cannot be had, are
    known. Where they cannot be had the stand-in names them: good enough to answer from what is known, but no
    question is asked on its word. An index that fails leaves out what it would find.
    """
    failures: dict[str, Failure] = {}
    if needs is None:
        needs = (
            ()
            if not request.strip()
            else await needs_of(policy or parts.policy, request, profile, parts.template)
        )
    if isinstance(needs, Failure):
        failures["needs"], budget = needs, 0
        stood_in = await needs_of(parts.stand_in, request, profile, parts.template)
        needs = () if isinstance(stood_in, Failure) else stood_in
    related = await _related(parts, user, request, profile) if needs else ()
    if isinstance(related, Failure):
        failures["index"], related = related, ()
    found = check(
        needs,
        profile,
        parts.template,
        request=request,
        related=[one.held for one in related if one.settles],
        deciding=DECIDING if "needs" in failures else await _deciding(policy or parts.policy),
        budget=budget,
        special=special,
        unasked=private_slots(needs, parts.template) if for_others(request) else (),
    )
    bearing = relevant(request, found, profile, parts.template, related=[one.held for one in related])
    return Decided(found, *discreet(request, bearing, parts.template), failures)


async def _deciding(policy: Policy) -> float:
    """The weight from which this policy's needs are worth a question. It may have to open files to say it."""
    try:
        return float(await asyncio.to_thread(getattr, policy, "deciding", DECIDING))
    except ModelError:
        return DECIDING


async def _related(parts: Parts, user: str, request: str, profile: Profile) -> tuple[Related, ...] | Failure:
    """What the index finds to bear on the request. It is never the truth: the reply comes without it, too."""
    if parts.index is None or not request:
        return ()
    try:
        return await parts.index.related(user, request, profile, parts.template)
    except Exception as error:  # an index is a server, or files that others may have touched
        return Failure(kind="error", detail=f"{type(error).__name__}: {error}"[:500])
