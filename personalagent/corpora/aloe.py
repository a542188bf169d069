"""Records of ALOE (arXiv 2410.03642), one line of its ``conversations.jsonl`` each.

``{"profile", "personality", "conversations": [{"user", "assistant": {"preferred", "rejected"}, "chosen"}]}``,
where ``chosen`` names the reply that was shown, or is its text. Profile, personality and what was
inferred are gold: they are not read.
"""

from collections.abc import Iterator
from typing import Any

from personalagent.corpora.messages import Origin, as_kind, field, history
from personalagent.dialogue import Dialogue

SESSION = "conversation"


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
