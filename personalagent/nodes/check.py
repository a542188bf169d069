"""needs + profile -> sufficiency: answer, or ask one question first?"""

from datetime import UTC, datetime
from typing import Any

from langgraph.runtime import Runtime

from personalagent.graph.context import Context, Parts, profiles_of, settings, user_of
from personalagent.graph.state import State
from personalagent.nodes.deciding import decide
from personalagent.profile.history import HELD
from personalagent.profile.log import question_entry


async def check_sufficiency(state: State, runtime: Runtime[Context], *, parts: Parts) -> dict[str, Any]:
    """Name the request's needs, hold them against the profile, and decide.

    A question that will be asked is logged here, before the node that may pause for the answer:
    whatever then happens, it is never asked again.
    """
    user, profiles, request = user_of(runtime), profiles_of(runtime), state.get("request", "")
    profile = await profiles.profile(user)
    context = settings(runtime)
    decided = await decide(
        request,
        profile,
        parts=parts,
        user=user,
        budget=_budget(state, context),
        special=context.special_categories,
    )
    found = decided.sufficiency
    failed = [{where: request[:80], **failure.model_dump()} for where, failure in decided.failures.items()]
    update: dict[str, Any] = {
        "sufficiency": found.model_dump(mode="json"),
        "relevant": HELD.dump_python(decided.handed, mode="json"),
        "failures": [*(state.get("failures") or []), *failed],
    }
    slot = parts.template.slot(found.ask) if found.ask else None
    if slot is None:
        return update
    turn, now = state.get("turn", ""), datetime.now(UTC)
    await profiles.append(user, [question_entry(turn, slot.id, "asked", now)])
    question = {"slot": slot.id, "text": slot.question, "request": request, "status": "open"}
    return {**update, "question": question, "asked": state.get("asked", 0) + 1}


def _budget(state: State, context: Context) -> int:
    """Questions still allowed; none for a request that one was already asked for."""
    question = state.get("question")
    if context.ask == "never" or (question and question["request"] == state.get("request")):
        return 0
    return context.question_budget - state.get("asked", 0)
