"""A model that takes no time: Qwen3's architecture, few and random weights, a tokenizer of bytes."""

from collections.abc import Iterable
from itertools import product
from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import GenerationConfig, PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

from personalagent.policies.prompt import INSTRUCTIONS, inference_prompt
from personalagent.profile.profile import Profile
from personalagent.profile.template import Template, load_template
from personalagent.training import sft
from personalagent.training.config import Source, load
from personalagent.training.episodes import lessons
from personalagent.training.rows import Part
from tests.training.dialogues import NOTHING, RIGHT, WRONG, dialogues

END, START, PAD = "<|im_end|>", "<|im_start|>", "<|endoftext|>"
CHAT = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
CORPUS = Source(kind="corpus")
READING: dict[str, Any] = {"max_steps": 40, "save_steps": 40, "batch_size": 20, "micro_batch_size": 20}
SAID = ("i like tea", "no nuts for me", "we moved to Lisbon", "my son is six", "call me Jo")


def tokenizer(whole: Iterable[str] = ()) -> PreTrainedTokenizerFast:
    """One token for each byte, the special ones, and what else is to be one token."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {letter: number for number, letter in enumerate([PAD, START, END, *letters])}
    made = Tokenizer(models.BPE(vocabulary, []))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.add_tokens([AddedToken(text, normalized=False) for text in whole])
    fast = PreTrainedTokenizerFast(
        tokenizer_object=made, eos_token=END, pad_token=PAD, additional_special_tokens=[START]
    )
    fast.chat_template = CHAT
    return fast


def saved_model(folder: Path, seed: int = 1, whole: Iterable[str] = (), spread: float = 0.02) -> Path:
    """The folder, with the model and its tokenizer in it."""
    words = tokenizer(whole)
    config = Qwen3Config(
        vocab_size=len(words),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=16,
        intermediate_size=64,
        max_position_embeddings=1024,
        initializer_range=spread,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=words.eos_token_id,
        pad_token_id=words.pad_token_id,
    )
    torch.manual_seed(seed)
    model = Qwen3ForCausalLM(config)
    model.generation_config = GenerationConfig(
        eos_token_id=words.eos_token_id, pad_token_id=words.pad_token_id
    )
    model.save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


def few_rows(source: Source, part: Part, template: Template) -> list[dict[str, list[dict[str, str]]]]:
    """Rows for SFT: what was said, to be said again."""
    chosen = SAID[:1] if part == "held_out" else SAID
    return [{"prompt": _message("user", text), "completion": _message("assistant", text)} for text in chosen]


def few_pairs(source: Source, part: Part, template: Template) -> list[dict[str, list[dict[str, str]]]]:
    """Rows for DPO: what was said is preferred to what was not."""
    return [
        {
            "prompt": row["prompt"],
            "chosen": row["completion"],
            "rejected": _message("assistant", "nothing"),
        }
        for row in few_rows(source, part, template)
    ]


def half_right(source: Source, part: Part, template: Template) -> list[dict[str, list[dict[str, str]]]]:
    """Rows for SFT: to each turn of the dialogues what is right, and what is not; half of either."""
    if part == "held_out":
        return []
    rows = []
    for one in dialogues():
        for lesson in lessons(one, template):
            right = RIGHT[lesson.turn.text]
            wrong = NOTHING if right != NOTHING else WRONG
            for profile, reply in product((lesson.profile, Profile()), (right, wrong)):
                prompt = inference_prompt(lesson.turn, profile, template).messages
                rows.append({"prompt": prompt, "completion": _message("assistant", reply)})
    return rows


def saved_reader(folder: Path) -> Path:
    """A model that has learnt `half_right`, in a folder; a reply is a token for it."""
    slots = load_template().slots
    start = saved_model(
        folder / "start", whole=[INSTRUCTIONS, *slots, *RIGHT, *RIGHT.values(), WRONG], spread=0.2
    )
    file = folder / "sft.toml"
    file.write_text(recipe(start, folder / "sft", learning_rate=1e-2, **READING), "utf-8")
    return sft.train(load(file, "sft"), half_right)


def weights(folder: Path) -> dict[str, Any]:
    """The weights in a folder by name."""
    loaded = Qwen3ForCausalLM.from_pretrained(folder)
    return {name: value.clone() for name, value in loaded.state_dict().items()}


def same_weights(one: Path, other: Path) -> bool:
    """Whether two folders hold the same model, to the bit."""
    first, second = weights(one), weights(other)
    return first.keys() == second.keys() and all(
        torch.equal(value, second[name]) for name, value in first.items()
    )


def recipe(model: Path, out: Path, kind: str = "sft", **keys: Any) -> str:
    """The text of a file for a run of a few steps on a CPU."""
    given = {"max_steps": 4, "batch_size": 2, "learning_rate": 1e-3, "save_steps": 2, "out": str(out), **keys}
    lines = [f"{key} = {_toml(value)}" for key, value in given.items()]
    head = f'[model]\npath = "{model}"\ndevice = "cpu"\n[data]\nkind = "corpus"\n[{kind}]\n'
    return head + "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value).lower()


def _message(role: str, content: str) -> list[dict[str, str]]:
    return [{"role": role, "content": content}]
