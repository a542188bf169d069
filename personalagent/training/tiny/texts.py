"""Lessons as text: the prompt as serving writes it, as the chat template renders it, and the right reply."""

import hashlib
import json
import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from personalagent.policies.notation import write_inference
from personalagent.policies.prompt import INSTRUCTIONS, inference_prompt
from personalagent.profile.template import load_template
from personalagent.training.episodes import Lesson
from personalagent.training.tiny.lessons import Taught
from personalagent.training.tiny.tokenizer import END, START

PROCESSES = 2
_SHARE = 64


class Text(NamedTuple):
    """A prompt up to where the reply begins, and the reply with its end."""

    source: str
    prompt: str
    completion: str


def rendered(messages: Sequence[dict[str, str]]) -> str:
    """The messages as the tokenizer's chat template renders them, up to where the reply begins."""
    said = "".join(f"{START}{one['role']}\n{one['content']}{END}\n" for one in messages)
    return f"{said}{START}assistant\n"


def text_of(source: str, lesson: Lesson) -> Text:
    """A lesson over the shipped template as text."""
    prompt = inference_prompt(lesson.turn, lesson.profile, load_template(), lesson.turn.at)
    return Text(source, rendered(prompt.messages), write_inference(lesson.inference) + END)


def texts(taught: Sequence[Taught], folder: Path, advance: Callable[[int], None]) -> list[Text]:
    """The lessons as texts; kept in the folder for the next time, for shortlisting takes minutes."""
    kept = folder / f"texts-{_print(taught)}.jsonl"
    found = list(_read(kept)) if kept.is_file() else []
    if not found:
        with multiprocessing.get_context("spawn").Pool(PROCESSES) as pool:
            for text in pool.imap(_text, taught, chunksize=_SHARE):
                found.append(text)
                advance(len(found))
        _write(kept, found)
    return found


def _print(taught: Sequence[Taught]) -> str:
    """16 hex digits that are the same for the same lessons, instructions and template."""
    digest = hashlib.sha256("\n".join((INSTRUCTIONS, *load_template().slots)).encode())
    for source, (turn, profile, inference) in taught:
        held = [entry.key for entry in profile.entries]
        digest.update(json.dumps([source, turn.key, turn.replying_to, held]).encode())
        digest.update(inference.model_dump_json().encode())
    return digest.hexdigest()[:16]


def _text(taught: Taught) -> Text:
    return text_of(taught.source, taught.lesson)


def _read(path: Path) -> Iterator[Text]:
    for line in path.read_text(encoding="utf-8").splitlines():
        yield Text(*json.loads(line))


def _write(path: Path, found: Iterable[Text]) -> None:
    """Whole or not at all."""
    part = path.with_suffix(".part")
    part.write_text("".join(json.dumps(text) + "\n" for text in found), encoding="utf-8")
    part.replace(path)
