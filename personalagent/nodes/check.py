"""needs + profile -> sufficiency: answer, or ask one question first?"""

from datetime import UTC, datetime
from typing import Any

from langgraph.runtime import Runtime

from personalagent.graph.context import Context, Parts, policy_of, profiles_of, settings, user_of
from personalagent.graph.state import State
from personalagent.nodes.deciding import decide
from personalagent.nodes.spending import spent
from personalagent.policies.metering import metered
from personalagent.policies.policy import Failure
from personalagent.profile.history import HELD
from personalagent.profile.log import question_entry
from personalagent.profile.preference import Need


async def check_sufficiency(state: State, runtime: Runtime[Context], *, parts: Parts) -> dict[str, Any]:
    """Name the request's needs, hold them against the profile, and decide.

    A question that will be asked is logged here, before the node that may pause for the answer:
    whatever then happens, it is never asked again.
    """
    user, profiles, request = user_of(runtime), profiles_of(runtime), state.get("request", "")
    profile = await profiles.profile(user)
    context, known = settings(runtime), _named(state, request)
    with metered() as meter:
        decided = await decide(
            request,
            profile,
            parts=parts,
            user=user,
            budget=_budget(state, context),
            special=context.special_categories,
            policy=policy_of(runtime, parts),
            needs=known,
        )
    found = decided.sufficiency
    failed = [
        {where: request[:80], **failure.model_dump()}
        for where, failure in decided.failures.items()
        if failure is not known  # one that is shown already
    ]
    for held in decided.withheld:
        runtime.stream_writer({"event": "withheld", "slot": held.preference.slot, "request": request[:80]})
    update: dict[str, Any] = {
        "sufficiency": found.model_dump(mode="json"),
        "relevant": HELD.dump_python(decided.handed, mode="json"),
        "failures": [*(state.get("failures") or []), *failed],
        "usage": spent(state, "policy", meter),
    }
    if "needs" not in decided.failures:
        update["needs"] = {"request": request, "needs": [need.model_dump() for need in found.needs]}
    slot = parts.template.slot(found.ask) if found.ask else None
    if slot is None:
        return update
    turn, now = state.get("turn", ""), datetime.now(UTC)
    await profiles.append(user, [question_entry(turn, slot.id, "asked", now)])
    question = {"slot": slot.id, "text": slot.question, "request": request, "status": "open"}
    return {**update, "question": question, "asked": state.get("asked", 0) + 1}


def _named(state: State, request: str) -> tuple[Need, ...] | Failure | None:
    """The request's needs where this run, or the one that asked a question about it, knows them already."""
    known = state.get("needs") or {}
    if known.get("request") != request:
        return None
    if "failure" in known:
        return Failure.model_validate(known["failure"])
    return tuple(Need.model_validate(need) for need in known["needs"])


def _budget(state: State, context: Context) -> int:
    """Questions still allowed; none for a request that one was already asked for."""
    question = state.get("question")
    if context.ask == "never" or (question and question["request"] == state.get("request")):
        return 0
    return context.question_budget - state.get("asked", 0)
