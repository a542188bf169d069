"""Where in her script to meet a persona for a few turns: requests are rare, and so they are sought out."""

import random
from collections.abc import Sequence

from personalagent.simulation.persona import Persona
from personalagent.simulation.scripted import script

TIMES = 2
"""So many places for each request."""


def places(persona: Persona, turns: int, seed: int) -> list[int]:
    """The numbers of the messages from which on to meet her for so many turns, in order, each once.

    For each of her requests with gold needs up to two places that have it among their turns, anywhere; and
    one without, if there is any. They are drawn by persona and seed, which is that of the `ScriptedUser`.
    """
    said, chance = script(persona, seed), random.Random(f"{persona.id}/{turns}/{seed}")
    requests = [number for number, one in enumerate(said) if one.needs is not None]
    found = set[int]()
    for number in requests:
        near = range(max(0, number - turns + 1), number + 1)
        found.update(chance.sample(near, min(TIMES, len(near))))
    whole = range(max(1, len(said) - turns + 1))
    without = [start for start in whole if not any(start <= one < start + turns for one in requests)]
    found.update(chance.sample(without, min(1, len(without))))
    return sorted(found)


def meetings(everybody: Sequence[Persona], turns: int, seed: int) -> list[tuple[Persona, int]]:
    """Whom to meet, and where, in the order given: all places of those who ask for something, and others.

    Of those who never ask, as many places as of those who do, drawn by the seed, so that more than a third of
    all have a request, however few ask; all of them, if nobody does.
    """
    every = [(one, place) for one in everybody for place in places(one, turns, seed)]
    others = [number for number, (one, _) in enumerate(every) if not one.requests]
    most = len(every) - len(others) or len(others)
    left_out = set(random.Random(seed).sample(others, max(0, len(others) - most)))
    return [met for number, met in enumerate(every) if number not in left_out]
