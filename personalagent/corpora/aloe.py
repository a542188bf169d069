"""Records of ALOE (arXiv 2410.03642), one line of its ``conversations.jsonl`` each.

``{"profile", "personality", "conversations": [{"user", "assistant": {"preferred", "rejected"}, "chosen"}]}``,
where ``chosen`` names the reply that was shown, or is its text. Profile, personality and what was
inferred are gold: a history does not have them, `read` does.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from personalagent.corpora.messages import Origin, as_kind, field, history
from personalagent.corpora.records import Fault, values
from personalagent.dialogue import Dialogue, Frozen, Session, clean
from personalagent.errors import DataError

SESSION = "conversation"
_EPOCH = datetime(2024, 1, 1, tzinfo=UTC)
_NONE = "None"
"""How the file says that there is no text."""


class GoldExchange(Frozen):
    """What the user says, the two replies to it, and what is known of the user from then on, in prose."""

    user: str
    preferred: str
    rejected: str
    chosen: str
    inferred_profile: str
    inferred_personality: str


class GoldConversation(Frozen):
    """One line of the file. Its user is of this line alone; other lines may have the same persona."""

    user: str
    profile: str
    personality: str
    session: Session
    exchanges: tuple[GoldExchange, ...]


def read(path: Path) -> Iterator[GoldConversation]:
    """The conversations of a file with their gold. Raises `DataError` with file and line of what is wrong."""
    stem = clean(path.stem)
    try:
        for number, piece in enumerate(values(path, is_record=recognises)):
            if isinstance(piece, Fault):
                raise DataError(f"{path}:{piece.line}: {piece.reason}")
            try:
                yield _gold(piece.value, Origin(stem=stem, number=number, at=_EPOCH))
            except ValueError as error:
                raise DataError(f"{path}:{piece.line}: {error}") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error


def recognises(record: object) -> bool:
    """Whether this has ALOE's persona and its list of exchanges."""
    return (
        isinstance(record, dict)
        and "conversations" in record
        and not record.keys().isdisjoint(("profile", "personality"))
    )


def dialogue(record: object, origin: Origin) -> Dialogue:
    """The one session of the user aloe-STEM-N. Raises `ValueError` with a reason of one line."""
    exchanges = field(as_kind(record, dict, "the record"), "conversations", list)
    messages = [
        message
        for place, exchange in enumerate(exchanges)
        for message in _messages(exchange, f"conversations[{place}]")
    ]
    return history(messages, user=f"aloe-{origin.stem}-{origin.number}", session=SESSION, at=origin.at)


def _messages(value: object, where: str) -> Iterator[dict[str, Any]]:
    exchange = as_kind(value, dict, where)
    replies = field(exchange, "assistant", dict, where)
    offered = {name: field(replies, name, str, f"{where}.assistant") for name in ("preferred", "rejected")}
    chosen = field(exchange, "chosen", str, where)
    yield {"role": "user", "content": field(exchange, "user", str, where)}
    yield {"role": "assistant", "content": offered.get(chosen.strip().lower(), chosen)}


def _gold(record: object, origin: Origin) -> GoldConversation:
    made, held = dialogue(record, origin), as_kind(record, dict, "the record")
    rows = enumerate(field(held, "conversations", list))
    persona = {"profile": "", "personality": "", **held}
    return GoldConversation(
        user=made.user,
        profile=_text(persona, "profile"),
        personality=_text(persona, "personality"),
        session=made.sessions[0],
        exchanges=tuple(_exchange(row, f"conversations[{place}]") for place, row in rows),
    )


def _exchange(row: object, where: str) -> GoldExchange:
    held = as_kind(row, dict, where)
    user, shown = (clean(message["content"]) for message in _messages(row, where))
    if not user.strip():
        raise ValueError(f"{where}.user is empty")
    replies = field(held, "assistant", dict, where)
    return GoldExchange(
        user=user,
        preferred=clean(field(replies, "preferred", str, where)),
        rejected=clean(field(replies, "rejected", str, where)),
        chosen=shown,
        inferred_profile=_text(held, "inferred_profile", where),
        inferred_personality=_text(held, "inferred_personality", where),
    )


def _text(record: dict[Any, Any], name: str, where: str = "") -> str:
    """The field's text; empty where the file says that there is none."""
    text = clean(field(record, name, str, where))
    return "" if text.strip() == _NONE else text
