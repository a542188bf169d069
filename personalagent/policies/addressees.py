"""Whom a requested text is for: the user, or somebody else who will read or hear it."""

import re

from personalagent.policies.clauses import plain

_ROLE = (
    r"(?:boss|manager|supervisor|employer|employees?|staff"
    r"|hr|colleagues?|co-?workers?|team(?:mates?)?|clients?"
    r"|customers?|recruiter|interviewers?|landlord|landlady"
    r"|tenants?|neighbou?rs?|flatmates?|room-?mates?|housemates?"
    r"|wife|husband|partner|spouse|fianc[eé]e?|girlfriend"
    r"|boyfriend|ex|crush|date|match|mum|mom|mam|dad|mother|father"
    r"|parents?|sisters?|brothers?|siblings?|sons?|daughters?"
    r"|child(?:ren)?|kids?|gran(?:dma|dpa|ny|ddad|dmother|dfather"
    r"|dson|ddaughter)?|nan|aunt(?:ie)?|uncle|cousins?|nieces?"
    r"|nephews?|in-laws|relatives|friends?|mates?|buddy|bestie"
    r"|pals?|guests?|host|teachers?|tutor|professor|lecturer"
    r"|principal|head(?:teacher|master|mistress)?|coach|trainer"
    r"|mentor|students?|class(?:mates?)?|doctor|gp|dentist"
    r"|therapist|vet|lawyer|accountant|agent|bank|insurer"
    r"|insurance(?: company)?|airline|hotel|council|school"
    r"|university|supplier|seller|buyer|contractor|plumber"
    r"|support(?: team)?|customer service|company|club"
    r"|group(?: chat)?|congregation|followers|readers|audience"
    r"|subscribers|investors?|committee|editor|babysitter|nanny|carer|priest|pastor)"
)
_PERSON = (
    rf"(?:(?:my|our|the|this|that|his|her|their|a|an)(?: [\w'-]+){{0,2}}? {_ROLE}(?:-in-law)?\b"
    r"|(?:him|her|them)\b)"
)
_WRITE = (
    r"(?:write|writing|draft|compose|word|phrase|rephrase"
    r"|rewrite|polish|proofread|finish|prepare|create|make"
    r"|put together|come up with|turn\b.{1,60}?\binto|help me with|i need|give me)"
)
_KIND = (
    r"(?:e-?mails?|(?:cover |covering |love |formal "
    r"|resignation )?letters?|tweets?|(?:linkedin|facebook|instagram"
    r"|blog|social media|reddit|forum) (?:posts?|articles?"
    r"|captions?|status|updates?)|captions?|bio(?:graphy)?"
    r"|(?:dating|linkedin|tinder|online) (?:profile|summary|bio)|introduction of (?:me"
    r"|myself)|speech(?! therap)|eulogy|obituary|invitations?|out[- ]of[- ]office"
    r"|cv|r[ée]sum[ée]|personal statement|self-introduction"
    r"|press release|newsletter|announcement|memo|complaint"
    r"|apology|refusal|excuse note|sick note|testimonial|reviews? (?:of|for)|advert|classified ad|listing"
    r"|thank[- ]you (?:note|card|message)s?|(?:birthday"
    r"|christmas|wedding|farewell|get[- ]well|condolence|slack"
    r"|whatsapp|text|voice|group) (?:message|card|wish|note)s?|wedding toast|whatsapp|sms"
    r"|presentation introducing me)"
)
_WORDS_FOR = re.compile(
    rf"\b{_WRITE}\b.{{0,60}}?\b{_KIND}\b"
    rf"|\b(?:write|draft|compose|word|phrase)\b.{{0,60}}?\b(?:to|for) {_PERSON}"
    rf"|\b(?:message|note|text|card|reply|letter|e-?mail|poem|toast|speech|post) (?:to|for) {_PERSON}"
    rf"|\b(?:text|message|something|note|lines?|words) (?:that "
    rf"|which )?(?:i can|to) (?:send|say to|tell|give)\b"
    rf"|\b(?:message|text|e-?mail|dm|send|tell|remind|inform"
    rf"|notify|thank|congratulate|invite|answer) {_PERSON}"
    rf"|\bsend (?:it|this|that) to {_PERSON}"
    r"|\bcaption for (?:this|my|the) (?:photo|picture|post|video)"
    rf"|\blet {_PERSON} know\b"
    rf"|\b(?:reply|respond|answer|write back|apologi[sz]e|explain this) to {_PERSON}"
    rf"|\bwhat (?:should|can|could|do|shall) i (?:say|write|tell|reply|answer)\b.{{0,40}}?\b{_PERSON}"
    rf"|\bhow (?:should|can|could|do|shall) i (?:say|tell|write|reply|break it)\b.{{0,40}}?\b{_PERSON}"
)
_NAMED = re.compile(
    r"\b(?:[Rr]eply|[Rr]espond|[Ww]rite(?: back)?|[Aa]pologi[sz]e|[Mm]essage) to [A-Z][a-z]+\b"
    r"|(?:\A|[.!?] |[Pp]lease |you )(?:[Tt]ell|[Tt]ext|[Ee]-?mail|[Mm]essage) [A-Z][a-z]+\b"
)
_ABOUT_THEM = re.compile(
    rf"\b(?:tell|give|send|show) me\b|\b(?:i|i have|i've) (?:told|asked|said to|invited|texted) {_PERSON}"
)
_HERSELF = re.compile(r"\b(?:to|for) (?:self|myself|me to read|my (?:own|diary|journal|notebook|eyes))\b")


def for_others(text: str) -> bool:
    """Whether the text asks for words that somebody else is to read or hear: an e-mail, a post, a speech.

    A guess by patterns, in English: see `tests/policies/test_addressees.py` for what it tells apart.
    """
    lower = plain(text)
    if _HERSELF.search(lower):
        return False
    return bool(_WORDS_FOR.search(_ABOUT_THEM.sub(" ", lower)) or _NAMED.search(text))
