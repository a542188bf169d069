"""Cutting a value out of a clause: where it ends, what it leaves behind, when it applies."""

import re
from typing import NamedTuple

LONGEST_VALUE = 12
"""Words; what is longer is not a value but a story."""


class Span(NamedTuple):
    """A place in the message."""

    start: int
    end: int


_END = re.compile(
    r"\s+(?:because|since|when|whenever|while|as (?:it|they|i|a|an|my|there)|so (?:i|that|we)|but|though"
    r"|although|until|due to|thanks to|given|which"
    r"|for (?:my|the|now|a change|me|our)|with my|in my|at my|on my|during|before|after|especially"
    r"|particularly|including|like|such as|even|whether|then|at (?:the )?weekends?"
    r"|on (?:the )?weekends?"
    r"|to (?:help|keep|make|get|stay|avoid|save|relax|unwind)|and (?:i|i'm|i've|it|they|my|that|would"
    r"|want|was|am|we|(?:\w+ly )?(?:avoid|prefer|dislike|hate|never|don't|can't))"
    r"|in (?:the )?(?:winter|summer|spring|autumn|fall|mornings?|evenings?)|at night|at work|at home)\b"
    r"|\s*[;:()\[\]\"“”!?\n]|\s[-–—]+\s|\.(?=\s|\Z)|\s*,\s*(?=(?:but|so|which|because|since|though"
    r"|although|as|and (?:i|my|it)|especially|even|like|such|who|where|i|my|it)\b)",
    re.IGNORECASE,
)
_CONDITION = re.compile(r"\b(?:if|unless|except|as long as)\b", re.IGNORECASE)
_FILLER = re.compile(
    r"(?:\s+(?:lately|completely|entirely|altogether|actually|too|so much|so|as well|though|either"
    r"|anymore|at all|a lot|very much|really|in general|generally|personally|please|thanks|thank you"
    r"|these days|(?:last|this) (?:year|month|week|spring|summer|autumn|fall|winter)|\w+ (?:months?"
    r"|years?|weeks?) ago"
    r"|nowadays|recently|now|right|lol|haha|haha|you know|myself|and such|and so on|and stuff|or so"
    r"|or something|most|best|instead|ever|always|and|or|for|with|of|to|in|on|the|a|an|is|are|that"
    r"|more than anything|if possible|whenever possible|where possible|when possible|as much as possible"
    r"|at the moment|right now|usually|when i can)|etc\.?|[\s,.'*…~]|[^\w\s)%+#'\"&])+\Z",
    re.IGNORECASE,
)
_LEADING = re.compile(
    r"(?:(?:to|some|any|a lot of|lots of|all (?:kinds|sorts|types) of|all things|anything (?:with"
    r"|containing|that (?:contains|has|involves)|involving)|things (?:like|with)"
    r"|a good|a nice|the occasional|both|(?:eating|using)(?! (?:out|in)\b))\s+|[\s,'*]+)+",
    re.IGNORECASE,
)
_PRONOUN = re.compile(
    r"(?:them|it|that|this|these|those|him|her|you|me|us|everything|anything|nothing|something|some|one"
    r"|ones|so|out|any)",
    re.IGNORECASE,
)
_PROPER_END = re.compile(
    r"\s+(?:with|and|for|so|where|since|now|in|at|near|as|but|about|right|on|by|from"
    r"|last|this|these|currently|recently|originally|a|to|my)\b|,\s+(?=[a-z])|[.;:!?()]"
)
_SCOPE = re.compile(
    r"(?:^|\b)(when (?:i'm |i am |i )?(?:travel\w*|working|work|stud\w+|driving|commut\w+|cook\w*|running"
    r"|exercis\w+|work out|working out|on holiday|on vacation|at home|at work|alone|tired|stressed"
    r"|out with friends|dining out|eating out|i eat out|eat out)(?: (?:for work|alone|abroad|out"
    r"|with \w+(?: \w+)?))?"
    r"|while (?:travel\w+|working|studying|driving|commuting|cooking|running|exercising)|(?:at"
    r"|on) (?:the )?weekends?|on weekdays|on workdays|in (?:the )?(?:winter|summer|spring|autumn|fall"
    r"|mornings?|evenings?|afternoons?)"
    r"|at night|at work|after work|before bed|for work|on (?:mon|tues|wednes|thurs|fri|satur|sun)days?"
    r"|for breakfast|for lunch|for dinner)\b"
)
_TO_A_THING = re.compile(r"\b(?:allergic|intolerant|sensitive|allergy|intolerance) to \Z", re.IGNORECASE)
"""Where what follows on "to" is a noun, not a verb."""
_SEPARATOR = re.compile(r"\s*,\s*(?:and|or)\s+|\s*,\s*|\s+(?:and|or)\s+|\s*&\s*", re.IGNORECASE)
_LISTS = re.compile(r"(?:\band|\bor|&)\s+\S+(?:\s+\S+){0,2}\Z|\A[^,]+(?:,[^,]+){2,}\Z", re.IGNORECASE)
_FIXED_PAIRS = re.compile(
    r"\b(?:rock and roll|fish and chips|mac and cheese|salt and pepper"
    r"|drum and bass|gin and tonic|bed and breakfast|black and white|arts and crafts|peanut butter and"
    r"|dungeons and|pros and cons|and more|trial and|peace and)\b",
    re.IGNORECASE,
)
_INDIVISIBLE = re.compile(
    r"\b(?:of|with|for|in|from|over|than|that|to|about|by|at|without|between|rather"
    r"|who|into|on|not)\b",
    re.IGNORECASE,
)


