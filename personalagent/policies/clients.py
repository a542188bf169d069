"""Chat models by name and address: one for an event loop, with time-outs, and keys where they belong."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from langchain.chat_models import init_chat_model
from langchain_core.language_models import BaseChatModel
from langchain_openai import ChatOpenAI
from openai import DefaultAsyncHttpxClient
from pydantic import SecretStr

from personalagent.errors import SettingError

VLLM_URL = "http://127.0.0.1:8000/v1"
"""Where `vllm serve` listens if it is told nothing else."""
CLIENT_SECONDS = 300.0
"""After which a client gives up by itself; whoever asks bounds the whole call, and more tightly."""
MOST_OPEN = 32
"""Models that are kept open in an event loop; runs may name others without end."""
RETRIES = 2
"""Of one request, by the provider's client, for what may pass: refused connections, 408, 409, 429, 5xx."""
_OPENAI_LIKE = ("openai", "vllm")
_NO_KEY = SecretStr("none")


@dataclass(frozen=True)
class Keys:
    """API keys, each bound to the server that it is for: it is sent to no other, whatever a run asks for.

    Where no address is given, a provider's own client finds its own key in the environment.
    """

    by_url: Mapping[str, SecretStr] = field(default_factory=dict)

    @classmethod
    def bound(cls, *pairs: tuple[str, str]) -> "Keys":
        """The keys of pairs (address, key); pairs that lack one of the two are passed over."""
        return cls({_bare(url): SecretStr(key) for url, key in pairs if url and key})

    def of(self, url: str) -> SecretStr | None:
        """The key for the server at this address."""
        return self.by_url.get(_bare(url))


def address_of(name: str, url: str) -> str:
    """Where the model ``provider:name`` is served: at `url`, or where its provider's server listens."""
    return url or (VLLM_URL if name.startswith("vllm:") else "")


@dataclass(frozen=True)
class ModelAddress:
    """A chat model that is named, ``provider:name``, and where it is served."""

    name: str
    url: str = ""
    key: SecretStr | None = None
    temperature: float | None = None
    max_tokens: int | None = None

    @property
    def provider(self) -> str:
        """What stands before the colon, such as openai or vllm."""
        return self.name.partition(":")[0]

    async def open(self) -> BaseChatModel:
        """The model, the same one for all who ask in this event loop: connections belong to a loop.

        Raises `SettingError`, which names the model, if it cannot be had.
        """
        opened = _OPENED.setdefault(asyncio.get_running_loop(), {})
        if self not in opened:
            made = await asyncio.to_thread(self._made)
            for oldest in list(opened)[: max(0, len(opened) - MOST_OPEN + 1)]:
                del opened[oldest]
            opened[self] = made
        return opened[self]

    def _made(self) -> BaseChatModel:
        url = address_of(self.name, self.url)
        given = {"temperature": self.temperature, "max_tokens": self.max_tokens, "base_url": url or None}
        more: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        try:
            if self.provider in _OPENAI_LIKE:
                return self._openai_like(more)
            if url:  # how such a client takes a key is its own, and it would send the environment's there
                raise SettingError("an address goes with openai:NAME or vllm:NAME")
            model: BaseChatModel = init_chat_model(
                self.name, timeout=CLIENT_SECONDS, max_retries=RETRIES, **more
            )
        except Exception as error:  # every provider's package raises its own
            raise SettingError(f"the chat model {self.name!r} cannot be used: {error}") from error
        return model

    def _openai_like(self, more: dict[str, Any]) -> BaseChatModel:
        if "base_url" in more:  # else the client would send the environment's key there
            more["api_key"] = self.key or _NO_KEY
        return ChatOpenAI(
            model=self.name.partition(":")[2],
            timeout=CLIENT_SECONDS,
            max_retries=RETRIES,
            stream_usage=True,
            http_async_client=DefaultAsyncHttpxClient(),  # the library's own is shared between event loops
            **more,
        )


_OPENED: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[ModelAddress, BaseChatModel]] = WeakKeyDictionary()


def secrets_of(model: BaseChatModel) -> tuple[str, ...]:
    """The keys that a model holds, so that they can be kept out of what is shown of its errors."""
    held = (value for value in vars(model).values() if isinstance(value, SecretStr))
    return tuple(secret for one in held if len(secret := one.get_secret_value()) > len("none"))


def _bare(url: str) -> str:
    return url.strip().rstrip("/")
