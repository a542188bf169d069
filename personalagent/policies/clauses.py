"""Cutting a user's message into the clauses in which she may state something lasting about herself."""

import re
from itertools import pairwise
from typing import NamedTuple

from personalagent.profile.evidence import foreign_spans

LONGEST_READ = 12_000
"""Characters of a message that are read, half from either end; a longer one is a pasted document."""


class Clause(NamedTuple):
    """A clause of the user's own words.

    `text` is lower case with straight apostrophes and, where the clause shares the "I" of the one
    before it, starts with that "I". ``offset + position in text`` is the place in the message.
    """

    text: str
    offset: int
    start: int
    end: int
    passing: bool
    before: str


_QUOTES = {0x2018: "'", 0x2019: "'", 0x02BC: "'"}
_SENTENCE = re.compile(
    r"(?:(?<!\be\.g)(?<!\bi\.e)(?<!\bdr)(?<!\bmr)(?<!\bmrs)(?<!\bst)"
    r"(?<!\bvs)(?<![.!?…])[.!?…]+[\"')\]]*(?=\s|\Z))|\n+|;\s|\s[-–—]{1,3}\s|—"
)
_SUBJECT = (
    r"(?:i|i'm|i've|i'd|i'll|im|my|we|we're|he|he's|she|she's|they|they're|you|it|it's|this|that"
    r"|that's|there|there's)\b"
)
_CUT = re.compile(
    rf"(?<!\s)\s*,\s*(?=(?:and|but|so|or|because|since|as|given|considering|due to|though|although|while"
    rf"|whereas|which|however|yet|if|unless)\b)"
    rf"|(?<!\s)\s*,\s*(?=(?:{_SUBJECT}|do|can|could|would|should|will|what|which|how|where|who|when|why|any"
    rf"|is|are|please|keep|be|don't|no|let's|what's))"
    rf"|(?<!\s)\s+(?=(?:and|but|so|because|since|though|although|while|whereas|plus|as)\s+"
    rf"(?:now\s+)?{_SUBJECT})"
    r"|(?<!\s)\s+(?=(?:and|but)\s+(?:(?:also|never|always|now|\w+ly)\s+)*"
    r"(?:avoid|love|hate|prefer|dislike|enjoy|don't|can't|tend|have|work as|live in|am)\b)"
    r"|(?<!\s)\s*[()\[\]]\s*"
)
_LEAD = re.compile(
    r"(?:[\s,:'\"*•-]+|(?:and|but|so|or|because|since|though|although|while|whereas|plus|however|yet|well"
    r"|yes|yeah|yep|yup|no(?=[,.!])|nope|recently|(?:last|this) (?:year|month|week|spring|summer"
    r"|autumn|fall|winter)"
    r"|oh|ok|okay|hi|hey|hello|hi there|hey there|hello there|thanks|thank you|honestly|actually"
    r"|personally|also|as(?! (?:someone|somebody|one|an?|the|for)\b)|besides|anyway"
    r"|btw|fyi|by the way|to be honest|tbh|if i'm honest|in fact|in general|generally speaking"
    r"|just so you know|for context"
    r"|for the record|unfortunately|sadly|luckily|please|as you know|you see|now|see|especially"
    r"|particularly|given that|seeing that"
    r"|considering that|considering|the thing is|truth is|as for me|for me|speaking of which|for example"
    r"|lastly|first|sure)(?![\w']))+"
)
_SHARED = re.compile(
    r"(?:(?:also|never|always|now|\w+ly)\s+)*"
    r"(?:avoid|love|hate|prefer|dislike|enjoy|don't|can't|tend|have|work as|live in|am)\b"
)
_ASKS = re.compile(
    r"(?:do|does|did|can|could|would|will|should|shall|may|might|is|are|am|was|were|has|have (?:you|i|we"
    r"|any)|what|what's|which|who|who's"
    r"|whose|where|when (?:is|are|was|do|does|did|will|should|can)|why|how|how's|any (?:\w+ )?(?:ideas?"
    r"|suggestions?|tips?|advice|recommend\w*"
    r"|thoughts?|way|chance|good)|got any)\b"
)
_HYPOTHETICAL = re.compile(
    r"(?:if(?! i'm honest| possible| that helps| it helps| that matters| you must| you need to)|imagine"
    r"|suppose|supposing|pretend|let's say"
    r"|say i|what if|assume|assuming|let's pretend|in a world|as if|hypothetically)\b"
)
_REPORTED = re.compile(
    r"\b(?:said|says|say that|told|tells|asked|asks|claims?|claimed|insists?|believes?|thinks|thought"
    r"|wrote|writes|replied|according to"
    r"|quote|quoting|goes like|sings|states|joked|jokes)\b"
)
_MEMORY_ORDER = re.compile(
    r"(?:(?:please|now|also|always|and|you (?:must|should|have to|need to)|i want you to|can you"
    r"|could you|don't forget to|be sure to)[\s,]+)*"
    r"(?:remember|memori[sz]e|note|take note|make a note|keep in mind|bear in mind|store|save|record|log"
    r"|write down|add to|update|set|forget"
    r"|don't forget|never forget|put (?:down|in)|delete|erase|overwrite|change your|treat me as"
    r"|consider me|from now on,? i)\b"
)
_TAKEOVER = re.compile(
    r"\b(?:(?:ignore|disregard|override|forget|bypass) (?:all |any |the |your |my |every "
    r"|of )*(?:previous|prior|above|earlier|system|"
    r"instructions?|rules?|guidelines|prompts?)|system prompt|you are (?:now )?(?:an?|the|my|called"
    r"|going to)\b|act as|roleplay|role-play"
    r"|pretend (?:to be|you|that)|developer mode|your (?:role|persona|task|job) is|take on the role)"
)
_TEXT_TASK = re.compile(
    r"(?:^|[,;]\s*|\b(?:please|can you|could you|would you|will you|help me|help me to|you to|need to"
    r"|want to|need you to|now|just|and|then)\s+)"
    r"(?:re-?write|re-?phrase|paraphrase|proof-?read|translate|summari[sz]e|simplify|shorten|polish|edit"
    r"|grammar check|correct|spell-?check"
    r"|fix (?:the |this |my )?(?:grammar|sentence|text|paragraph|spelling|code)|complete (?:the|this)"
    r"|continue (?:the|this)|fill in|analy[sz]e|classify|extract"
    r"|write(?! down)|draft|compose|generate|improve (?:the|this|my)|convert|debug|refactor|review (?:the"
    r"|this|my)|comment on|respond to|reply to)\b"
    r"|\b(?:is|are) (?:this|these|the following) (?:sentences?|text|paragraph)|\b(?:following"
    r"|below) (?:text|sentence|paragraph|passage|dialogue|story"
    r"|email|letter|summary|abstract|question|conversation)|\bselect one\b|\bmultiple choice\b"
)
_HANDED = re.compile(r":\s+\S|\b(?:following|below) ")
"""What hands a text over in the same breath: "translate this: ..."."""
_LABEL = re.compile(
    r"\s*(?:[\w-]+ ){0,3}(?:transcript|subtitles|captions|text|passage|article|essay|story|script|lyrics"
    r"|abstract|excerpt|paragraph|document|e-?mail|letter|chat ?log|dialogue|conversation|poem)s?:"
    r"\s*\S+(?:\s+\S+){60}"
)
"""What names the kind of a long text that follows: "video transcript: so i said"."""
_PASSING = re.compile(
    r"\b(?:today|tonight|tomorrow|yesterday|this (?:time|trip|week|weekend|morning|afternoon|evening"
    r"|month|one|once|holiday|vacation"
    r"|year|summer|winter|spring|project|event|party|recipe|meal|season)|right now|at the moment|for now"
    r"|for once|just now|just this"
    r"|last (?:night|week|month|year|time)|next (?:week|month|year|weekend|time|trip)|in the mood"
    r"|feel like|feeling like|craving"
    r"|for (?:this|the) (?:trip|party|event|occasion|weekend|meal|project|kids|students|children)"
    r"|for (?:my|our|the|their|her|his) (?:\w+ )?(?:students|patients|kids|children|clients|customers"
    r"|class|classroom|classes|residents|passengers|guests|readers|work|team|party|events?|group)"
    r"|in my (?:teaching|classroom|lessons|class|work|\w+'s)|ago|while i wait|as of today)\b"
)
_SARCASM = re.compile(
    r"\b(?:yeah,? right|as if|oh,? (?:great|sure|joy|wonderful|fantastic|yeah)|said no one"
    r"|because who doesn't|what a surprise|sure,? because"
    r"|just (?:love|adore) (?:it when|when|how|being|waiting|getting|having to)"
    r"|my absolute favou?rite thing: )|/s\b|🙄|\bnot!|😒|🤡"
)
CODE = re.compile(
    r"[{}<>=\\|`$]|\w\(\w*\)|://|\b(?:def|class|import|return|select|function|const|var"
    r"|let) \w+[ (:=]|_\w+_|^\s*(?:#|//|\*\s)|\w\.\w+\("
)


