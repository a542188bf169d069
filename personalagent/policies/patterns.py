"""What people say when they state something lasting about themselves: a table of patterns.

Every pattern is matched at the start of a clause (see `clauses`), which is in lower case. Its group
``v`` is the value. Alternatives within a pattern are ordered from long to short.
"""

import re
from typing import NamedTuple

from personalagent.profile.preference import Action, Polarity


class Pattern(NamedTuple):
    """A way of stating something, and what it says."""

    regex: re.Pattern[str]
    polarity: Polarity = "neutral"
    action: Action = "assert"
    strength: float = 0.6
    slot: str = ""
    """The slot that the words fix; empty: found by the index from value and clause."""
    confidence: float = 0.85
    lasting: bool = False
    """Holds although the clause speaks of a time ("I moved to Oslo last year")."""
    needs: float = 0.0
    """The index score that the slot must reach; 0: an open slot takes what no slot fits."""
    value: str = ""
    """A fixed value, for statements that have none in so many words."""
    greeting: bool = False
    """Counts only right after a greeting."""
    proper: bool = False
    """The value must be written with a capital."""


WHO = (
    r"(?:i|as (?:someone|somebody|a person|one) who|i'm (?:someone|somebody|a person|the (?:type|kind"
    r"|sort) of person) who)"
)
ADV = (
    r"(?:really|absolutely|truly|just|also|still|do|always|usually|generally|typically|normally|mostly"
    r"|often|particularly|especially|personally"
    r"|genuinely|definitely|strongly|totally|actually|honestly|quite|rather|strictly|completely|much"
    r"|greatly|simply|kind of|sort of|sometimes"
    r"|in general|tend to|tends to|have always|'ve always|most of the time|deeply|very much|thoroughly"
    r"|now|currently|mainly|primarily|basically)"
)
I_DO = rf"{WHO}(?:'ve| have)?(?:,? {ADV})*,? "
AM = rf"(?:i'm|i am|im|i've (?:always )?been|i have (?:always )?been)(?: {ADV})* "
VALUE = r"(?P<v>\S.*)"
HARD = r"(?:very |really |quite |rather |pretty |extremely |so |super |strictly |fully |a |an |the )*"


def pattern(
    regex: str,
    polarity: Polarity = "neutral",
    *,
    action: Action = "assert",
    strength: float = 0.6,
    slot: str = "",
    confidence: float = 0.85,
    lasting: bool = False,
    needs: float = 0.0,
    value: str = "",
    proper: bool = False,
    greeting: bool = False,
) -> Pattern:
    """A row of the table."""
    return Pattern(
        re.compile(regex),
        polarity,
        action,
        strength,
        slot,
        confidence,
        lasting,
        needs,
        value,
        greeting,
        proper,
    )


CHANGES: tuple[Pattern, ...] = (
    # ends and changes
    pattern(
        rf"{AM}(?:no longer|not) (?:a |an )?(?P<v>.+?)(?: (?:anymore|any more|any longer))", action="retract"
    ),
    pattern(rf"{AM}no longer (?:a |an |into |following |eating |using )?(?P<v>.+)", action="retract"),
    pattern(
        r"i (?:don't|do not) (?:like|love|enjoy|eat|drink|use|own|have|work as|work at|work for"
        r"|live in|play|do|follow|care for)? ?(?:a |an |the )?(?P<v>.+?) (?:anymore|any more|any longer)",
        action="retract",
    ),
    pattern(
        r"i no longer (?:like|love|enjoy|eat|drink|use|own|have|work as|work at|work for|live in|play"
        r"|follow|avoid|hate|dislike|need|drive|do) (?:a |an |the )?(?P<v>.+)",
        action="retract",
    ),
    pattern(
        r"i(?:'ve| have)? (?:stopped|quit|given up|gave up) (?:being |eating |drinking |using "
        r"|following |playing |avoiding |doing |learning |going |watching )?(?:a |an |the |my )?(?P<v>.+)",
        action="retract",
        lasting=True,
    ),
    pattern(
        r"i (?:used to|once) (?:be|like|love|enjoy|eat|drink|use|own|have|work as|live in|play|follow"
        r"|hate|avoid) (?:a |an |the |in )?(?P<v>.+)",
        action="retract",
        lasting=True,
    ),
    pattern(
        r"i(?:'ve| have)? (?:recently |just |finally )?(?:switched|changed|moved|went"
        r"|gone) (?:over )?from (?:a |an |being |my |the )?(?P<old>.+?) to (?:a |an |being |my "
        r"|the )?(?P<v>.+)",
        lasting=True,
        needs=3.0,
        strength=0.7,
    ),
    pattern(
        r"i(?:'ve| have)? (?:recently |just |finally )?(?:switched|changed"
        r"|converted) (?:over )?to (?:a |an |using |my |the )?(?P<v>.+)",
        lasting=True,
        needs=3.0,
    ),
    pattern(
        r"i(?:'ve| have)? (?:recently |just |finally )?(?:sold|got rid of|gave away|ditched"
        r"|left) my (?P<v>.+)",
        action="retract",
        lasting=True,
    ),
)
"""Ends of what held before, and changes from one thing to another."""
