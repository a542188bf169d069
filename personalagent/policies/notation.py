"""How a language model writes an inference down: three blocks as in the paper (sec. 3.5), and the needs.

```
<inferred_profile>
consumption.diet.restriction = vegetarian | "I went vegetarian last spring"
geography.home.city -= Leeds | "we left Leeds"
</inferred_profile>
<inferred_personality>
personality.communication.humor = likes dry jokes [in private] | "keep the dry jokes coming"
</inferred_personality>
<classification>update</classification>
<needs>
interests.film.genre = decides
</needs>
```

`parse_inference` reads back what `write_inference` wrote, but for marks that end a value or a quotation: in
their place others are written, or less is quoted. `grammar.py` describes the same text.
"""

import re
from collections.abc import Iterable
from typing import get_args

from pydantic import ValidationError

from personalagent.policies.policy import Failure
from personalagent.profile.preference import (
    Classification,
    Evidence,
    Inference,
    Need,
    Operation,
    Polarity,
    Preference,
)

PROFILE, PERSONALITY, CLASSIFICATION, NEEDS = (
    "inferred_profile",
    "inferred_personality",
    "classification",
    "needs",
)
BLOCKS = (PROFILE, PERSONALITY, CLASSIFICATION, NEEDS)
PERSONAL = "personality."
"""Slots of this category go into the second block."""
VERBS: dict[Polarity, str] = {"neutral": "", "like": "likes ", "dislike": "dislikes ", "avoid": "avoids "}
GRADES = {"decides": 1.0, "helps": 0.4}
"""How much a need weighs: what decides is worth a question, what helps alone is not enough to answer by."""
MOST_LINES = 24
"""Lines of a block; a model that writes more has lost its way."""
LONGEST_QUOTE, LONGEST_SCOPE = 400, 80
LONGEST_REPLY = 20_000
"""Characters; a model that writes more has lost its way, too."""

_BLOCK = re.compile(rf"<({'|'.join(BLOCKS)})>(.*?)</\1>", re.DOTALL)
_THOUGHT = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)
_LINE = re.compile(r"(?:[-*•]\s+)?(?P<slot>[\w.]+)\s*(?P<sign>-?=)\s*(?P<rest>.*)")
_ENDS = str.maketrans("|[]<>", "/()‹›")
"""Marks that end a value, when it holds, or a block; and what is written in their place."""
_SCOPED = re.compile(r"(?P<value>[^\[]*?) ?\[(?P<scope>[^\[\]]*)\]")
_MARKS = {'"': '"', "“": "”", "«": "»", "„": "“", "'": "'", "‘": "’", "`": "`"}
"""Quotation marks, by the one that begins."""
_APOSTROPHES = "'’`"
_NOTHING = re.compile(r"(?:null|none|nothing|n/?a|unknown|empty|-+|\(\w+\))?", re.IGNORECASE)
_UNKNOWN = re.compile(r"(?:null|unknown|n/?a|not (?:stated|known|mentioned|specified))", re.IGNORECASE)


class Malformed(ValueError):
    """A part of a reply that cannot be read."""


def blocks(reply: str) -> dict[str, str]:
    """The text of each block that stands whole in a reply, by name; of two with one name the last."""
    return {match[1]: match[2] for match in _BLOCK.finditer(_THOUGHT.sub("", reply))}


def parse_inference(reply: str) -> Inference | Failure:
    """The inference that a reply writes down, or a failure that says what cannot be read of it.

    Total: it never raises, and takes nothing from anywhere but the reply. A value without a quotation
    is its own evidence, so that the gate takes it only if the user said it word for word; a value that
    is null or unknown is left out. `needs` is None where the reply has no such block.
    """
    try:
        if len(reply) > LONGEST_REPLY:
            raise Malformed(f"the reply has {len(reply)} characters, more than {LONGEST_REPLY}")
        found = blocks(reply)
        missing = [name for name in (PROFILE, CLASSIFICATION) if name not in found]
        if missing:
            raise Malformed(f"no <{missing[0]}> block")
        operations = [*_operations(found[PROFILE]), *_operations(found.get(PERSONALITY, ""))]
        return Inference(
            operations=tuple(operations),
            classification=_classification(found[CLASSIFICATION]),
            needs=_needs(found[NEEDS]) if NEEDS in found else None,
        )
    except Malformed as error:
        return Failure(kind="malformed", detail=str(error))
    except ValidationError as error:
        first = error.errors()[0]
        return Failure(kind="malformed", detail=f"{'.'.join(map(str, first['loc']))}: {first['msg']}")


def write_inference(inference: Inference) -> str:
    """The reply that says the inference: what training teaches, and `parse_inference` reads back."""
    personal = [op for op in inference.operations if op.preference.slot.startswith(PERSONAL)]
    others = [op for op in inference.operations if not op.preference.slot.startswith(PERSONAL)]
    return "\n".join(
        (
            _written(PROFILE, map(_line, others)),
            _written(PERSONALITY, map(_line, personal)),
            f"<{CLASSIFICATION}>{inference.classification}</{CLASSIFICATION}>",
            _written(NEEDS, map(_need_line, inference.needs or ())),
        )
    )


def stated(preference: Preference, sign: str = "=") -> str:
    """The line of a preference without its evidence: how a prompt shows what is held."""
    scope = f" [{_scope(preference.scope)}]" if preference.scope else ""
    return f"{preference.slot} {sign} {VERBS[preference.polarity]}{_value(preference.value)}{scope}".rstrip()


