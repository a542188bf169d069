"""Is the profile enough for this request? Pure code over needs and profile (paper, sec. 3.1 (2))."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Literal

from personalagent.dialogue import Frozen
from personalagent.profile.evidence import SpecialCategories
from personalagent.profile.history import Held
from personalagent.profile.preference import Need, normalise
from personalagent.profile.profile import Profile, confidence, freshness
from personalagent.profile.template import Template

DECIDING = 0.7
"""A need of at least this weight is worth a question, unless the policy says otherwise."""
ENOUGH = 0.5
"""A known need of at least this weight is enough to answer by."""
SURE = 0.2
"""A value whose decayed confidence is below this does not count as known, nor as settling anything."""
FRESH = 0.25
"""A doubtful value goes to a reply as long as it has this share of its confidence left."""
STANDING = "personality.communication."
"""Slots about the replies themselves: every request depends on them."""

_CONTENT_WORD = 5
"""Letters; shorter words match by accident."""


class Sufficiency(Frozen):
    """What a request needs, what of it is known, and what follows."""

    needs: tuple[Need, ...] = ()
    known: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    settled: tuple[str, ...] = ()
    decision: Literal["respond", "clarify"] = "respond"
    ask: str | None = None


def check(
    needs: Sequence[Need],
    profile: Profile,
    template: Template,
    *,
    request: str = "",
    related: Sequence[Held] = (),
    deciding: float = DECIDING,
    budget: int = 1,
    special: SpecialCategories = "stated",
    unasked: Collection[str] = (),
    now: datetime | None = None,
) -> Sufficiency:
    """Decide between answering and asking.

    It asks if `budget` allows another question, a slot whose weight is at least `deciding` is unknown, and
    nothing is known to answer by: neither a need of some weight, nor a value that the request itself
    names, nor one that settles it in the eyes of an index (`related`). Then it asks one question, about
    the weightiest such slot, and never about a slot that was asked about before, whatever became of that
    question. Where special categories are never stored, they are not asked for either, nor are slots in
    `unasked`.
    """
    ranked = sorted(needs, key=lambda need: (-need.weight, need.slot))
    known = tuple(n.slot for n in ranked if _is_known(n.slot, profile, template, now))
    unknown = [n for n in ranked if n.slot not in known]
    settled = tuple(n.slot for n in unknown if n.slot in profile.questions)
    weighty = any(n.weight >= ENOUGH and n.slot in known for n in ranked)
    settling = (*related, *_named(request, profile))
    enough = weighty or any(_sure(held, template, now) for held in settling)
    askable = [
        n.slot
        for n in unknown
        if n.weight >= deciding
        and n.slot not in settled
        and n.slot not in unasked
        and _may_be_stored(n.slot, template, special)
    ]
    ask = askable[0] if askable and budget > 0 and not enough else None
    return Sufficiency(
        needs=tuple(ranked),
        known=known,
        missing=tuple(n.slot for n in unknown if n.slot not in settled),
        settled=settled,
        decision="clarify" if ask else "respond",
        ask=ask,
    )


def relevant(
    request: str,
    sufficiency: Sufficiency,
    profile: Profile,
    template: Template,
    *,
    related: Sequence[Held] = (),
    now: datetime | None = None,
) -> tuple[Held, ...]:
    """The preferences {p in P} that the request depends on, and no others, weightiest need first.

    These are the values of its needs, how the user wants to be answered, and, if it has needs at
    all, values that it names itself and those of `related`, which the index finds to bear on it: a fact
    or a translation is not bent to a taste that it mentions. Doubtful values are among them, for a reply
    can make little of one; but how the user wants to be answered must be known, since it goes with every
    reply. What is long past is not among them.
    """
    needed = [held for need in sufficiency.needs for held in profile.current.get(need.slot, ())]
    standing = [h for slot in profile.current if slot.startswith(STANDING) for h in profile.current[slot]]
    beyond = [*related, *_named(request, profile)] if sufficiency.needs else []
    return tuple(
        held
        for held in dict.fromkeys((*needed, *standing, *beyond))
        if _sure(held, template, now)
        or (not held.preference.slot.startswith(STANDING) and freshness(held, template, now) >= FRESH)
    )


def doubtful(held: Held) -> bool:
    """Whether the value was never said so clearly as to count as known."""
    return held.preference.confidence < SURE


def _named(request: str, profile: Profile) -> list[Held]:
    """The values of which the request itself has a word."""
    words = _content_words(request)
    every = [held for current in profile.current.values() for held in current] if words else []
    return [
        held
        for held in every
        if not held.preference.slot.startswith(STANDING) and words & _content_words(held.preference.value)
    ]


def _sure(held: Held, template: Template, now: datetime | None) -> bool:
    return confidence(held, template, now) >= SURE


def _content_words(text: str) -> set[str]:
    return {word for word in normalise(text).split() if len(word) >= _CONTENT_WORD}


def _may_be_stored(slot_id: str, template: Template, special: SpecialCategories) -> bool:
    slot = template.slot(slot_id)
    return slot is not None and (special == "stated" or slot.sensitivity != "special")


def _is_known(slot: str, profile: Profile, template: Template, now: datetime | None) -> bool:
    return any(_sure(held, template, now) for held in profile.current.get(slot, ()))
