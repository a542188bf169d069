"""Dialogues as the paper sees them: history H of sessions c_i of turns t_n = (u_n, r_n) (sec. 3.1)."""

import hashlib
import json
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from personalagent.errors import InvalidUserId

MAX_USER_ID = 512
"""Characters; longer than any e-mail address or OAuth subject."""


class Frozen(BaseModel):
    """Base of all values: immutable, and unknown fields are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Turn(Frozen):
    """A user message u_t and, where known, the reply r_t it got."""

    user: str
    session: str
    index: int = Field(ge=0, description="ordinal of the user message in its session")
    text: str
    reply: str = ""
    replying_to: str = Field("", description="the reply that u_t answers: context, never evidence")
    answers: str | None = Field(None, description="the slot that the agent had just asked about")
    at: datetime

    @property
    def key(self) -> str:
        """Identity of the turn in the log: 32 hex digits from user, session, index and content."""
        identity = json.dumps([self.user, self.session, self.index, self.text])
        return hashlib.sha256(identity.encode()).hexdigest()[:32]


class Session(Frozen):
    """One conversation c_i."""

    id: str
    turns: tuple[Turn, ...]


class Dialogue(Frozen):
    """The history H of one user."""

    user: str
    sessions: tuple[Session, ...]

    @property
    def turns(self) -> tuple[Turn, ...]:
        """All turns in the order in which they were said."""
        return tuple(turn for session in self.sessions for turn in session.turns)


class Ignored(Frozen):
    """A part of a message that cannot become a turn, and why."""

    position: int = Field(description="place of the message in the list that was decomposed")
    reason: str


class Decomposed(Frozen):
    """What `decompose` found."""

    turns: tuple[Turn, ...]
    ignored: tuple[Ignored, ...]


def valid_user_id(user: object) -> str:
    """The user id itself, if it can be one: any non-blank text of at most 512 characters.

    Raises `InvalidUserId` otherwise: there is no default user.
    """
    if not isinstance(user, str) or not user.strip():
        raise InvalidUserId("user id is missing: pass Context(user_id=...), or --user on the command line")
    if len(user) > MAX_USER_ID:
        raise InvalidUserId(f"user id has {len(user)} characters; at most {MAX_USER_ID} are allowed")
    if clean(user) != user:
        raise InvalidUserId(f"user id {user!r} contains control characters or broken unicode")
    return user


def clean(text: str) -> str:
    """The text without control characters and lone surrogates, which no database stores faithfully."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if text.isprintable():
        return text
    return "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in {"Cc", "Cs"})


def decompose(
    messages: Iterable[Mapping[str, Any]],
    *,
    user: str,
    session: str,
    at: datetime | None = None,
    first_index: int = 0,
    replying_to: str = "",
) -> Decomposed:
    """Cut a list of chat messages into turns (paper, sec. 3.1).

    `messages` are dicts with ``role`` and ``content``, where content is text or a list of content
    blocks. Only ``user`` messages become turns; ``assistant`` messages become their replies; other
    roles are passed over. `at` is when the first turn was said (now, if not given); later ones
    follow by a microsecond each, so that their order survives storage.
    """
    start = at or datetime.now(UTC)
    turns: list[Turn] = []
    ignored: list[Ignored] = []
    index, context, answered = first_index, clean(replying_to), True
    for position, message in enumerate(messages):
        if (role := message.get("role")) not in ("user", "assistant"):
            continue
        text, dropped = text_of(message.get("content"))
        ignored += [Ignored(position=position, reason=f"{kind} content is not read") for kind in dropped]
        if role == "assistant":
            if turns and not answered:
                turns[-1] = turns[-1].model_copy(update={"reply": text})
            answered, context = True, text or context
            continue
        if text.strip():
            when = start + timedelta(microseconds=index - first_index)
            turns.append(
                Turn(user=user, session=session, index=index, text=text, replying_to=context, at=when)
            )
            answered = False
        elif not dropped:
            ignored.append(Ignored(position=position, reason="the message is empty"))
        index += 1
    return Decomposed(turns=tuple(turns), ignored=tuple(ignored))


def text_of(content: object) -> tuple[str, list[str]]:
    """The text in a message's content, and the kinds of its parts that are not text."""
    if isinstance(content, str):
        return clean(content), []
    if content is None:
        return "", []
    if not isinstance(content, list):
        return "", [type(content).__name__]
    texts: list[str] = []
    dropped: list[str] = []
    for block in content:
        if isinstance(block, str):
            texts.append(block)
        elif isinstance(block, Mapping) and isinstance(block.get("text"), str):
            texts.append(block["text"])
        else:
            kind = block.get("type") if isinstance(block, Mapping) else None
            dropped.append(str(kind or type(block).__name__))
    return clean("\n".join(texts)), dropped
