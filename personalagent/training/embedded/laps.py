"""Labels for LAPS: its values stand by session, so they are found again in the session's user turns."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from personalagent.corpora import laps
from personalagent.dialogue import Turn
from personalagent.policies.tags import Mark
from personalagent.profile.evidence import locate
from personalagent.profile.preference import normalise
from personalagent.training.embedded.examples import Example, Marked, of_turn

_NEAR = 0.75
"""Token F1 from which a stretch of words is taken to be the value in other words."""
_WORD = re.compile(r"[^\W_]+")


def examples(folder: Path) -> list[Example]:
    """The user turns of LAPS train, with the values that can be found in them. Raises `DataError`."""
    found: list[Example] = []
    for topic in ("recipe", "movie"):
        for session in laps.read(folder / f"{topic}_dataset_train.json"):
            found += labelled(session)
    return found


def labelled(session: laps.GoldSession) -> Iterator[Example]:
    turns = session.session.turns
    marks: list[list[Marked]] = [[] for _ in turns]
    unsure: list[list[tuple[int, int]]] = [[] for _ in turns]
    for key, value in sorted(session.values, key=lambda pair: -len(pair[1])):
        places = _places(value, turns)
        for rank, (place, span) in enumerate(places):
            if any(span[0] < m.end and m.start < span[1] for m in marks[place]):
                continue
            if rank == 0:
                marks[place].append(Marked(*span, mark_of(key), laps.KEYS.get(key, ())))
            else:
                unsure[place].append(span)
    for turn, found, doubtful in zip(turns, marks, unsure, strict=True):
        made = of_turn(turn, tuple(sorted(found, key=lambda m: m.start)), "laps")
        yield Example(made.text, made.replying_to, made.marks, tuple(doubtful), source="laps")


def mark_of(key: str) -> Mark:
    """The polarity that a key of LAPS implies."""
    if key.endswith("_dislike"):
        return "dislike"
    if key in ("allergies", "content_restrictions"):
        return "avoid"
    return "like" if key.endswith("_like") or key == "frequently_watched" else "neutral"


def _places(value: str, turns: Sequence[Turn]) -> list[tuple[int, tuple[int, int]]]:
    """Where the value stands: word for word in every turn, else the one stretch that is nearest to it."""
    exact = [
        (n, span)
        for n, turn in enumerate(turns)
        for span in locate(value, turn.text)
        if _is_whole(span, turn.text)
    ]
    if exact:
        return exact
    wanted = normalise(value).split()
    scored = [(_nearest(wanted, turn.text), n) for n, turn in enumerate(turns)]
    (score, start, end), place = max(scored, default=((0.0, 0, 0), 0))
    return [(place, (start, end))] if score >= _NEAR else []


def _is_whole(span: tuple[int, int], text: str) -> bool:
    before, after = text[: span[0]][-1:], text[span[1] : span[1] + 1]
    return not (before.isalnum() or after.isalnum())


def _nearest(wanted: Sequence[str], text: str) -> tuple[float, int, int]:
    """The stretch of words with the best token F1 to the wanted words: (F1, start, end)."""
    words = [(m.group().casefold(), m.start(), m.end()) for m in _WORD.finditer(text)]
    target, best = set(wanted), (0.0, 0, 0)
    for size in range(max(1, len(wanted) - 1), len(wanted) + 3):
        for at in range(len(words) - size + 1):
            piece = {word for word, _, _ in words[at : at + size]}
            score = 2 * len(piece & target) / (len(piece) + len(target))
            if score > best[0]:
                best = (score, words[at][1], words[at + size - 1][2])
    return best
