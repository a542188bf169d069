"""The tiny Qwen3: what it is taught is what serving asks for and reads, and it can learn it."""

import itertools
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from personalagent.policies.notation import blocks, parse_inference  # noqa: E402
from personalagent.policies.policy import Failure  # noqa: E402
from personalagent.profile.template import load_template  # noqa: E402
from personalagent.training.tiny import END, IGNORED, Row, _batch, fit, network, rows, tokenizer_of  # noqa: E402

pytestmark = pytest.mark.training


@pytest.fixture(scope="module")
def taught() -> list[Row]:
    return rows(load_template(), "dev", most=24)


def test_every_completion_can_be_read(taught: list[Row]) -> None:
    for row in taught:
        assert row.completion.endswith(END)
        assert not isinstance(parse_inference(row.completion.removesuffix(END)), Failure)
        assert set(blocks(row.completion)) == {
            "inferred_profile",
            "inferred_personality",
            "classification",
            "needs",
        }


def test_the_loss_is_on_completions_only(taught: list[Row]) -> None:
    tokenizer = tokenizer_of([row.prompt + row.completion for row in taught])
    ids, labels = _batch(tokenizer, taught[:4])
    for number, row in enumerate(taught[:4]):
        learnt = ids[number][labels[number] != IGNORED].tolist()
        assert tokenizer.decode(learnt) == row.completion


def test_it_is_rendered_as_the_chat_template_does(taught: list[Row], tmp_path: Path) -> None:
    pytest.importorskip("jinja2")
    tokenizer = tokenizer_of([row.prompt for row in taught])
    parts = taught[0].prompt.split("<|im_start|>")[1:3]
    messages = [
        {"role": role, "content": content.removesuffix("<|im_end|>\n")}
        for role, content in (part.split("\n", 1) for part in parts)
    ]
    rendered = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    assert rendered == taught[0].prompt


def test_it_learns_and_is_saved_as_a_model_that_others_load(taught: list[Row], tmp_path: Path) -> None:
    torch.set_num_threads(1)
    tokenizer = tokenizer_of([row.prompt + row.completion for row in taught])
    model = network(tokenizer, width=64, layers=2)
    first = fit(model, tokenizer, taught[:4], steps=1, batch=4)
    assert fit(model, tokenizer, taught[:4], steps=12, batch=4) < first
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    again = transformers.AutoModelForCausalLM.from_pretrained(tmp_path)
    same = zip(model.state_dict().values(), again.state_dict().values(), strict=True)
    assert all(torch.equal(one, other) for one, other in itertools.islice(same, 5))
