"""Rows for TRL, of all sources; those of inferences through `inference_prompt` and `write_inference` alone.

SFT: ``prompt`` and ``completion``; DPO: ``prompt``, ``chosen`` and ``rejected``; all as lists of messages.
GRPO takes episodes. Users, not rows, are drawn for what is held out.
"""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from personalagent.corpora import aloe, gold, laps
from personalagent.corpora.gold import GoldOperation, GoldTurn
from personalagent.errors import DataError
from personalagent.policies.notation import write_inference
from personalagent.policies.prompt import inference_prompt
from personalagent.profile.template import Template
from personalagent.training.config import Source
from personalagent.training.embedded.laps import labelled
from personalagent.training.episodes import (
    Episode,
    Lesson,
    Told,
    corpus_episodes,
    held_out,
    lessons,
    request_lessons,
    windows,
)
from personalagent.training.spoiling import spoiled

Part = Literal["train", "held_out"]
Row = dict[str, list[dict[str, str]]]
_ALOE = "conversations.jsonl"
_LONGEST = 200
"""Characters of a value."""


def episodes(source: Source, part: Part, template: Template, most_turns: int | None = None) -> list[Episode]:
    """The source's dialogues; the project's corpus without the personas that it tests on.

    Raises `DataError`, which names file and line, for what cannot be read, and for a dialogue of more than
    `most_turns` turns, unless the source says `windows` and it can be cut.
    """
    found = _every(source, template)
    if not found:
        raise DataError(f"{source.path}: there is no dialogue in it")
    apart = held_out([one.user for one in found], source.held_out, source.seed)
    chosen = [one for one in found if (one.user in apart) == (part == "held_out")]
    if most_turns is None:
        return chosen[: source.most]
    if source.windows:
        chosen = [piece for one in chosen for piece in _pieces(one, most_turns, template)]
    chosen = chosen[: source.most]
    _check_length(chosen, most_turns)
    return chosen


def sft_rows(source: Source, part: Part, template: Template) -> list[Row]:
    """Prompts and what is right: the gold inference after the gold profile, or the preferred reply.

    The corpus's requests are among them, for what a request needs is told by nothing else.
    """
    if source.what == "replies":
        return [{"prompt": p, "completion": _said(good)} for p, good, _ in _replies(source, part)]
    taught = [lesson for lesson, _ in _lessons(source, part, template)]
    if source.kind == "corpus":
        taught += _requests(source, part, template)
    return [
        {"prompt": _prompt(lesson, template), "completion": _said(write_inference(lesson.inference))}
        for lesson in taught[: source.most]
    ]


def preference_rows(source: Source, part: Part, template: Template) -> list[Row]:
    """Prompts, the right inference and a spoilt one; or preferred and rejected replies."""
    if source.what == "replies":
        return [
            {"prompt": p, "chosen": _said(good), "rejected": _said(bad)}
            for p, good, bad in _replies(source, part)
        ]
    rng, rows = random.Random(source.seed), []
    for lesson, told in _lessons(source, part, template):
        bad = spoiled(lesson, told, template, rng)
        if bad is not None:
            right, wrong = write_inference(lesson.inference), write_inference(bad)
            rows.append(
                {"prompt": _prompt(lesson, template), "chosen": _said(right), "rejected": _said(wrong)}
            )
    return rows


def _pieces(episode: Episode, most: int, template: Template) -> list[Episode]:
    return [episode] if _in_prose(episode) else windows(episode, most, template)


def _in_prose(episode: Episode) -> bool:
    """Whether its gold cannot be the profile that a piece of it would begin with."""
    return any(isinstance(told, Told) for told in episode.gold)


def _check_length(chosen: Sequence[Episode], most: int) -> None:
    """Raises `DataError`, which names the longest episode, if it has more than `most` turns."""
    long = max(chosen, key=lambda one: len(one.turns), default=None)
    if long and (turns := len(long.turns)) > most:
        other = "for what has gold in prose cannot be cut" if _in_prose(long) else "or windows = true"
        raise DataError(
            f"{long.id} has {turns} turns, more than turns = {most}: set turns = {turns}, {other}"
        )


def _every(source: Source, template: Template) -> list[Episode]:
    if source.kind == "corpus":
        return corpus_episodes(template, "train")
    path = source.path or Path()
    return list(_of_aloe(path) if source.kind == "aloe" else _of_laps(path))


def _of_aloe(path: Path) -> Iterator[Episode]:
    for persona, one in _by_persona(path):
        told = tuple(Told(x.inferred_profile, x.inferred_personality) for x in one.exchanges)
        yield Episode(one.user, persona, one.session.turns, told)


def _by_persona(path: Path) -> Iterator[tuple[str, aloe.GoldConversation]]:
    """The conversations of a file, each with the user of the first one that has the same persona."""
    first: dict[str, str] = {}
    for one in aloe.read(path / _ALOE if path.is_dir() else path):
        persona = f"{one.profile}\n{one.personality}".strip()
        yield first.setdefault(persona or one.user, one.user), one


def _of_laps(path: Path) -> Iterator[Episode]:
    """Sessions whose gold is weak: values that stand in a turn word for word, in a likely slot."""
    files = sorted(path.glob("*_dataset_train.json")) if path.is_dir() else [path]
    if not files:
        raise DataError(f"{path}: there is no *_dataset_train.json in it")
    for session in (one for file in files for one in laps.read(file)):
        told = []
        for example in labelled(session):
            operations = tuple(
                GoldOperation(
                    slots=mark.slots,
                    polarity="neutral" if mark.mark == "retract" else mark.mark,
                    value=example.text[mark.start : mark.end][:_LONGEST],
                    evidence=example.text[mark.start : mark.end][:_LONGEST],
                )
                for mark in example.marks
                if mark.slots
            )
            kind: Literal["new", "none"] = "new" if operations else "none"
            told.append(GoldTurn(user=example.text, classification=kind, operations=operations))
        yield Episode(session.session.id, session.worker, session.session.turns, tuple(told))


def _lessons(source: Source, part: Part, template: Template) -> Iterator[tuple[Lesson, GoldTurn]]:
    number = 0
    for episode in episodes(source.model_copy(update={"most": None}), part, template):
        for lesson, told in zip(lessons(episode, template), episode.gold, strict=True):
            if number == source.most:
                return
            if isinstance(told, GoldTurn):
                number += 1
                yield lesson, told


def _requests(source: Source, part: Part, template: Template) -> Iterator[Lesson]:
    """The requests of the part's personas."""
    users = [one.persona for one in gold.dialogues(None, "train")]
    apart = held_out(users, source.held_out, source.seed)
    every = request_lessons(template, "train")
    return (one for one in every if (one.turn.user in apart) == (part == "held_out"))


def _prompt(lesson: Lesson, template: Template) -> list[dict[str, str]]:
    return inference_prompt(lesson.turn, lesson.profile, template, lesson.turn.at).messages


def _replies(source: Source, part: Part) -> Iterator[tuple[list[dict[str, str]], str, str]]:
    """The conversation up to each reply, as it went, with the preferred and the rejected reply."""
    every = list(_by_persona(source.path or Path()))
    apart = held_out([persona for persona, _ in every], source.held_out, source.seed)
    number = 0
    for one in (one for persona, one in every if (persona in apart) == (part == "held_out")):
        before: list[dict[str, str]] = []
        for exchange in one.exchanges:
            if number == source.most:
                return
            number += 1
            prompt = [*before, {"role": "user", "content": exchange.user}]
            yield prompt, exchange.preferred, exchange.rejected
            before = [*prompt, *_said(exchange.chosen)]


def _said(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]
