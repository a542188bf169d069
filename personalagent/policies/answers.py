"""Reading the answer to a question that the agent has just asked."""

import re
from typing import NamedTuple

from personalagent.profile.preference import Polarity
from personalagent.profile.template import Slot

LONGEST_ANSWER = 25
"""Words; a longer text is read as any other turn."""
_LONGEST_VALUE = 12
"""Words; what is longer is no value, but a story."""

_DECLINED_SAYING = re.compile(
    r"\b(?:rather not|prefer not to|none of your business|not your business|mind your own|no comment"
    r"|(?:don't|do not|won't) (?:want|wish|like|feel like|care) to (?:say|answer|share|tell|talk|discuss"
    r"|go into|disclose)"
    r"|(?:won't|not going to|not gonna) (?:say|answer|share|tell)|that's (?:private|personal)|stop asking"
    r"|quit asking"
    r"|don't ask|(?:skip|ignore) (?:this|that|the|your) (?:question|one)|not comfortable (?:sharing"
    r"|saying|answering))\b"
)
_DECLINED_WHOLE = re.compile(
    r"(?:please )?(?:skip|skip it|skip this|skip that|pass|i(?:'ll)? pass|next|next question|no,? thanks"
    r"|no,? thank you|nah"
    r"|never ?mind|not now|not telling|private|personal|leave it|forget it|just answer|just answer me)"
    r"(?:,? (?:please|thanks|thank you|just \w.*|go ahead.*|let's .*))?"
)
_UNKNOWN = re.compile(
    r"(?:(?:well|h+m+|um+|uh|oh|honestly|actually|sorry|no)[, ]+)*"
    r"(?:(?:i )?(?:really |honestly |actually )*(?:don't|do not|dont|wouldn't|couldn't)(?: really"
    r"| particularly)? "
    r"(?:know|mind|care|say|tell|remember|have (?:a|any|an) (?:strong |particular |real )?(?:preferences?"
    r"|idea|opinions?|clue))"
    r"|(?:i have )?(?:no|not any|zero) (?:\w+ )?(?:idea|clue|preferences?|opinions?)|(?:i'm |i am "
    r"|im )?not (?:really |quite )?sure"
    r"|dunno|i dunno|idk|(?:it )?(?:doesn't|does not|doesnt) (?:really )?matter|(?:it )?(?:all )?depends"
    r"|whatever|anything|any|either|no matter|up to you|your (?:choice|call)|you (?:choose|decide|pick)"
    r"|surprise me"
    r"|hard to say|(?:i(?:'ve)? )?(?:have )?never (?:really )?thought about (?:it|that)|makes no difference)"
    r"(?: (?:is|are|will|would|that|it|about|to|of|either|really|yet|works?|goes|fine|ok|okay|good|for me"
    r"|at all|with me"
    r"|how|what|which|if|me|on|be|do|you|the|your|like|want|think)\b.*)?"
    r"(?:,? (?:sorry|thanks|thank you|tbh|honestly|to be honest|really|i guess))?"
)
_NOTHING = re.compile(
    r"(?:(?:no|nope|nah)[, ]+)?(?:no|none|nope|nah|nothing|not really|not at all|not any"
    r"|i don't(?: have any| think so)?"
    r"|i have none|i'm not|none that i know of|nothing (?:special|in particular|at all|really)|none at all"
    r"|no (?:\w+ )?(?:allergies|restrictions|diet|diets|allergy|intolerances))(?:,? (?:i eat (?:anything"
    r"|everything).*|thanks?|thank you))?"
)
_ONLY_YES = re.compile(
    r"(?:yes|yeah|yep|yup|sure|ok|okay|i do|i am|of course|absolutely|definitely|right|correct|maybe"
    r"|sometimes)"
)
_NOT_AN_ANSWER = re.compile(
    r"(?:just |please |and |so |but |then |ok(?:ay)?,? |well,? |also )*(?:do|does|did|can|could|would"
    r"|will|should|is|are|have you"
    r"|what|what's|which|who|where|when|why|how|give|tell|show|recommend|suggest|find|write|make|help"
    r"|list|explain|translate"
    r"|remember|note|ignore|forget|store|save|let's|i(?:'d| would) like you|i (?:want|need) (?:you|a|an"
    r"|some|the|to know)"
    r"|my (?:friend|brother|sister|wife|husband|mother|father|mom|mum|dad|boss|son|daughter|partner"
    r"|colleague)|he|she|they|we|you)\b"
)
_POLITE = re.compile(
    r"(?:[\s,;.!?:)~-]|\b(?:thanks?(?: a lot| so much)?|thank you(?: so much)?|please|cheers|haha+|lol"
    r"|i (?:guess|think|suppose)|actually"
    r"|really|mostly|mainly|though|tbh|to be honest|for asking|i'd say|as well|too"
    r"|mate)\b|[^\w\s'\"%)\]+#])+\Z"
)
_OPENING = re.compile(
    r"(?:well|um+|uh+|h+m+|oh|yes|yeah|yep|sure|ok|okay|so|actually|honestly|probably|hi|hello|no|nope"
    r"|i think|i guess|i'd say|let me think"
    r"|good question|in general)[\s,.!:-]+"
)
_VERB = re.compile(
    r"(?:(?P<like>i(?:'m| am)?(?: \w+ly| also| usually| always)? (?:like|love|enjoy|adore|prefer|into"
    r"|fond of))"
    r"|(?P<dislike>i(?: really| absolutely)? (?:hate|dislike|can't stand|don't (?:really )?(?:like|enjoy)))"
    r"|(?P<avoid>i(?: usually| always| try to| tend to)? (?:avoid|don't eat|don't drink|can't eat"
    r"|never eat|am allergic to)"
    r"|i'm allergic to)"
    r"|i'm(?: in| from| an?)?|i am(?: in| from| an?)?|im|it's|it is|that's|that would be|they're|they are"
    r"|there's|i've(?: got)?"
    r"|i (?:usually |mostly |mainly |currently |also )*(?:have|use|live in|eat|follow|work as|work in"
    r"|speak|own|drive|play|watch|read|do|go for"
    r"|listen to|wear|keep)(?: an?)?|my [a-z]+(?: [a-z]+)? (?:is|are))\s+",
)
_FEARED = re.compile(r"\.(?:allergy|avoid\w*|aversion|exclusion|reaction|sensitivity|skimp)$")
_DISLIKED = re.compile(r"\.(?:dislike\w*|peeve|discomfort|fear)$")
_SEPARATOR = re.compile(r"\s*,\s*(?:and\s+)?|\s*;\s*|\s+and\s+|\s*&\s*")
_LONGEST_ITEM = 5
_ABSENCE = re.compile(
    r"\b(?:do you have|is there|are there|any|do you follow|have you got|do you take)\b", re.IGNORECASE
)


