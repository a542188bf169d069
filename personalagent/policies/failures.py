"""What went wrong with a language model, whichever provider's client says it."""

import re
from collections.abc import Iterable

import httpx
import openai
from langchain_core import exceptions as langchain

from personalagent.errors import PersonalAgentError
from personalagent.policies.policy import Failure, FailureKind

_KINDS: tuple[tuple[FailureKind, tuple[type[BaseException], ...]], ...] = (
    ("timeout", (TimeoutError, langchain.ModelTimeoutError, openai.APITimeoutError, httpx.TimeoutException)),
    ("truncated", (openai.LengthFinishReasonError,)),
    ("busy", (langchain.ModelRateLimitError,)),
    (
        "unreachable",
        (ConnectionError, langchain.ModelConnectionError, openai.APIConnectionError, httpx.TransportError),
    ),
    ("refused", (PersonalAgentError, langchain.ModelError)),
    ("malformed", (ValueError, TypeError, LookupError, AttributeError, openai.APIResponseValidationError)),
)
"""The first that fits counts: a time-out of OpenAI's is a connection error, too."""
_BY_STATUS: dict[int, FailureKind] = {
    408: "timeout",
    409: "busy",
    429: "busy",
    502: "unreachable",
    503: "busy",
    504: "unreachable",
    529: "busy",
}
"""What a proxy says of the server behind it is no word of the server's."""
_KEY = re.compile(r"\b(Bearer\s+|sk-)[\w*.-]{4,}")
_LONGEST = 300


def failure_of(error: Exception, secrets: Iterable[str] = (), seconds: float | None = None) -> Failure:
    """The failure that an exception stands for; keys in its text are blanked.

    `seconds` is the budget that a time-out without words of its own has used up.
    """
    text = " ".join(str(error).split())
    for secret in secrets:
        text = text.replace(secret, "***")
    text = _KEY.sub(r"\1***", text)
    if isinstance(error, TimeoutError) and not text and seconds is not None:
        text = f"no reply within {seconds:g} s"
    return Failure(kind=_kind(error), detail=f"{type(error).__name__}: {text}"[:_LONGEST])


def _kind(error: Exception) -> FailureKind:
    status = getattr(error, "status_code", None)
    if isinstance(status, int):
        return _BY_STATUS.get(status, "refused" if 400 <= status < 500 else "error")
    return next((kind for kind, types in _KINDS if isinstance(error, types)), "error")
