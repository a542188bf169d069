"""turns -> inferences: the policy proposes, the gate decides what counts."""

from typing import Any

from langgraph.runtime import Runtime

from personalagent.dialogue import Turn
from personalagent.graph.context import Context, Parts, profiles_of, settings, user_of
from personalagent.graph.state import State
from personalagent.nodes.questions import closing
from personalagent.nodes.reading import Read, read_turns
from personalagent.profile.log import ENTRY

BATCH = 16
"""Turns of an imported history that are read before they are logged: what a crash may cost."""


async def infer(state: State, runtime: Runtime[Context], *, parts: Parts) -> dict[str, Any]:
    """Read the next waiting turns; failures leave them pending, and are shown."""
    waiting = [Turn.model_validate(turn) for turn in state.get("turns") or []]
    turns, rest = waiting[:BATCH], waiting[BATCH:]
    special = settings(runtime).special_categories
    read = await read_turns(
        user_of(runtime), turns, profiles_of(runtime), parts.policy, parts.template, special
    )
    failures = [{"turn": key, **failure.model_dump()} for key, failure in read.failures.items()]
    for failure in failures:
        runtime.stream_writer({"event": "pending", **failure})
    closed = _closed(state, turns, read)
    return {
        "turns": [turn.model_dump(mode="json") for turn in rest],
        "turn": turns[-1].key,
        "failures": [*(state.get("failures") or []), *failures],
        **closed,
        "entries": [
            *(state.get("entries") or []),
            *(ENTRY.dump_python(entry, mode="json") for entry in read.entries),
            *closed.get("entries", []),
        ],
    }


def _closed(state: State, turns: list[Turn], read: Read) -> dict[str, Any]:
    """If a turn was to answer a question: what became of the question, and of the request."""
    question, turn = state.get("question"), next((turn for turn in turns if turn.answers), None)
    if not question or turn is None or turn.key not in read.results:
        return {}
    entry = closing(turn, read.results[turn.key], asked_at=state.get("turn", turn.key))
    if entry is None:
        return {"question": None}
    update: dict[str, Any] = {
        "question": {**question, "status": entry.outcome},
        "entries": [ENTRY.dump_python(entry, mode="json")],
    }
    return {**update, "request": question["request"]} if turn is turns[-1] else update