def trimmed(text: str, start: int, end: int, *, proper: bool = False) -> Span | None:
    """The value within the span, or None if nothing usable is left of it.

    With `proper` it must begin with a capital (or a digit) and ends where the name ends.
    """
    body = text[start:end].replace("’", "'")
    if cut := _END.search(body):
        if _CONDITION.search(body):
            return None
        body = body[: cut.start()]
    if _CONDITION.search(body):
        return None
    if proper and (cut := _PROPER_END.search(body)):
        body = body[: cut.start()]
    if not proper and (lead := _LEADING.match(body)):
        start += lead.end()
        body = body[lead.end() :]
    if filler := _FILLER.search(body):
        body = body[: filler.start()]
    if _PRONOUN.fullmatch(body):
        return None
    count = len(body.split())
    if not 0 < count <= LONGEST_VALUE or len(body) > 200 or not re.search(r"[^\W_]{2}|\d", body):
        return None
    if proper and not (body[0].isupper() and count <= 5):
        return None
    return Span(start, start + len(body))


def items(text: str, span: Span) -> list[Span]:
    """The items of a list ("hiking, reading and cooking"); the whole span if it is none."""
    body = text[span.start : span.end]
    if (
        body.casefold().startswith(("a ", "an ", "the "))
        or (text[: span.start].casefold().endswith("to ") and not _TO_A_THING.search(text[: span.start]))
        or _FIXED_PAIRS.search(body)
        or _INDIVISIBLE.search(body)
    ):
        return [span]
    parts: list[Span] = []
    start = 0
    for mark in _SEPARATOR.finditer(body):
        parts.append(Span(span.start + start, span.start + mark.start()))
        start = mark.end()
    parts.append(Span(span.start + start, span.end))
    sizes = [len(text[p.start : p.end].split()) for p in parts]
    if len(parts) > 6 or not all(0 < size <= 3 for size in sizes) or not _LISTS.search(body):
        return [span]
    # "quiet and cosy places", "simple, hearty or cheap food": adjectives of one noun are no list
    return (
        [span]
        if (len(parts) == 2 and sizes[0] == 1 < sizes[1])
        or (len({*sizes[:-1]}) == 1 and 1 == sizes[0] < sizes[-1])
        else parts
    )


def scoped(lower: str, at: int) -> str | None:
    """The circumstance named in the clause from a position on ("when travelling for work"), if one is."""
    match = _SCOPE.search(lower, max(0, at))
    return match.group(1)[:80] if match else None
