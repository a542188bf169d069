"""PrefEval (arXiv 2502.09597), implicit and persona-driven: is the preference found, kept and used?"""

import json
import random
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from personalagent.corpora.corpus import BadRecord, read
from personalagent.corpora.matching import ratio
from personalagent.corpora.messages import history
from personalagent.dialogue import Dialogue, Turn
from personalagent.errors import DataError
from personalagent.evals.decisions import decide
from personalagent.evals.metrics import balanced, median
from personalagent.evals.reader import Evaluated, ReadTurn, read_all
from personalagent.nodes.deciding import Decided
from personalagent.policies.model import Floats, load_model
from personalagent.profile.history import Held
from personalagent.profile.preference import describe
from personalagent.profile.profile import Profile
from personalagent.stores.index import PreferenceIndex

SPLITS = ("all",)
NOISE = (0, 3_000, 10_000)
"""Tokens of irrelevant conversation between the persona's turns and the question."""
CHARACTERS_PER_TOKEN = 4
SAME = 0.6
"""Cosine under MiniLM from which a stored preference is the gold one."""
SEED = 7


class Item(NamedTuple):
    """One record: who reveals a preference, what it is, and the question that depends on it."""

    topic: str
    spoken: Dialogue
    preference: str
    question: str


class Outcome(NamedTuple):
    """What one item came to."""

    profiles: dict[int, Profile]
    held: dict[int, bool]
    verbatim: dict[int, bool]
    own: Decided
    met: bool
    milliseconds: list[float]


async def run(
    what: Evaluated,
    folder: Path,
    split: str,
    advance: Callable[[int, int], None],
    index: PreferenceIndex | None = None,
) -> dict[str, Any]:
    """The figures over all topics in the folder. Raises `DataError` where its files are missing.

    `recall`: items of which some stored preference, as it is shown or by the user's words that back it, has
    a cosine of at least 0.6 with the gold preference under MiniLM. `junk_per_100`: values stored per hundred
    irrelevant user turns. `ask_balanced_accuracy`: over items whose profile holds the preference (answer) and
    over all items with the profile of one of another topic (ask). `relevance`: of the items whose profile
    holds the preference, those whose reply is handed it.
    """
    items, noise = items_of(folder), noise_of(folder)
    total = len(items) + len(noise)
    outcomes: list[Outcome] = []
    for number, item in enumerate(items):
        outcomes.append(await _one(what, index, item, noise, number))
        advance(number + 1, total)
    junk, turns = await _junk(what, noise, lambda n: advance(len(items) + n, total))
    others = random.Random(SEED)
    asks = 0
    for item in items:
        other = others.choice([n for n, one in enumerate(items) if one.topic != item.topic])
        asks += (await decide(what, index, item.question, outcomes[other].profiles[0])).asks
    kept = [one for one in outcomes if one.held[0]]
    answers = sum(not one.own.asks for one in kept)
    size = sum(len(_current(one.profiles[0])) for one in kept)
    return {
        "items": len(items),
        "recall": ratio(sum(one.held[0] for one in outcomes), len(items)),
        **{
            f"recall_{tokens // 1000}k": ratio(sum(one.held[tokens] for one in outcomes), len(items))
            for tokens in NOISE
        },
        "recall_as_shown": ratio(sum(one.verbatim[0] for one in outcomes), len(items)),
        "junk_per_100": None if not turns else 100 * junk / turns,
        "irrelevant_turns": turns,
        "ask_balanced_accuracy": balanced(asks, len(items), answers, len(kept)),
        "ask_recall": ratio(asks, len(items)),
        "answer_recall": ratio(answers, len(kept)),
        "answer_recall_all": ratio(sum(not one.own.asks for one in outcomes), len(items)),
        "relevance": ratio(sum(one.met for one in kept), len(kept)),
        "relevance_all": ratio(sum(one.met for one in outcomes), len(items)),
        "handed_share": ratio(sum(len(one.own.handed) for one in kept), size),
        "ms_per_turn_p50": median([ms for one in outcomes for ms in one.milliseconds]),
    }


