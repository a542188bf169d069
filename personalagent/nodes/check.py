"""needs + profile -> sufficiency: answer, or ask one question first?"""

from datetime import UTC, datetime
from typing import Any

from langgraph.runtime import Runtime

from personalagent.graph.context import Context, Parts, profiles_of, settings, user_of
from personalagent.graph.state import State
from personalagent.policies.policy import Failure, needs_of
from personalagent.profile.history import HELD, Held
from personalagent.profile.log import question_entry
from personalagent.profile.profile import Profile
from personalagent.profile.sufficiency import check, relevant


async def check_sufficiency(state: State, runtime: Runtime[Context], *, parts: Parts) -> dict[str, Any]:
    """Name the request's needs, hold them against the profile, and decide.

    A question that will be asked is logged here, before the node that may pause for the answer:
    whatever then happens, it is never asked again.
    """
    user, profiles, request = user_of(runtime), profiles_of(runtime), state.get("request", "")
    profile = await profiles.profile(user)
    needs = await needs_of(parts.policy, request, profile, parts.template)
    failures = list(state.get("failures") or [])
    if isinstance(needs, Failure):
        failures.append({"needs": request[:80], **needs.model_dump()})
        needs = ()
    related = await _related(parts, user, request, profile)
    if isinstance(related, Failure):
        failures.append({"index": request[:80], **related.model_dump()})
        related = ()
    context = settings(runtime)
    found = check(
        needs,
        profile,
        parts.template,
        request=request,
        related=related,
        budget=_budget(state, context),
        special=context.special_categories,
    )
    held = relevant(request, found, profile, parts.template, related=related)
    update: dict[str, Any] = {
        "sufficiency": found.model_dump(mode="json"),
        "relevant": HELD.dump_python(held, mode="json"),
        "failures": failures,
    }
    slot = parts.template.slot(found.ask) if found.ask else None
    if slot is None:
        return update
    turn, now = state.get("turn", ""), datetime.now(UTC)
    await profiles.append(user, [question_entry(turn, slot.id, "asked", now)])
    question = {"slot": slot.id, "text": slot.question, "request": request, "status": "open"}
    return {**update, "question": question, "asked": state.get("asked", 0) + 1}


async def _related(parts: Parts, user: str, request: str, profile: Profile) -> tuple[Held, ...] | Failure:
    """What the index finds to bear on the request. It is never the truth: the reply comes without it, too."""
    if parts.index is None or not request:
        return ()
    try:
        found = await parts.index.related(user, request, profile, parts.template)
    except Exception as error:  # an index is a server, or files that others may have touched
        return Failure(kind="error", detail=f"{type(error).__name__}: {error}"[:500])
    return tuple(one.held for one in found)


def _budget(state: State, context: Context) -> int:
    """Questions still allowed; none for a request that one was already asked for."""
    question = state.get("question")
    if context.ask == "never" or (question and question["request"] == state.get("request")):
        return 0
    return context.question_budget - state.get("asked", 0)
