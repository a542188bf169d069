"""Lists of chat messages, as chat APIs and exports write them.

A record is ``{"user" or "user_id", "session" or "session_id" or "thread_id"?, "messages": [{"role",
"content"}, ...], "at"?}``, or the bare list of messages. The other formats are cut through `history` too.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from personalagent.dialogue import Dialogue, Frozen, Session, clean, decompose, valid_user_id

Kind = TypeVar("Kind")

_KINDS: dict[type, str] = {str: "text", list: "a list", dict: "an object"}


class Origin(Frozen):
    """Where a record stands, and what is taken for granted where it does not say."""

    stem: str
    number: int
    at: datetime
    user: str | None = None


def recognises(record: object) -> bool:
    """Whether this is a list of messages, or an object that holds one."""
    if isinstance(record, list):
        return not record or is_message(record[0])
    return isinstance(record, dict) and "messages" in record


def is_message(value: object) -> bool:
    """Whether this is one message rather than a record that holds messages."""
    return isinstance(value, dict) and not value.keys().isdisjoint(("role", "content"))


def dialogue(record: object, origin: Origin) -> Dialogue:
    """The one session of the record. Raises `ValueError` with a reason of one line."""
    held = {"messages": record} if isinstance(record, list) else as_kind(record, dict, "the record")
    messages = field(held, "messages", list)
    for place, message in enumerate(messages):
        _check_message(message, f"messages[{place}]")
    user = _first_text(held, "user", "user_id")
    if user is None and origin.user is None:
        raise ValueError("the record names no user: pass --user")
    said = _first_text(held, "at")
    return history(
        messages,
        user=origin.user if user is None else user,
        session=_first_text(held, "session", "session_id", "thread_id") or f"{origin.stem}-{origin.number}",
        at=origin.at if said is None else _moment(said),
    )


def history(messages: Iterable[Mapping[str, Any]], *, user: object, session: str, at: datetime) -> Dialogue:
    """The messages as the one session of a user.

    Raises `ValueError` where an id cannot be one or no user message has text.
    """
    owner = valid_user_id(user)
    if clean(session) != session:
        raise ValueError(f"session id {session!r} contains control characters or broken unicode")
    turns = decompose(messages, user=owner, session=session, at=at).turns
    if not turns:
        raise ValueError("the conversation is empty: it has no user message with text")
    return Dialogue(user=owner, sessions=(Session(id=session, turns=turns),))


def field(record: Mapping[Any, Any], name: str, kind: type[Kind], where: str = "") -> Kind:
    """The record's field, if it is there and of this kind; otherwise `ValueError` says where it is not."""
    place = f"{where}.{name}" if where else name
    if name not in record:
        raise ValueError(f"{place} is missing")
    return as_kind(record[name], kind, place)


def as_kind(value: object, kind: type[Kind], where: str) -> Kind:
    """The value, if it is of this kind; otherwise `ValueError` says where it is not."""
    if not isinstance(value, kind):
        raise ValueError(f"{where} is not {_KINDS.get(kind, kind.__name__)}")
    return value


def _check_message(value: object, where: str) -> None:
    message = as_kind(value, dict, where)
    if field(message, "role", str, where) != "user":
        return  # replies that only call tools, and tools' results, have other contents or none
    if not isinstance(field(message, "content", object, where), str | list):
        raise ValueError(f"{where}.content is neither text nor a list of content blocks")


def _first_text(record: Mapping[Any, Any], *names: str) -> str | None:
    name = next((name for name in names if record.get(name) is not None), None)
    return None if name is None else field(record, name, str)


def _moment(text: str) -> datetime:
    """The ISO time in UTC; one without an offset is taken to be in UTC."""
    try:
        when = datetime.fromisoformat(text)
        when = (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(UTC)
        when + timedelta(days=1)  # later turns of the session need room before the calendar's end
    except (ValueError, OverflowError):
        raise ValueError("at is not an ISO time, such as 2026-03-01T09:30:00Z") from None
    return when