async def _one(
    what: Evaluated, index: PreferenceIndex | None, item: Item, noise: Sequence[Dialogue], number: int
) -> Outcome:
    profiles: dict[int, Profile] = {}
    times: list[float] = []
    profile, spent = Profile(), 0
    async for done in read_all(what, item.spoken.turns):
        profile = done.profile
        times.append(done.milliseconds)
    profiles[0] = profile
    at = item.spoken.turns[-1].at
    for turn in _from(noise, number):
        async for done in read_all(
            what, [turn.model_copy(update={"at": at, "user": item.spoken.user})], profile
        ):
            profile = done.profile
        spent += (len(turn.text) + len(turn.reply)) // CHARACTERS_PER_TOKEN
        for tokens in NOISE[1:]:
            if spent >= tokens:
                profiles.setdefault(tokens, profile)
        if spent >= NOISE[-1]:
            break
    for tokens in NOISE:
        profiles.setdefault(tokens, profile)
    own = await decide(what, index, item.question, profiles[0])
    gold = load_model().embed([item.preference])[0]
    return Outcome(
        profiles=profiles,
        held={tokens: any(_same(gold, _current(one))) for tokens, one in profiles.items()},
        verbatim={0: any(_same(gold, _current(profiles[0]), quotes=False))},
        own=own,
        met=any(_same(gold, own.handed)),
        milliseconds=times,
    )


def _same(gold: Floats, held: Sequence[Held], *, quotes: bool = True) -> list[bool]:
    """Which of the preferences are the gold one."""
    if not held:
        return []
    model = load_model()
    shown = model.embed([describe(one.preference) for one in held]) @ gold
    said = model.embed([one.evidence[-1].quote if one.evidence else "" for one in held]) @ gold
    return [bool(max(a, b if quotes else a) >= SAME) for a, b in zip(shown, said, strict=True)]


async def _junk(
    what: Evaluated, noise: Sequence[Dialogue], advance: Callable[[int], None]
) -> tuple[int, int]:
    """Values stored, and user turns, of all irrelevant conversations; each with an empty profile."""
    stored = turns = 0
    for number, dialogue in enumerate(noise):
        done: ReadTurn
        async for done in read_all(what, dialogue.turns):
            stored += len(done.asserted)
            turns += 1
        advance(number + 1)
    return stored, turns


def _current(profile: Profile) -> list[Held]:
    return [one for held in profile.current.values() for one in held]


def _from(noise: Sequence[Dialogue], number: int) -> Iterator[Turn]:
    """The irrelevant turns, beginning with another conversation for every item."""
    for place in range(len(noise)):
        yield from noise[(number + place) % len(noise)].turns


def items_of(folder: Path) -> list[Item]:
    """The persona-driven records of all topics; those without a readable conversation are left out."""
    files = sorted((folder / "implicit_preference" / "persona-driven").glob("*.json"))
    if not files:
        raise DataError(
            f"{folder}: no implicit_preference/persona-driven; --data takes PrefEval's benchmark_dataset"
        )
    items = []
    for path in files:
        records = json.loads(path.read_text(encoding="utf-8"))
        for record, spoken in zip(records, read(path), strict=True):
            if not isinstance(spoken, BadRecord):
                items.append(Item(path.stem, spoken, record["preference"], record["question"]))
    return items


def noise_of(folder: Path) -> list[Dialogue]:
    """The irrelevant conversations that the benchmark inserts."""
    path = folder / "filtered_inter_turns.json"
    try:
        records = json.loads(path.read_text(encoding="utf-8"))
        return [
            history(
                record["conversation"],
                user="noise",
                session=f"noise-{n}",
                at=datetime(2026, 1, 1, tzinfo=UTC),
            )
            for n, record in enumerate(records)
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from error
