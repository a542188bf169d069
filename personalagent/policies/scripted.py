"""A policy and a chat model that say what they were told to say: for tests and demonstrations."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import ConfigDict, Field

from personalagent.dialogue import Turn
from personalagent.policies.policy import Failure
from personalagent.profile.preference import Inference, Need
from personalagent.profile.profile import Profile
from personalagent.profile.template import Template

Reply = Inference | Failure | Exception | Callable[[Turn, Profile], Inference]


class ScriptedPolicy:
    """Replies from a queue, in order; when the queue is empty, infers nothing.

    `needs` maps a request's text to its needs; other requests need nothing. What was asked is kept
    in `turns` and `requests`. An exception in the queue is raised.
    """

    def __init__(
        self, replies: Iterable[Reply] = (), needs: Mapping[str, Iterable[Need]] | None = None
    ) -> None:
        self._replies = deque(replies)
        self._needs = {request: tuple(wanted) for request, wanted in (needs or {}).items()}
        self.turns: list[Turn] = []
        self.requests: list[str] = []

    async def infer(self, turn: Turn, profile: Profile, template: Template) -> Inference | Failure:
        """The next reply of the queue."""
        self.turns.append(turn)
        reply = self._replies.popleft() if self._replies else Inference()
        if isinstance(reply, Exception):
            raise reply
        return reply if isinstance(reply, Inference | Failure) else reply(turn, profile)

    async def needs(self, request: str, profile: Profile, template: Template) -> tuple[Need, ...]:
        """The needs that were given for this request."""
        self.requests.append(request)
        return self._needs.get(request, ())


class ScriptedChatModel(BaseChatModel):
    """Replies from a list, in order, and keeps the prompts it got; an exception in the list is raised."""

    replies: list[str | Exception]
    prompts: list[list[BaseMessage]] = Field(default_factory=list)

    model_config = ConfigDict(arbitrary_types_allowed=True)

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        reply = self.replies[len(self.prompts)]
        self.prompts.append(messages)
        if isinstance(reply, Exception):
            raise reply
        return ChatResult(generations=[ChatGeneration(message=AIMessage(reply))])
