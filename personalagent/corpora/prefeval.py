"""Records of PrefEval (arXiv 2502.09597), elements of its arrays of implicit persona-driven preferences.

``{"preference", "question", "explanation", "persona", "conversation": {"0": {"user", "assistant"}, ...}}``.
Preference and question are gold: they are not read. Records of its other files are recognised, and refused
where they hold no such conversation.
"""

from collections.abc import Iterator
from typing import Any

from personalagent.corpora.messages import Origin, as_kind, field, history
from personalagent.dialogue import Dialogue

SESSION = "conversation"


def recognises(record: object) -> bool:
    """Whether this has the fields that all of PrefEval's files, or its persona-driven ones, share."""
    return isinstance(record, dict) and any(
        names <= record.keys() for names in ({"preference", "question"}, {"persona", "conversation"})
    )


def dialogue(record: object, origin: Origin) -> Dialogue:
    """The one session of the user prefeval-STEM-N. Raises `ValueError` with a reason of one line."""
    item = as_kind(record, dict, "the record")
    if "conversation" not in item:
        raise ValueError("a PrefEval record without a conversation: only persona-driven files hold them")
    conversation = field(item, "conversation", dict)
    if not all(isinstance(key, str) and key.isdecimal() for key in conversation):
        raise ValueError(
            'the turns of conversation are not numbered "0", "1", ...: is this a choice-based file?'
        )
    messages = [
        message
        for key in sorted(conversation, key=int)
        for message in _messages(conversation[key], f"conversation.{key}")
    ]
    return history(messages, user=f"prefeval-{origin.stem}-{origin.number}", session=SESSION, at=origin.at)


def _messages(value: object, where: str) -> Iterator[dict[str, Any]]:
    exchange = as_kind(value, dict, where)
    for role in ("user", "assistant"):
        yield {"role": role, "content": field(exchange, role, str, where)}
