"""The reply: by the chat model, or a plain brief where none is configured or it fails."""

from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langgraph.runtime import Runtime

from personalagent.graph.context import Context, Parts, settings
from personalagent.graph.state import State
from personalagent.nodes.brief import brief, noted
from personalagent.nodes.spending import spent
from personalagent.nodes.writing import Elicited, Written, write
from personalagent.policies.clients import ModelAddress, address_of
from personalagent.policies.failures import failure_of
from personalagent.policies.metering import metered
from personalagent.profile.history import HELD
from personalagent.profile.sufficiency import Sufficiency

UNREADABLE = "I can read text only, and there was none in that message. Could you put it in words?"
FAILED = "The chat model failed"


async def respond(state: State, runtime: Runtime[Context], *, parts: Parts) -> dict[str, Any]:
    """Reply from the request, what was just elicited, and the preferences that the request depends on."""
    request, context = state.get("request", ""), settings(runtime)
    if not request:
        return _reply(AIMessage(UNREADABLE))
    held = HELD.validate_python(state.get("relevant") or [])
    sufficiency = Sufficiency.model_validate(state.get("sufficiency") or {})
    with metered() as meter:
        try:
            model = await _chat_model(context, parts)
        except Exception as error:  # every provider's package raises its own
            model, written = None, Written(None, failure_of(error))
        else:
            if model is None:
                return _reply(AIMessage(noted(state) or brief(request, held, sufficiency, parts.template)))
            mode, seconds = context.reply_mode, context.reply_seconds
            written = await write(
                model, state["messages"], held, _elicited(state), mode=mode, seconds=seconds
            )
    update = {"usage": spent(state, "reply", meter)}
    if written.failure is None and written.message is not None:
        return {**_reply(written.message), **update}
    failure = {"response": request[:80], **(written.failure.model_dump() if written.failure else {})}
    runtime.stream_writer({"event": "response failed", **failure})
    instead = written.message or AIMessage(brief(request, held, sufficiency, parts.template, why=FAILED))
    return {**_reply(instead), **update, "failures": [*(state.get("failures") or []), failure]}


def _elicited(state: State) -> Elicited | None:
    """The answer that this run has got to the agent's question, if it was one about this request."""
    question, request = state.get("question") or {}, state.get("request", "")
    if "answer" not in question or question["request"] != request:
        return None
    return Elicited(request, question["text"], question["answer"])


async def _chat_model(context: Context, parts: Parts) -> BaseChatModel | None:
    if not context.model:
        return parts.chat_model
    key = parts.keys.of(address_of(context.model, context.model_url))
    return await ModelAddress(context.model, context.model_url, key).open()


def _reply(message: AIMessage) -> dict[str, Any]:
    return {"messages": [message], "reply": message.text}
