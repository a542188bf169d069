"""The tiny Qwen3: what it is taught is what serving asks for and reads, and it can learn it."""

import itertools
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from personalagent.policies.notation import BLOCKS, blocks, parse_inference  # noqa: E402
from personalagent.policies.policy import Failure  # noqa: E402
from personalagent.policies.prompt import INSTRUCTIONS, inference_prompt  # noqa: E402
from personalagent.profile.template import load_template  # noqa: E402
from personalagent.training.episodes import request_lessons  # noqa: E402
from personalagent.training.tiny.lessons import dialogue_lessons  # noqa: E402
from personalagent.training.tiny.network import Size, network  # noqa: E402
from personalagent.training.tiny.pretrain import (  # noqa: E402
    Course,
    course_of,
    order,
    pretrain,
    row_of,
    without_slots,
)
from personalagent.training.tiny.texts import Text, text_of  # noqa: E402
from personalagent.training.tiny.tokenizer import END, tokenizer_of, whole_tokens  # noqa: E402

pytestmark = pytest.mark.training
TEMPLATE = load_template()


@pytest.fixture(scope="module")
def texts() -> list[Text]:
    turns = itertools.islice(dialogue_lessons(TEMPLATE, "dev"), 20)
    asked = itertools.islice(request_lessons(TEMPLATE, "dev"), 4)
    return [text_of("dialogues", one) for one in turns] + [text_of("requests", one) for one in asked]


@pytest.fixture(scope="module")
def tokenizer(texts: list[Text]) -> Any:
    return tokenizer_of([one.prompt + one.completion for one in texts], TEMPLATE, 512)


def test_every_completion_can_be_read(texts: list[Text]) -> None:
    for one in texts:
        assert one.completion.endswith(END)
        assert not isinstance(parse_inference(one.completion.removesuffix(END)), Failure)
        assert set(blocks(one.completion)) == set(BLOCKS)


def test_a_prompt_is_what_the_chat_template_makes_of_serving_s(tokenizer: Any) -> None:
    lesson = next(dialogue_lessons(TEMPLATE, "dev"))
    messages = inference_prompt(lesson.turn, lesson.profile, TEMPLATE, lesson.turn.at).messages
    rendered = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    assert text_of("dialogues", lesson).prompt == rendered


def test_nothing_is_lost_in_tokens(texts: list[Text], tokenizer: Any) -> None:
    for one in texts:
        whole = one.prompt + one.completion
        assert tokenizer.decode(tokenizer(whole)["input_ids"]) == whole


def test_what_is_always_the_same_is_one_token(texts: list[Text], tokenizer: Any) -> None:
    assert all(len(tokenizer(text)["input_ids"]) == 1 for text in whole_tokens(TEMPLATE))
    silent = next(one for one in texts if ">none<" in one.completion and one.source == "dialogues")
    assert len(tokenizer(silent.completion)["input_ids"]) == 5
    assert len(tokenizer(silent.prompt)["input_ids"]) < len(INSTRUCTIONS) / 4


def test_the_slots_and_the_instructions_count_nothing_and_the_reply_in_full(
    texts: list[Text], tokenizer: Any
) -> None:
    for one in texts:
        row = row_of(one, tokenizer)
        learnt = [token for token, weight in zip(*row, strict=True) if weight == 1]
        assert tokenizer.decode(learnt) == one.completion
        unseen = [token for token, weight in zip(*row, strict=True) if weight == 0]
        assert one.prompt.startswith(tokenizer.decode(unseen))
        assert row.ids == tokenizer(one.prompt + one.completion)["input_ids"]


def test_the_course_sees_some_sources_more_often_and_is_the_same_each_time(texts: list[Text]) -> None:
    course, lengths = Course(tokens=800), [len(one.prompt) for one in texts]
    batches = order(texts, lengths, 4, course)
    assert batches == order(texts, lengths, 4, course)
    seen = [number for batch in batches for number in batch]
    assert set(seen) == set(range(len(texts)))
    assert (texts[0].source, seen.count(0)) == ("dialogues", 5)
    assert (texts[-1].source, seen.count(len(texts) - 1)) == ("requests", 8)


def test_a_batch_has_room_for_its_rows(texts: list[Text], tokenizer: Any) -> None:
    rows = [row_of(one, tokenizer) for one in texts]
    lengths = [len(row.ids) for row in rows]
    for batch in order(texts, lengths, 1, Course(tokens=500)):
        assert len(batch) == 1 or len(batch) * max(lengths[n] for n in batch) <= 500


def test_short_rows_come_first_and_have_all_but_the_slots(texts: list[Text], tokenizer: Any) -> None:
    batches = course_of(texts, tokenizer, Course(short_epochs=1, epochs=1, tokens=500))
    listed = [any(row.weights[0] == 0 for row in batch) for batch in batches]
    assert listed == sorted(listed)
    assert not listed[0]
    assert listed[-1]
    for one in texts:
        short = without_slots(row_of(one, tokenizer))
        assert one.prompt.endswith(tokenizer.decode(short.ids).removesuffix(one.completion))
        assert "<slots>" not in tokenizer.decode(short.ids)


def test_it_learns_and_a_killed_course_ends_the_same(
    texts: list[Text], tokenizer: Any, tmp_path: Path
) -> None:
    torch.set_num_threads(1)
    course = Course(short_epochs=2, epochs=2, tokens=600, warm_up=2, save_every=5, bf16=False)
    losses: list[float] = []

    def taught(kept: Path, until: int = 10_000) -> Any:
        model = network(tokenizer, Size(64, 2))

        def say(step: int, total: int, loss: float) -> None:
            losses.append(loss)
            if step == until:
                raise KeyboardInterrupt

        pretrain(model, tokenizer, texts, course, kept, say)
        return model

    whole = taught(tmp_path / "whole.pt")
    assert losses[-1] < losses[0]
    with pytest.raises(KeyboardInterrupt):
        taught(tmp_path / "killed.pt", until=8)
    again = taught(tmp_path / "killed.pt")
    for one, other in zip(whole.state_dict().values(), again.state_dict().values(), strict=True):
        assert torch.equal(one, other)


def test_others_load_it(tokenizer: Any, tmp_path: Path) -> None:
    model = network(tokenizer, Size(64, 2))
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    again = transformers.AutoModelForCausalLM.from_pretrained(tmp_path)
    same = zip(model.state_dict().values(), again.state_dict().values(), strict=True)
    assert all(torch.equal(one, other) for one, other in same)
    loaded = transformers.AutoTokenizer.from_pretrained(tmp_path)
    assert loaded(INSTRUCTIONS)["input_ids"] == tokenizer(INSTRUCTIONS)["input_ids"]
    assert loaded.chat_template == tokenizer.chat_template