def plain(text: str) -> str:
    """The message in lower case with straight apostrophes and foreign words blanked; offsets stay."""
    head = _ends(text)
    lower = head.translate(_QUOTES).lower()
    if len(lower) != len(head):  # a few capital letters become two characters
        lower = "".join(c.lower() if len(c.lower()) == 1 else c for c in head.translate(_QUOTES))
    for start, end in foreign_spans(text):
        if start < len(lower):
            stop = min(end, len(lower))
            lower = lower[:start] + "\n" * (stop - start) + lower[stop:]
    return lower


def _ends(text: str) -> str:
    """The text with the middle of a very long one blanked: people speak before or after what they paste."""
    if len(text) <= LONGEST_READ:
        return text
    half = LONGEST_READ // 2
    return text[:half] + "\n" * (len(text) - 2 * half) + text[-half:]


def sentences(lower: str) -> list[tuple[int, int]]:
    """Where the sentences stand, their closing marks included."""
    spans: list[tuple[int, int]] = []
    start = 0
    for mark in _SENTENCE.finditer(lower):
        if lower[start : mark.start()].strip():
            spans.append((start, mark.end()))
        start = mark.end()
    if lower[start:].strip():
        spans.append((start, len(lower)))
    return spans


def own_sentences(text: str) -> list[tuple[int, int]]:
    """Where the sentences stand that may be the user speaking of herself, questions among them.

    Left out are code, orders to the assistant's memory or role, and all that follows on a role to be
    played or on a text that is handed over to be worked on, or named as one ("transcript: ...").
    """
    lower = plain(text)
    found: list[tuple[int, int]] = []
    for start, end in sentences(lower):
        sentence = lower[start:end].strip()
        if _TAKEOVER.search(sentence) or _LABEL.match(lower, start):
            break
        handed_over = _TEXT_TASK.search(sentence) and (
            sentence.endswith(":") or lower[end:].startswith("\n") or _HANDED.search(sentence)
        )
        bare = sentence[lead.end() :] if (lead := _LEAD.match(sentence)) else sentence
        if not (CODE.search(sentence) or _MEMORY_ORDER.match(bare)):
            colon = lower.find(":", start, end) if handed_over else -1
            found.append((start, end if colon < 0 else colon))
        if handed_over:
            break
    return found


