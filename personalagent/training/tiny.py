"""`python -m personalagent.training.tiny DIR`: a tiny Qwen3 that writes inferences, to try out serving with.

Architecture and file format are those of the large models; the tokenizer and the weights are made here, from
the corpus alone, in minutes. It learns the notation and little else.
"""

import argparse
import math
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from rich.console import Console
from rich.progress import track
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import GenerationConfig, PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

from personalagent.corpora import gold
from personalagent.dialogue import Turn
from personalagent.policies.notation import GRADES, write_inference
from personalagent.policies.prompt import inference_prompt
from personalagent.profile.evidence import gate
from personalagent.profile.log import turn_entry
from personalagent.profile.preference import Inference, Need
from personalagent.profile.profile import Profile, merge
from personalagent.profile.template import Template, load_template

END, START, PAD = "<|im_end|>", "<|im_start|>", "<|endoftext|>"
CHAT = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
VOCABULARY, CONTEXT = 4096, 4096
RATE, WARM_UP, IGNORED = 1.5e-3, 40, -100


class Row(NamedTuple):
    """What the model sees, as the chat template renders it, and what it is to write."""

    prompt: str
    completion: str


def rows(template: Template, split: gold.Split = "train", most: int | None = None) -> list[Row]:
    """The split's turns, each with the gold profile before it, and its requests; in an order of their own."""
    found: list[tuple[Turn, Profile, Inference]] = [*_turns(template, split), *_requests(template, split)]
    random.Random(1).shuffle(found)
    return [
        Row(rendered(inference_prompt(turn, profile, template).messages), write_inference(told) + END)
        for turn, profile, told in track(found[:most], "writing prompts", console=Console(stderr=True))
    ]


def rendered(messages: Sequence[dict[str, str]]) -> str:
    """The messages as `CHAT` renders them, up to where the reply begins."""
    said = "".join(f"{START}{one['role']}\n{one['content']}{END}\n" for one in messages)
    return f"{said}{START}assistant\n"


def _turns(template: Template, split: gold.Split) -> Iterator[tuple[Turn, Profile, Inference]]:
    spoken = gold.dialogues(None, split)
    for persona in dict.fromkeys(one.persona for one in spoken):
        theirs = [one for one in spoken if one.persona == persona]
        profile = Profile()
        told = [turn for one in theirs for turn in one.turns]
        for turn, one in zip(gold.history(persona, theirs).turns, told, strict=True):
            inference = gold.inference_of(one).model_copy(update={"needs": ()})
            yield turn, profile, inference
            profile = merge(profile, turn_entry(turn, gate(inference, turn, template)))


def _requests(template: Template, split: gold.Split) -> Iterator[tuple[Turn, Profile, Inference]]:
    weights = {2: GRADES["decides"], 1: GRADES["helps"]}
    for number, one in enumerate(gold.requests(None, split)):
        profile = gold.profile_of(one.profile, template)
        at = next((entry.at for entry in profile.entries), gold.START)
        turn = Turn(user=one.persona, session=f"request-{number}", index=0, text=one.request, at=at)
        needs = [Need(slot=slot, weight=weights[grade]) for slot, grade in one.needs.items()]
        yield turn, profile, Inference(needs=tuple(sorted(needs, key=lambda need: -need.weight)[:4]))


def tokenizer_of(texts: Sequence[str]) -> PreTrainedTokenizerFast:
    """A byte-level BPE trained on the texts."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[PAD, START, END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(texts, trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=made,
        eos_token=END,
        pad_token=PAD,
        additional_special_tokens=[START],
        model_max_length=CONTEXT,
        clean_up_tokenization_spaces=False,
    )
    fast.chat_template = CHAT
    return fast


def network(tokenizer: PreTrainedTokenizerFast, width: int, layers: int) -> Qwen3ForCausalLM:
    """A Qwen3 with random weights."""
    config = Qwen3Config(
        vocab_size=VOCABULARY,
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=width // 32,
        num_key_value_heads=width // 64,
        head_dim=32,
        intermediate_size=3 * width,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    torch.manual_seed(1)
    model = Qwen3ForCausalLM(config)
    model.generation_config = GenerationConfig(
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id
    )
    return model


def fit(
    model: Qwen3ForCausalLM, tokenizer: PreTrainedTokenizerFast, learnt: Sequence[Row], steps: int, batch: int
) -> float:
    """Teach it to write the completions; returns the mean loss of the last twentieth of the steps."""
    order, losses = random.Random(1), []
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, betas=(0.9, 0.95), weight_decay=0.01)
    model.train()
    for step in track(range(steps), "training", console=Console(stderr=True)):
        share = min(1, (step + 1) / WARM_UP) * (0.1 + 0.45 * (1 + math.cos(math.pi * step / steps)))
        for group in optimizer.param_groups:
            group["lr"] = RATE * share
        ids, labels = _batch(tokenizer, order.sample(learnt, min(batch, len(learnt))))
        loss = model(input_ids=ids, labels=labels, attention_mask=ids != tokenizer.pad_token_id).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(loss.detach()))
    model.eval()
    last = losses[-max(1, steps // 20) :]
    return sum(last) / len(last)


def _batch(tokenizer: PreTrainedTokenizerFast, chosen: Sequence[Row]) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids [rows, longest], and labels that leave the prompts out."""
    prompts = [tokenizer(row.prompt)["input_ids"] for row in chosen]
    whole = [tokenizer(row.prompt + row.completion)["input_ids"] for row in chosen]
    longest = max(map(len, whole))
    ids = torch.full((len(chosen), longest), tokenizer.pad_token_id)
    labels = torch.full((len(chosen), longest), IGNORED)
    for number, (prompt, one) in enumerate(zip(prompts, whole, strict=True)):
        ids[number, : len(one)] = torch.tensor(one)
        labels[number, len(prompt) : len(one)] = torch.tensor(one[len(prompt) :])
    return ids, labels


def main() -> None:
    """Make the model, and say how well it has learnt the notation."""
    parser = argparse.ArgumentParser(prog="python -m personalagent.training.tiny", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the model goes")
    parser.add_argument("--steps", type=int, default=600, help="0: random weights")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rows", type=int, default=5000)
    parser.add_argument("--width", type=int, default=192)
    parser.add_argument("--layers", type=int, default=6)
    given = parser.parse_args()
    torch.set_num_threads(1)
    learnt = rows(load_template(), most=given.rows)
    tokenizer = tokenizer_of([part for row in learnt for part in (row.prompt[-1200:], row.completion)])
    model = network(tokenizer, given.width, given.layers)
    loss = fit(model, tokenizer, learnt, given.steps, given.batch) if given.steps else math.nan
    model.save_pretrained(given.folder)
    tokenizer.save_pretrained(given.folder)
    size = sum(parameter.numel() for parameter in model.parameters())
    print(
        f"{size / 1e6:.1f}M parameters in {given.folder}; loss a token {loss:.3f} after {given.steps} steps"
    )


if __name__ == "__main__":
    main()
