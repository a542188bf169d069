"""LAPS: the set of values read in each session against the values that people found in it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from personalagent.corpora import laps
from personalagent.corpora.matching import Scores, Tally, exact_counts, ratio, soft, soft_counts
from personalagent.errors import DataError
from personalagent.evals.metrics import median
from personalagent.evals.reader import Evaluated, read_all
from personalagent.profile.preference import Preference
from personalagent.profile.profile import Profile

SPLITS = ("val", "train")
TOPICS = ("recipe", "movie")


async def run(
    what: Evaluated, folder: Path, split: str, advance: Callable[[int, int], None]
) -> dict[str, Any]:
    """The figures of a split. Raises `DataError` where its files are missing or malformed.

    Values are compared as sets per session: exactly after normalising, and softly by a token F1 of one half
    or more. A user's profile goes on from session to session. `slot_accuracy`: of the values that softly
    meet a gold value, those whose slot is one that the value's key may stand for.
    """
    sessions = [s for topic in TOPICS for s in laps.read(_file(folder, topic, split))]
    exact, near, placed, times = Tally(), Tally(), [0, 0], []
    profiles: dict[str, Profile] = {}
    for number, session in enumerate(sessions):
        stated: list[Preference] = []
        async for read in read_all(what, session.session.turns, profiles.get(session.user)):
            stated += [op.preference for op in read.asserted]
            times.append(read.milliseconds)
            profiles[session.user] = read.profile
        gold = [value for _, value in session.values]
        exact.add(*exact_counts([p.value for p in stated], gold))
        near.add(*soft_counts([p.value for p in stated], gold))
        for preference in stated:
            keys = [key for key, value in session.values if soft(value, preference.value)]
            placed[1] += bool(keys)
            placed[0] += any(preference.slot in laps.KEYS.get(key, ()) for key in keys)
        advance(number + 1, len(sessions))
    return {
        "sessions": len(sessions),
        **_named("exact", exact.scores),
        **_named("soft", near.scores),
        "slot_accuracy": ratio(*placed),
        "ms_per_turn_p50": median(times),
    }


def _file(folder: Path, topic: str, split: str) -> Path:
    path = folder / f"{topic}_dataset_{split}.json"
    if not path.is_file():
        raise DataError(f"{path}: no such file; --data takes the folder of LAPS with its {split} files")
    return path


def _named(name: str, scores: Scores) -> dict[str, float | None]:
    return {
        f"{name}_precision": scores.precision,
        f"{name}_recall": scores.recall,
        f"{name}_f1": scores.f1,
    }