def clauses(text: str) -> list[Clause]:
    """The clauses of the message that may state something lasting about the user, in order.

    Left out are questions and requests, hypotheses, reported speech, sarcasm, code, orders to the
    memory, and whatever follows on a text that the assistant is to work on, or that is named as one, or on
    a role it is to play.
    """
    lower = plain(text)
    found: list[Clause] = []
    for start, end in sentences(lower):
        sentence = lower[start:end]
        if _LABEL.match(lower, start):
            break
        if _TAKEOVER.search(sentence) or _TEXT_TASK.search(sentence.strip()):
            found += _before_task(lower, start, end)
            break
        if not _skipped(sentence):
            found += _cut(lower, start, end)
    return found


def _before_task(lower: str, start: int, end: int) -> list[Clause]:
    """What a sentence says of the user before it sets a task: "I'm vegan, can you edit my menu?"."""
    if ":" in lower[start:end] or _TAKEOVER.search(lower[start:end]):
        return []
    return [
        c
        for c in _cut(lower, start, end)
        if not _TEXT_TASK.search(c.text) and c.text.startswith(("i'm ", "i am ", "as a"))
    ]


def _skipped(sentence: str) -> bool:
    bare = sentence[lead.end() :] if (lead := _LEAD.match(sentence)) else sentence
    return bool(
        _HYPOTHETICAL.match(bare)
        or _MEMORY_ORDER.match(bare)
        or _REPORTED.search(sentence)
        or _SARCASM.search(sentence)
        or CODE.search(sentence)
    )


def _cut(lower: str, start: int, end: int) -> list[Clause]:
    question = lower[start:end].rstrip(" \"')]").endswith("?")
    bounds = [start, *(start + cut.end() for cut in _CUT.finditer(lower[start:end])), end]
    spans = [(a, b) for a, b in pairwise(bounds) if lower[a:b].strip(" ,.!?;:()[]\n\t")]
    made = [_clause(lower, a, b, lower[max(start, a - 60) : a]) for a, b in spans]
    asking = [bool(_ASKS.match(clause.text)) for clause in made]
    if question and not any(asking) and made:
        asking[-1] = True
    kept: list[Clause] = []
    for number, clause in enumerate(made):
        if asking[number] or _HYPOTHETICAL.match(clause.text):
            continue
        following = made[number + 1].text if number + 1 < len(made) else ""
        if following.startswith(("if ", "unless ")) or (
            number and _joint(made[number - 1], lower[spans[number][0] : clause.start])
        ):
            continue
        passing = clause.passing or (
            number > 0 and len(made[number - 1].text.split()) <= 5 and made[number - 1].passing
        )
        kept.append(clause._replace(passing=passing))
    return kept


def _joint(previous: Clause, lead: str) -> bool:
    """Whether the clause's "I" is only half of its subject: "my wife and I love sushi"."""
    return (
        lead.strip() == "and"
        and len(previous.text.split()) <= 3
        and not re.match(r"(?:i|i'm|i've|im)\b", previous.text)
    )


def _clause(lower: str, start: int, end: int, before: str) -> Clause:
    while end > start and lower[end - 1] in " ,.!?;:…()[]\n\t\"'":
        end -= 1
    body = start + lead.end() if (lead := _LEAD.match(lower[start:end])) else start
    while body < end and lower[body].isspace():
        body += 1
    text, offset = lower[body:end], body
    if (
        _SHARED.match(text)
        and re.search(r"\b(?:i|i'm|i've)\b", before)
        and lower[start:body].strip() in ("and", "but", ", and")
    ):
        text, offset = "i " + text, body - 2
    return Clause(text, offset, body, end, bool(_PASSING.search(lower[start:end])), before)
