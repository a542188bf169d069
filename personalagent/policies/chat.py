"""A language model as the policy: any chat model of LangChain's, and vLLM with guided decoding."""

import asyncio
from datetime import UTC, datetime
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable

from personalagent.dialogue import Turn
from personalagent.policies.clients import ModelAddress, secrets_of
from personalagent.policies.failures import failure_of
from personalagent.policies.grammar import reply_grammar
from personalagent.policies.notation import parse_inference
from personalagent.policies.policy import Failure
from personalagent.policies.prompt import inference_prompt
from personalagent.profile.preference import Inference, Need, Unread
from personalagent.profile.profile import Profile
from personalagent.profile.template import Template

SECONDS = 20.0
"""For one call, with all that the client repeats of it."""
REPLY_TOKENS = 1200
"""Of a reply; what the grammar allows stays below, with two characters to a token or more."""
SILENT = "nostream"
"""LangGraph's tag for a model whose tokens are not the reply's."""


class ChatPolicy:
    """Asks the model once a turn, for what it says and needs together; parses its words, believes none.

    Every failure is a `Failure`: time-outs, refusals, truncated and malformed replies. Nothing is raised. A
    model that leaves the needs out is taken to mean that there are none.
    """

    def __init__(
        self, model: BaseChatModel | ModelAddress, *, grammar: bool = False, seconds: float = SECONDS
    ) -> None:
        """`grammar` guides the decoding, which vLLM's server understands; `seconds` bounds every call."""
        self._model, self._grammar, self._seconds = model, grammar, seconds

    async def infer(self, turn: Turn, profile: Profile, template: Template) -> Inference | Failure:
        """What the turn says about its user, and what it needs as a request: one call."""
        secrets: list[str] = []
        try:
            prompt = await asyncio.to_thread(inference_prompt, turn, profile, template)
            async with asyncio.timeout(self._seconds):
                message = await self._said(prompt.messages, template, secrets)
        except Exception as error:  # every provider's client raises its own
            return failure_of(error, secrets, self._seconds)
        if _truncated(message):
            return Failure(kind="truncated", detail="the reply ran into its limit of tokens")
        found = parse_inference(message.text)
        if isinstance(found, Failure):
            return found
        unread: Unread = "" if prompt.whole else "length"
        return found.model_copy(update={"unread": unread, "needs": found.needs or ()})

    async def needs(self, request: str, profile: Profile, template: Template) -> tuple[Need, ...] | Failure:
        """What a request needs that was not read as a turn just before: the same call, for its needs."""
        turn = Turn(user="-", session="-", index=0, text=request, at=datetime.now(UTC))
        found = await self.infer(turn, profile, template)
        return found if isinstance(found, Failure) else found.needs or ()

    async def _said(
        self, messages: list[dict[str, str]], template: Template, secrets: list[str]
    ) -> AIMessage:
        """The model's reply to the messages; the keys that it holds are added to `secrets`."""
        model = await self._model.open() if isinstance(self._model, ModelAddress) else self._model
        secrets += secrets_of(model)
        config: Any = {"tags": [SILENT], "run_name": "preference_inference"}
        return await self._guided(model, template).ainvoke(messages, config)

    def _guided(self, model: BaseChatModel, template: Template) -> Runnable[Any, AIMessage]:
        if not self._grammar:
            return model
        body = {
            "structured_outputs": {"grammar": reply_grammar(template)},
            "chat_template_kwargs": {"enable_thinking": False},
        }
        return model.bind(extra_body=body)


def _truncated(message: AIMessage) -> bool:
    """Whether the reply ran into the limit; OpenAI says length, Anthropic max_tokens, Google MAX_TOKENS."""
    said = message.response_metadata
    reason = said.get("finish_reason") or said.get("stop_reason") or ""
    return str(reason).lower() in ("length", "max_tokens")
