"""turns -> inferences: the policy proposes, the gate decides what counts."""

from collections.abc import Sequence
from typing import Any

from langgraph.runtime import Runtime

from personalagent.dialogue import Turn
from personalagent.graph.context import Context, Parts, policy_of, profiles_of, settings, user_of
from personalagent.graph.state import Json, State
from personalagent.nodes.reading import Read, Reader
from personalagent.nodes.spending import spent
from personalagent.policies.metering import metered
from personalagent.policies.policy import OUTAGES, Failure
from personalagent.policies.questions import closing
from personalagent.profile.log import ENTRY

BATCH = 16
"""Turns of an imported history that are read before they are logged: what a crash may cost."""
BACKLOG = 8
"""Pending turns that a run makes up for before its own: how long a user may have to wait for them."""


async def infer(state: State, runtime: Runtime[Context], *, parts: Parts) -> dict[str, Any]:
    """Read what is pending and due, then the next waiting turns; what fails is left pending, and shown."""
    waiting = [Turn.model_validate(turn) for turn in state.get("turns") or []]
    turns, rest = waiting[:BATCH], waiting[BATCH:]
    reader = Reader(
        user_of(runtime),
        profiles_of(runtime),
        policy_of(runtime, parts),
        parts.template,
        settings(runtime).special_categories,
    )
    failed, outage = _failed(state)
    with metered() as meter:
        passed_over = failed | {turn.key for turn in waiting}
        due = () if outage else await reader.due(BACKLOG, without=passed_over)
        late = await reader.backlog(due)
        read = await reader.turns(turns, late, outage)
    failures = _shown(runtime, {**late.failures, **read.failures})
    closed = _closed(state, turns, read)
    return {
        "turns": [turn.model_dump(mode="json") for turn in rest],
        "turn": turns[-1].key,
        "failures": [*(state.get("failures") or []), *failures],
        "usage": spent(state, "policy", meter),
        **({} if "request" in closed else _needed(turns[-1], read)),
        **closed,
        "entries": [
            *(state.get("entries") or []),
            *(ENTRY.dump_python(entry, mode="json") for entry in (*late.entries, *read.entries)),
            *closed.get("entries", []),
        ],
    }


def _failed(state: State) -> tuple[set[str], Failure | None]:
    """The turns that earlier batches of this run could not read, and the outage that they met, if any."""
    shown = [dict(one) for one in state.get("failures") or [] if "turn" in one]
    turns = {one.pop("turn") for one in shown}
    failures = map(Failure.model_validate, shown)
    return turns, next((one for one in failures if one.kind in OUTAGES), None)


def _shown(runtime: Runtime[Context], failed: dict[str, Failure]) -> list[Json]:
    failures = [{"turn": key, **failure.model_dump()} for key, failure in failed.items()]
    for failure in failures:
        runtime.stream_writer({"event": "pending", **failure})
    return failures


def _needed(turn: Turn, read: Read) -> dict[str, Any]:
    """What the turn needs as a request, if the policy said so in the same breath, or why it could not."""
    result = read.results.get(turn.key)
    if isinstance(result, Failure):
        return {"needs": {"request": turn.text, "failure": result.model_dump(mode="json")}}
    if result is None or result.inference.needs is None:
        return {"needs": None}
    needs = [need.model_dump() for need in result.inference.needs]
    return {"needs": {"request": turn.text, "needs": needs}}


def _closed(state: State, turns: Sequence[Turn], read: Read) -> dict[str, Any]:
    """If a turn was to answer a question: what became of the question, and of the request."""
    question, turn = state.get("question"), next((turn for turn in turns if turn.answers), None)
    if not question or turn is None or turn.key not in read.results:
        return {}
    entry = closing(turn, read.results[turn.key], asked_at=state.get("turn", turn.key))
    if entry is None:
        return {"question": None}
    update: dict[str, Any] = {
        "question": {**question, "status": entry.outcome, "answer": turn.text},
        "entries": [ENTRY.dump_python(entry, mode="json")],
    }
    return {**update, "request": question["request"]} if turn is turns[-1] else update