class Answer(NamedTuple):
    """A value read from an answer, and where it stands in it."""

    value: str
    polarity: Polarity
    start: int
    end: int


def declined(text: str) -> bool:
    """Whether the text refuses to answer ("skip", "I'd rather not say"); long texts never do."""
    plain = _plain(text)
    if not plain or len(plain.split()) > LONGEST_ANSWER:
        return False
    return bool(_DECLINED_SAYING.search(plain) or _DECLINED_WHOLE.fullmatch(plain))


def unknown(text: str) -> bool:
    """Whether the text says that there is no answer ("no idea", "doesn't matter"); long texts never do."""
    plain = _plain(text)
    if not plain or len(plain.split()) > LONGEST_ANSWER:
        return False
    return _UNKNOWN.fullmatch(plain) is not None


def answers(text: str, slot: Slot) -> tuple[Answer, ...]:
    """The values that a short answer gives for the slot that was asked about; none if it gives none.

    `text` is one sentence of the user's; offsets are into it. "No" means the value "none" where the
    question asks whether there is anything.
    """
    lower = text.replace("’", "'").casefold()
    if len(lower) != len(text) or not re.search(r"[^\W_]", text) or "?" in text:
        return ()
    plain = _plain(text)
    start, end = len(text) - len(text.lstrip()), len(text.rstrip())
    if len(plain.split()) > LONGEST_ANSWER or declined(text) or unknown(text) or _ONLY_YES.fullmatch(plain):
        return ()
    if _NOTHING.fullmatch(plain):
        return (Answer("none", "neutral", start, end),) if _asks_for_any(slot) else ()
    if _NOT_AN_ANSWER.match(lower, start):
        return ()
    while opening := _OPENING.match(lower, start):
        start = opening.end()
    verb = _VERB.match(lower, start)
    start = verb.end() if verb else start
    polite = _POLITE.search(lower, start, end)
    end = polite.start() if polite else end
    polarity = _polarity(verb, slot)
    spans = _pieces(lower, start, end) if slot.kind == "many" else [(start, end)]
    return tuple(
        Answer(" ".join(text[a:b].split()), polarity, a, b)
        for a, b in spans
        if 0 < len(text[a:b].split()) <= _LONGEST_VALUE and re.search(r"[^\W_]", text[a:b]) and b - a <= 200
    )


def _plain(text: str) -> str:
    return re.sub(r"[\s.!,;:…]+\Z", "", " ".join(text.replace("’", "'").casefold().split()))


def _asks_for_any(slot: Slot) -> bool:
    return slot.id.endswith((".restriction", ".allergy")) or bool(_ABSENCE.search(slot.question))


def _polarity(verb: re.Match[str] | None, slot: Slot) -> Polarity:
    if _FEARED.search(slot.id):
        return "avoid"
    if _DISLIKED.search(slot.id):
        return "dislike"
    if verb is not None:
        said: dict[str, Polarity] = {"like": "like", "dislike": "dislike", "avoid": "avoid"}
        for name, polarity in said.items():
            if verb[name]:
                return polarity
    return "neutral"


def _pieces(lower: str, start: int, end: int) -> list[tuple[int, int]]:
    """Where the items of "peanuts, soy and shellfish" stand; the whole if it is no list."""
    pieces: list[tuple[int, int]] = []
    at = start
    for cut in _SEPARATOR.finditer(lower, start, end):
        pieces.append((at, cut.start()))
        at = cut.end()
    pieces.append((at, end))
    pieces = [(a, b) for a, b in pieces if lower[a:b].strip()]
    return pieces if all(len(lower[a:b].split()) <= _LONGEST_ITEM for a, b in pieces) else [(start, end)]
