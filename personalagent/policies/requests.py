"""What the user asks of the assistant: requests that depend on tastes, and wishes for how it talks."""

import re

from personalagent.policies.clauses import CODE, plain, sentences

LONGEST_REQUEST = 150
"""Words; a longer text is a task with its material, and no matter of taste."""

WISHES: tuple[tuple[re.Pattern[str], str, str], ...] = tuple(
    (re.compile(regex), slot, value)
    for regex, slot, value in (
        (
            r"\b(?:no|without|don't (?:use|like|want)|do not use|stop (?:using|with)|skip|avoid|drop"
            r"|leave out|cut) (?:any |the |so many |all the )?emojis?\b",
            "emoji",
            "no emojis",
        ),
        (
            r"\b(?:keep|make) (?:your|the|all) (?:answers?|replies|responses|messages"
            r"|explanations)(?: to me)? (?:very |really |as )?(?:short|brief|concise|to the point"
            r"|succinct)\b|\b(?:i (?:prefer|like|want)|please (?:give|use)"
            r"|always give)(?: me)? (?:your )?(?:short|brief|concise|succinct) (?:answers|replies"
            r"|responses)\b|^be (?:brief|concise|succinct)\b",
            "length",
            "short answers",
        ),
        (
            r"\b(?:i (?:prefer|like|want)|please (?:give|use)|always give)(?: me)? (?:long|detailed|thorough"
            r"|in-depth|longer) (?:answers|replies|responses|explanations)\b|\b(?:keep|make) (?:your"
            r"|the) (?:answers?|replies|responses|explanations) (?:more )?(?:long|longer|detailed"
            r"|thorough)\b",
            "length",
            "detailed answers",
        ),
        (
            r"\b(?:don't|do not|no need to) (?:sugar-?coat|beat around the bush)\b|^be (?:blunt|direct"
            r"|brutally honest|straight(?:forward)?)(?: with me)?\b",
            "directness",
            "blunt",
        ),
        (
            r"\b(?:no|without|avoid|skip|don't use|stop using) (?:any |the "
            r"|so much )?(?:technical )?jargon\b|\b(?:use|speak|talk|answer|explain things"
            r"|reply) (?:to me )?(?:in )?(?:plain|simple) (?:language|english|words)\b"
            r"|\bexplain (?:things|everything) in (?:simple|layman's) (?:terms|words)\b",
            "wording",
            "plain language",
        ),
        (
            r"\b(?:always |please )?(?:use|answer (?:me )?in|reply in|give me|i (?:prefer"
            r"|like)) (?:answers in |answers with )?bullet points\b(?! for)",
            "format",
            "bullet points",
        ),
        (
            r"\b(?:no|stop (?:making|with)|skip|don't make|without) (?:the |any |all the )?jokes\b"
            r"|\bdon't joke\b",
            "humor",
            "no jokes",
        ),
        (
            r"\b(?:keep|make) (?:your|the) (?:answers|replies|tone|responses) (?:more )?(?P<v>casual|formal"
            r"|friendly|professional)\b|\b(?:talk|speak|write) to me (?:in a )?(?:more )?(?P<w>casual"
            r"|formal|friendly|professional)(?:ly)?\b",
            "tone",
            "",
        ),
    )
)
"""Wishes for all replies: pattern, slot of personality.communication, value (empty: as said)."""

_TEXT_WORK = re.compile(
    r"\b(?:translate|translation|proof-?read|paraphrase|rephrase|rewrite|summari[sz]e|spell(?:ing)?"
    r"|grammar|grammatically|debug|refactor|compile|regex|sql|javascript"
    r"|typescript|stack trace|error message|exception|unit tests?|(?:this|following) (?:function|code"
    r"|script|sentence|paragraph|text|error|passage|story|scenario)"
    r"|python (?:code|script|function)|true or false|select (?:one|all)|multiple choice|abstract"
    r"|in (?:french|spanish|german|italian|polish|japanese): )"
)
_FACT = re.compile(
    r"\b(?:what(?:'s| is| are| was| were) (?:the )?(?:capital|population|meaning|definition|difference"
    r"|formula|square root|derivative|boiling point|distance|name of|\w+est\b.*\b(?:in|on|of|ever)"
    r"|ingredients|\d)|what does .{1,60} mean|define|definition of|meaning of|how many|how much is"
    r"|how far|how tall|how old (?:is|was)|how do you spell|what year|when (?:is|was|did|were|does)"
    r"|who (?:is|was|wrote|invented|discovered|won|are|built)|which .{1,60} (?:won|built|did|was|were"
    r"|wrote|invented)|what \w+ did|tell me (?:about|more|the \w+est)|calculate|solve|convert"
    r"|equation|integral"
    r"|explain|why (?:is|are|do|does|did|was|were)|how (?:does|did)|capital of|what happen(?:s|ed)"
    r"|\d+ ?[-+*/x×] ?\d+)"
)
_TASTE = re.compile(
    r"\b(?:recommend\w*|suggest\w*|ideas?|should i|can i|could i|may i|for me|i|i'm|i'd|my|me|best|good"
    r"|great|nice|fun|plan|where|any|favou?rite|tips?|ways?|options?|must|looking for|help|find|pick"
    r"|choose|what to|some|top|healthy|quick|easy|cheap|a|an)\b"
)
_FOR_OTHERS = re.compile(
    r"\b(?:write|draft|compose|send|reply|respond|prepare|word)\b.{0,60}?\b(?:e-?mail|letter|message|note"
    r"|text|reply|complaint|memo|announcement|response|sms|review)\b"
    r"|\b(?:e-?mail|letter|message|note) (?:to|for) (?:my|the|our|a)\b"
)
_REQUEST = re.compile(
    r"\?|^(?:(?:please|hi|hey|hello|ok|okay|so|and|now|then|also|just|well)[\s,]+)*(?:recommend|suggest"
    r"|give|tell|show|help|find|plan|list|make|create|name|pick|choose|propose|book|design"
    r"|organi[sz]e|compare|teach|advise"
    r"|write|draft|describe|share|come up with|brainstorm|what|which|where|how|who|any|i need|i want"
    r"|i'd (?:like|love)|i would (?:like|love)|i'm (?:looking|trying|planning|searching|thinking)"
    r"|i am (?:looking|trying|planning|searching)|looking for|need|can|could|would|should|let's"
    r"|got any)\b"
)


def requested(text: str) -> str | None:
    """The part of the text that asks for something one may have tastes about, if there is one."""
    lower = plain(text)
    parts = [lower[start:end].strip() for start, end in sentences(lower)]
    asking = [part for part in parts if _REQUEST.search(part)]
    asked = " ".join(asking)
    if not asked or len(lower.split()) > LONGEST_REQUEST or CODE.search(asked) or not _TASTE.search(asked):
        return None
    if _TEXT_WORK.search(asked) or _FOR_OTHERS.search(asked):
        return None
    personal = re.search(r"\b(?:recommend\w*|suggest\w*|should i|for me)\b", asked)
    return asked if personal or not _FACT.search(asked) else None
