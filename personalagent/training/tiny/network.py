"""The tiny model: Qwen3's architecture, random weights."""

from typing import NamedTuple

import torch
from transformers import GenerationConfig, PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

from personalagent.training.tiny.tokenizer import CONTEXT

HEAD = 32


class Size(NamedTuple):
    """Width of the hidden states, and layers."""

    width: int
    layers: int


SIZES = {"test": Size(128, 6), "cpu": Size(256, 6), "gpu": Size(512, 8)}
"""About 2, 6 and 30 million parameters."""


def network(tokenizer: PreTrainedTokenizerFast, size: Size, seed: int = 1) -> Qwen3ForCausalLM:
    """A Qwen3 of this size for this tokenizer, with random weights."""
    config = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=size.width,
        num_hidden_layers=size.layers,
        num_attention_heads=size.width // HEAD,
        num_key_value_heads=size.width // (2 * HEAD),
        head_dim=HEAD,
        intermediate_size=3 * size.width,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    torch.manual_seed(seed)
    model = Qwen3ForCausalLM(config)
    model.generation_config = GenerationConfig(
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id
    )
    return model


def parameters(model: torch.nn.Module) -> int:
    """How many there are."""
    return sum(one.numel() for one in model.parameters())
