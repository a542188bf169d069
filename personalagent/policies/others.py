"""Whose trait it is: what a sentence says of somebody else is not stored as the user's own."""

import re

_PEOPLE = (
    r"(?:step|half|grand|great)?-?(?:sister|brother|sibling|mother|mum|mom|mam|father|dad|parent|son|daughter"
    r"|child|kid|boy|girl|baby|toddler|teenager|wife|husband|partner|girlfriend|boyfriend|fiancé|fiance|fiancée|fiancee|ex"
    r"|friend|mate|bestie|buddy|flatmate|roommate|housemate|colleague|coworker|co-worker|neighbour|neighbor|cousin"
    r"|aunt|auntie|uncle|gran|grandma|grandpa|granny|nan|nana|niece|nephew|guest|classmate)"
    r"(?:[- ]in[- ]law)?"
)
_VERB = (
    r"(?:is|are|was|were|has|have|had|isn't|isnt|aren't|doesn't|doesnt|don't|can't|cant|cannot|won't|wont"
    r"|(?:really |only |never |always |also )?(?:likes?|loves?|hates?|eats?|drinks?|prefers?|wants?|lives?"
    r"|works?|plays?|drives?|speaks?|stud(?:y|ies)|reads?|watch(?:es)?|goes|became|turned|went|moved|collects?|swears))"
)
_THEM = rf"(?:my|our|his|her|their|a|the)(?: [\w-]+)? {_PEOPLE}s?(?: (?!and\b)[\w-]+)?"
_ANOTHER = re.compile(rf"\b(?:{_THEM} {_VERB}|(?:he|she)(?: {_VERB}|'s))\b")
_USER = re.compile(r"\b(?:i|i'm|i've|i'd|i'll|im|ive|me|mine|myself|we|we're|we've|us|ours)\b")
_HERS = re.compile(r"\b(?:my|our)\b")
_BREAK = re.compile(r"[,;:.!?(]|\b(?:but|so|because|though)\b")


def names_user(text: str) -> bool:
    """Whether a text (in lower case) names its writer anywhere: I, me, my, we, us, our."""
    return bool(_USER.search(text) or _HERS.search(text))


def of_another(sentence: str, place: int) -> bool:
    """Whether what stands at a place of the sentence (in lower case) is said of somebody else.

    That is so from words such as "my sister is" to the next break, in a sentence in which the user does not
    come in before.
    """
    found = list(_ANOTHER.finditer(sentence, 0, place))
    if not found or _USER.search(sentence, 0, place):
        return False
    return not _BREAK.search(sentence, found[-1].end(), place)