def _line(operation: Operation) -> str:
    quote = f' | "{_quotable(operation.evidence.quote, operation.preference.value)}"'
    if operation.action == "assert":
        return stated(operation.preference) + quote
    return stated(operation.preference.model_copy(update={"polarity": "neutral"}), "-=") + quote


def _quotable(quote: str, value: str) -> str:
    """The quote; of one with marks that end it the longest piece between them, best with the value in it.

    The grammar ends a quotation at the first mark, and less of what was said is evidence just as well.
    """
    pieces = [_flat(piece) for piece in re.split(r'["<]', quote) if piece.strip()]
    return max(pieces, key=lambda piece: (_value(value) in piece, len(piece)), default="")


def _value(text: str) -> str:
    """The value without marks that end it, and the same when normalised.

    One quotation mark can be read, and may stand for inches; those around the whole are left out, and others
    become apostrophes.
    """
    flat = _flat(text).translate(_ENDS).lstrip("= ")
    if flat.count('"') < 2:
        return flat
    enclosed = flat.count('"') == 2 and flat[0] == flat[-1] == '"'
    return flat[1:-1].strip() if enclosed else flat.replace('"', "'")


def _scope(text: str) -> str:
    return _flat(text).translate(_ENDS).replace('"', "'")


def _need_line(need: Need) -> str:
    grade = min(GRADES, key=lambda name: abs(GRADES[name] - need.weight))
    return f"{need.slot} = {grade}"


def _written(name: str, lines: Iterable[str]) -> str:
    return "\n".join((f"<{name}>", *lines, f"</{name}>"))


def _flat(text: str) -> str:
    return " ".join(text.split())


def _lines(block: str) -> list[str]:
    lines = [line.strip() for line in block.split("\n")]
    lines = [line for line in lines if not _NOTHING.fullmatch(line) and not line.startswith("```")]
    if len(lines) > MOST_LINES:
        raise Malformed(f"a block has {len(lines)} lines, more than {MOST_LINES}")
    return lines


def _operations(block: str) -> list[Operation]:
    return [operation for line in _lines(block) if (operation := _operation(line))]


def _operation(line: str) -> Operation | None:
    found = _LINE.fullmatch(line)
    if not found:
        raise Malformed(f"not a line of a profile: {line[:80]!r}")
    retracts = found["sign"] == "-="
    head, _, tail = _flat(found["rest"]).partition("|")
    quote = _quoted(tail.strip())[:LONGEST_QUOTE].strip()
    value, scope = _valued(head.strip())
    polarity, value = ("neutral", value) if retracts else _polarity(value)
    if not retracts and _says_nothing(value, quote):
        return None
    if not (quote or value):
        raise Malformed(f"neither a value nor a quotation: {line[:80]!r}")
    return Operation.model_validate(
        {
            "action": "retract" if retracts else "assert",
            "preference": {"slot": found["slot"], "value": value, "polarity": polarity, "scope": scope},
            "evidence": Evidence(quote=quote or value),
        }
    )


def _quoted(tail: str) -> str:
    """What stands between the quotation marks; of a text that begins with none, the text."""
    end = _MARKS.get(tail[:1])
    if end is None or (end in _APOSTROPHES and not tail.rstrip(" .").endswith(end)):
        return tail
    inner = tail[1 : tail.rfind(end)] if tail.rfind(end) > 0 else None
    if inner is None or f"{end} | {tail[0]}" in inner:
        raise Malformed(f"not one quotation: {tail[:80]!r}")
    return inner


def _valued(head: str) -> tuple[str, str | None]:
    """The value, and when it holds."""
    enclosed = len(head) > 1 and head[0] == head[-1] == '"'
    if head.startswith("=") or head.count('"') > (2 if enclosed else 1):
        raise Malformed(f"not a value: {head[:80]!r}")
    scoped = _SCOPED.fullmatch(head)
    value, scope = (scoped["value"], scoped["scope"]) if scoped else (head, "")
    return (value[1:-1] if enclosed else value).strip(), scope.strip()[:LONGEST_SCOPE] or None


def _polarity(value: str) -> tuple[Polarity, str]:
    """The polarity that a value begins with, and the rest of it."""
    for polarity, verb in VERBS.items():
        if verb and value.casefold().startswith(verb):
            return polarity, value[len(verb) :]
    return "neutral", value


def _says_nothing(value: str, quote: str) -> bool:
    """Whether the value is the paper's null; a cat may be called Null, but then the quotation has it."""
    if _UNKNOWN.fullmatch(value):
        return value.casefold() not in quote.casefold()
    return not quote and bool(_NOTHING.fullmatch(value))


def _classification(text: str) -> Classification:
    said = text.strip().casefold()
    for one in get_args(Classification):
        if said == one:
            return one  # type: ignore[no-any-return]
    raise Malformed(f"not a classification: {text.strip()[:40]!r}")


def _needs(block: str) -> tuple[Need, ...]:
    needs: dict[str, Need] = {}
    for line in _lines(block):
        found = _LINE.fullmatch(line)
        grade = found["rest"].strip() if found else ""
        if not found or grade not in GRADES:
            raise Malformed(f"not a line of needs: {line[:80]!r}")
        needs.setdefault(found["slot"], Need(slot=found["slot"], weight=GRADES[grade]))
    return tuple(needs.values())
