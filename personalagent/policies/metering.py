"""What language models cost: calls and tokens, counted for whatever runs inside `metered()`."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, LLMResult
from langchain_core.tracers.context import register_configure_hook

from personalagent.dialogue import Frozen


class Usage(Frozen):
    """Calls of chat models and the tokens that their servers say they took."""

    calls: int = 0
    failed: int = 0
    """Of the calls."""
    input_tokens: int = 0
    cached_tokens: int = 0
    """Of the input tokens, those that a prefix cache held."""
    output_tokens: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(**{name: getattr(self, name) + getattr(other, name) for name in Usage.model_fields})

    def line(self) -> str:
        """The usage in a few words."""
        calls = f"{self.calls} call{'' if self.calls == 1 else 's'}"
        failed = f" ({self.failed} failed)" if self.failed else ""
        cached = f" ({self.cached_tokens} cached)" if self.cached_tokens else ""
        return f"{calls}{failed}, {self.input_tokens}{cached} + {self.output_tokens} tokens"


class Meter(BaseCallbackHandler):
    """Counts every call of a chat model; a request that the provider's client repeats is one call."""

    run_inline = True

    def __init__(self) -> None:
        self.usage = Usage()
        self._open: set[object] = set()
        self._turn = threading.Lock()

    def _count(self, **more: int) -> None:
        with self._turn:
            self.usage += Usage(**more)

    def close(self) -> None:
        """Count what was given up without an answer as failed."""
        self._count(failed=len(self._open))
        self._open.clear()

    def on_chat_model_start(self, serialized: Any, messages: Any, **kwargs: Any) -> None:
        """A call begins."""
        self._open.add(kwargs.get("run_id"))
        self._count(calls=1)

    def on_llm_error(self, error: BaseException, **kwargs: Any) -> None:
        """A call has failed."""
        self._open.discard(kwargs.get("run_id"))
        self._count(failed=1)

    def on_llm_end(self, response: LLMResult, **kwargs: Any) -> None:
        """A call is answered."""
        self._open.discard(kwargs.get("run_id"))
        for generation in (one for row in response.generations for one in row):
            message = generation.message if isinstance(generation, ChatGeneration) else None
            if isinstance(message, AIMessage) and (said := message.usage_metadata):
                self._count(
                    input_tokens=said["input_tokens"],
                    output_tokens=said["output_tokens"],
                    cached_tokens=said.get("input_token_details", {}).get("cache_read") or 0,
                )


_METER: ContextVar[Meter | None] = ContextVar("personalagent_meter", default=None)
register_configure_hook(_METER, inheritable=True)


@contextmanager
def metered() -> Iterator[Meter]:
    """Counts the calls made inside, of any LangChain chat model, also in tasks and threads begun there."""
    meter = Meter()
    token = _METER.set(meter)
    try:
        yield meter
    finally:
        _METER.reset(token)
        meter.close()
