"""A simulated user who is a chat model with a hidden persona (RLPA)."""

import asyncio
import re
from collections import deque
from collections.abc import Iterator, Sequence

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage

from personalagent.corpora.gold import GoldOperation, GoldRequest, GoldTurn
from personalagent.dialogue import clean
from personalagent.policies.clients import ModelAddress, secrets_of
from personalagent.policies.failures import failure_of
from personalagent.policies.notation import VERBS
from personalagent.policies.policy import Failure
from personalagent.policies.requests import requested
from personalagent.profile.preference import normalise
from personalagent.profile.template import Template
from personalagent.simulation.persona import Persona
from personalagent.simulation.user import Move, Said

SECONDS = 30.0
"""For one message, with all that the client repeats of it."""
FREELY = 8
"""Messages of the model's own, its answers to questions not counted."""
BEFORE_REQUEST = 2
"""Of them, so many stand before each of the persona's requests."""
LONGEST = 600
"""Characters of a message; people do not write more to an assistant, and what follows is cut off."""
TOLD = 0.5
"""The share of a value's words from which it counts as told."""
SESSION = "simulated"

PROMPT = """You play a person who chats with an assistant. You are the person, never the assistant.

Who you are: {about}.
What is true of you:
{facts}

How you write:
- One message at a time, one to three sentences, in plain everyday words. No lists, no stage directions.
- You want help with ordinary matters of your life. What is true of you comes up only where it is natural,
  one or two things in a message, in nearly the words given above. Never tell everything, never list it.
- Say nothing about yourself that is not given above, and nothing that contradicts it.
- If the assistant asks you about something given above, answer truthfully and briefly. If you would find the
  question too private, say that you'd rather not say. If it is not given above, say that you don't know.
- Write the message alone."""
OPENING = "(The assistant is ready. Write your first message.)"

_THOUGHT = re.compile(r"\A\s*<think>.*?(?:</think>|\Z)", re.DOTALL)
_CONTENT_WORD = 4
"""Letters; shorter words are in every sentence."""


class ModelUser:
    """A persona played by a chat model; the requests of hers that the corpus has are made word for word.

    What a message of the model's states is guessed from its words: it states what the persona holds and what
    it has at least half of the words of. Whatever goes wrong with the model is a `Failure`.

    No configuration names one. For training it is given to the player in Python (docs/training.md has all):
    ``Simulated(users, template, turns=3, user_of=lambda one, seed: ModelUser(one, model, template))``.
    """

    def __init__(
        self,
        persona: Persona,
        model: BaseChatModel | ModelAddress,
        template: Template,
        *,
        seconds: float = SECONDS,
    ) -> None:
        """`seconds` bounds every call of the model's."""
        self._persona, self._model, self._seconds = persona, model, seconds
        self._talk: list[BaseMessage] = [SystemMessage(prompt_of(persona, template))]
        self._plan = deque(_plan(persona.requests))
        self._untold = persona.holds

    @property
    def persona(self) -> Persona:
        """Who she is."""
        return self._persona

    async def opens(self) -> Said | Failure:
        """Her first message, or why there is none."""
        self._plan.popleft()
        return await self._speaks(OPENING)

    async def answers(self, agent: Move) -> Said | Failure | None:
        """Her next message, or why there is none; None when she is through with her requests and her talk."""
        if agent.asks is not None:
            return await self._speaks(agent.text)
        if not self._plan:
            return None
        request = self._plan.popleft()
        if request is None:
            return await self._speaks(agent.text)
        self._talk += [HumanMessage(agent.text), AIMessage(request.request)]
        return Said(request.request, SESSION, request=True, needs=request.needs)

    async def _speaks(self, heard: str) -> Said | Failure:
        secrets: list[str] = []
        self._talk.append(HumanMessage(heard))
        try:
            async with asyncio.timeout(self._seconds):
                model = await self._model.open() if isinstance(self._model, ModelAddress) else self._model
                secrets += secrets_of(model)
                message = await model.ainvoke(self._talk, {"run_name": "simulated_user"})
            text = spoken(message.text)
        except Exception as error:  # every provider's client raises its own
            return failure_of(error, secrets, self._seconds)
        if not text:
            return Failure(kind="malformed", detail="the simulated user's message is empty")
        self._talk.append(AIMessage(text))
        return Said(text, SESSION, self._told(text), request=requested(text) is not None)

    def _told(self, text: str) -> GoldTurn:
        told = tuple(one for one in self._untold if tells(text, one.value))
        self._untold = tuple(one for one in self._untold if one not in told)
        return GoldTurn(user=text, classification="new" if told else "none", operations=told)


def prompt_of(persona: Persona, template: Template) -> str:
    """What the model is told of the person that it plays."""
    facts = "\n".join(_fact(one, template) for one in persona.holds)
    return PROMPT.format(about=persona.about, facts=facts or "- nothing in particular")


def spoken(text: str) -> str:
    """A model's message as a person would send it: no thoughts, no quotation marks around it, not long."""
    said = clean(_THOUGHT.sub("", text)).strip()
    if len(said) > 1 and said[0] == said[-1] == '"' and '"' not in said[1:-1]:
        said = said[1:-1].strip()
    return said if len(said) <= LONGEST else said[:LONGEST].rpartition(" ")[0] or said[:LONGEST]


def tells(text: str, value: str) -> bool:
    """Whether the text has at least half of the value's words, or of its longer ones, if it has any."""
    words = set(normalise(value).split())
    telling = {word for word in words if len(word) >= _CONTENT_WORD or not word.isalpha()} or words
    return len(telling & set(normalise(text).split())) >= TOLD * len(telling)


def _plan(requests: Sequence[GoldRequest]) -> Iterator[GoldRequest | None]:
    """What she says unasked: None is a message of the model's own."""
    left = deque(requests)
    for number in range(1, FREELY + 1):
        yield None
        if left and number % BEFORE_REQUEST == 0:
            yield left.popleft()
    yield from left


def _fact(one: GoldOperation, template: Template) -> str:
    slot = template.slot(one.slots[0])
    return f"- {slot.name if slot else one.slots[0]}: {VERBS[one.polarity]}{one.value}"
