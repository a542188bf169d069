"""What is kept from a reply, although the request depends on it: private things, in texts for others."""

from collections.abc import Sequence
from typing import NamedTuple

from personalagent.policies.addressees import for_others
from personalagent.profile.history import Held
from personalagent.profile.preference import Need, normalise
from personalagent.profile.template import Template

OUTWARD = ("demographics.name.", "demographics.gender.pronouns", "personality.communication.")
"""Slots, or beginnings of their ids, that are personal and go into a text to somebody else all the same."""


class Handing(NamedTuple):
    """The preferences that the reply gets, and those that are kept from it."""

    handed: tuple[Held, ...]
    withheld: tuple[Held, ...] = ()


def discreet(request: str, held: Sequence[Held], template: Template) -> Handing:
    """In a request for text to others, private values are withheld, but for those that it names itself."""
    if not for_others(request):
        return Handing(tuple(held))
    said = f" {normalise(request)} "
    kept = [
        h
        for h in held
        if not _private(h.preference.slot, template) or f" {normalise(h.preference.value)} " in said
    ]
    return Handing(tuple(kept), tuple(h for h in held if h not in kept))


def private_slots(needs: Sequence[Need], template: Template) -> frozenset[str]:
    """The slots of the needs that are nobody else's business: not asked about for texts to others."""
    return frozenset(need.slot for need in needs if _private(need.slot, template))


def _private(slot_id: str, template: Template) -> bool:
    """Whether others need not know; so are values whose slot has left the template."""
    slot = template.slot(slot_id)
    if slot is not None and slot.id.startswith(OUTWARD):
        return False
    return slot is None or slot.sensitivity != "plain"
