"""messages -> turns: what is new since the last run, one live message or a whole history."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage, RemoveMessage
from langgraph.runtime import Runtime

from personalagent.dialogue import Decomposed, decompose, text_of
from personalagent.errors import InvalidUserId, NoNewMessage
from personalagent.graph.context import Context, profiles_of, settings, user_of
from personalagent.graph.state import State


async def decompose_messages(state: State, runtime: Runtime[Context]) -> dict[str, Any]:
    """Turns for all user messages that no run has seen yet, after those that a dead run left unread.

    Raises `NoNewMessage` if there are none: a resume without a pending question, or an empty input;
    and `InvalidUserId` if the thread is another user's.
    """
    user, cursor = user_of(runtime), state.get("cursor") or {}
    new = unseen(state.get("messages") or [], cursor)
    if state.get("user", user) != user:
        return _refuse(user, new)
    if not any(isinstance(message, HumanMessage) for message in new):
        raise NoNewMessage(
            "there is no new user message; was Command(resume=...) sent without a pending question?"
        )
    session = _session(state, runtime)
    if not cursor:
        await profiles_of(runtime).note_thread(user, session)
    found = decompose(
        [_plain(message) for message in new],
        user=user,
        session=session,
        first_index=cursor.get("turns", 0),
    )
    for ignored in found.ignored:
        runtime.stream_writer({"event": "ignored", "reason": ignored.reason})
    question = state.get("question")
    question = question if question and question["status"] == "open" else None
    return {
        **_blank(),
        "user": user,
        "cursor": _cursor(new, cursor),
        "turns": _waiting(state.get("turns") or [], found, question),
        "ignored": [ignored.model_dump() for ignored in found.ignored],
        "request": found.turns[-1].text if found.turns else "",
        "question": question,
    }


def _blank() -> dict[str, Any]:
    """What the last run left in the state and this one must not show; never what is still to be logged."""
    empty: dict[str, Any] = {name: [] for name in ("rejections", "failures", "relevant")}
    return {**empty, "sufficiency": {}, "inference": {}, "reply": "", "refused": False, "usage": {}}


def unseen(messages: Sequence[BaseMessage], cursor: Mapping[str, Any]) -> Sequence[BaseMessage]:
    """The messages after the last one that was decomposed.

    If the host has removed that one, what follows the last reply is taken to be new.
    """
    if not cursor:
        return messages
    ids = [message.id for message in messages]
    if cursor["last"] in ids:
        return messages[ids.index(cursor["last"]) + 1 :]
    replies = [i for i, message in enumerate(messages) if isinstance(message, AIMessage)]
    return messages[replies[-1] :] if replies else messages


def _refuse(user: str, new: Sequence[BaseMessage]) -> dict[str, Any]:
    """Take the stranger's words out of the thread, lest they be read as its owner's; then fail.

    These are two steps, because a step that fails leaves the input where it is.
    """
    if not new:
        raise InvalidUserId(f"this thread belongs to another user, not to {user!r}")
    return {"refused": True, "messages": [RemoveMessage(id=message.id or "") for message in new]}


def _waiting(
    left: Sequence[Mapping[str, Any]], found: Decomposed, question: Mapping[str, Any] | None
) -> list[Mapping[str, Any]]:
    """The turns to read, as JSON: those that a dead run left, then the new ones.

    The first new one answers the question that is open, unless the answer is among those left.
    """
    turns = list(found.turns)
    if turns and question and not any(turn["answers"] for turn in left):
        hint = {"answers": question["slot"], "replying_to": question["text"]}
        turns[0] = turns[0].model_copy(update=hint)
    return [*left, *(turn.model_dump(mode="json") for turn in turns)]


def _cursor(new: Sequence[BaseMessage], cursor: Mapping[str, Any]) -> dict[str, Any]:
    said = [message for message in new if isinstance(message, HumanMessage)]
    return {"turns": cursor.get("turns", 0) + len(said), "last": said[-1].id}


def _plain(message: BaseMessage) -> dict[str, Any]:
    roles = {"human": "user", "ai": "assistant"}
    return {"role": roles.get(message.type, message.type), "content": message.content}


def _session(state: State, runtime: Runtime[Context]) -> str:
    """The thread's id; without a checkpointer, a name that stays the same as the history grows."""
    info = runtime.execution_info
    if info is not None and info.thread_id:
        return info.thread_id
    first: AnyMessage = next(m for m in state["messages"] if isinstance(m, HumanMessage))
    text = text_of(first.content)[0]
    return "stateless-" + hashlib.sha256(f"{settings(runtime).user_id}\n{text}".encode()).hexdigest()[:16]
