"""`python -m personalagent.training.export CHECKPOINT OUT`: a folder that `personalagent serve` takes.

CHECKPOINT is a run's folder, its `model`, or one of its checkpoints. An adapter is merged into its model.
"""

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path

import torch
from peft import PeftConfig, PeftModel
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils import logging

from personalagent.errors import SettingError
from personalagent.training.runs import ending, first_line
from personalagent.training.watching import say

ADAPTER = "adapter_config.json"
DTYPES = ("auto", "float32", "bfloat16")
_PROBE = [{"role": "user", "content": "Hello, I am Ada, and I never eat nuts."}]
"""A prompt: what a model makes of it shows whether two models are the same."""
_CLOSE = 1e-3


def export(checkpoint: Path, out: Path, dtype: str = "auto") -> Path:
    """Write model, tokenizer with chat template and generation settings to a new folder; returns it.

    `dtype` is that of the weights; `auto` is the checkpoint's own, or that of the model below an adapter.
    The folder is there once the model has been loaded from it again and says the same. Raises `SettingError`
    if the checkpoint is none, if its adapter changes nothing, or if the folder is taken.
    """
    found = _found(checkpoint)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise SettingError(f"{out} is there already; name a new folder")
    logging.disable_progress_bar()
    try:
        tokenizer = AutoTokenizer.from_pretrained(found)
        if not tokenizer.chat_template:
            raise SettingError(
                f"{found}: the tokenizer has no chat template, without which nothing can be served"
            )
        model = (_merged if (found / ADAPTER).exists() else _whole)(found, tokenizer, dtype)
    except (OSError, ValueError, SafetensorError) as error:
        if isinstance(error, SettingError):
            raise
        raise SettingError(f"{found} cannot be loaded: {first_line(error)}") from error
    part = out.with_name(f"{out.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    model.save_pretrained(part)
    tokenizer.save_pretrained(part)
    _check(part, model, tokenizer)
    if out.exists():
        out.rmdir()
    part.rename(out)
    return out


def main(arguments: Sequence[str] | None = None) -> None:
    """Export what the command line says."""
    parser = argparse.ArgumentParser(prog="python -m personalagent.training.export", description=__doc__)
    parser.add_argument("checkpoint", type=Path, metavar="CHECKPOINT")
    parser.add_argument("out", type=Path, metavar="OUT", help="a new folder")
    parser.add_argument("--dtype", choices=DTYPES, default="auto", help="of the weights; auto: as they are")
    given = parser.parse_args(arguments)
    ending(lambda: say(f"exported: {export(given.checkpoint, given.out, given.dtype)}"))


def _found(checkpoint: Path) -> Path:
    """The folder that holds a model or an adapter."""
    if not checkpoint.is_dir():
        raise SettingError(f"there is no folder {checkpoint}")
    for folder in (checkpoint / "model", checkpoint):
        if (folder / ADAPTER).exists() or any(folder.glob("model*.safetensors")):
            return folder
    if any(checkpoint.glob("checkpoint-*")):
        raise SettingError(f"the run in {checkpoint} has not finished; name one of its checkpoints")
    raise SettingError(f"{checkpoint} holds neither a model nor an adapter")


def _whole(found: Path, _: PreTrainedTokenizerBase, dtype: str) -> PreTrainedModel:
    return AutoModelForCausalLM.from_pretrained(found, dtype=dtype)


def _merged(found: Path, tokenizer: PreTrainedTokenizerBase, dtype: str) -> PreTrainedModel:
    """The model below the adapter, with the adapter's changes in its weights.

    They are added in float32, for bfloat16 would lose the smaller ones.
    """
    below = PeftConfig.from_pretrained(found).base_model_name_or_path
    base = AutoModelForCausalLM.from_pretrained(below, dtype="auto")
    own = base.dtype
    base = base.to(torch.float32)
    before = _logits(base, tokenizer)
    merged = PeftModel.from_pretrained(base, str(found)).merge_and_unload()
    if torch.equal(_logits(merged, tokenizer), before):
        raise SettingError(f"{found}: the adapter changes nothing")
    return merged.to(own if dtype == "auto" else getattr(torch, dtype))


def _check(folder: Path, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    """Raises `SettingError` if what was written is not the model, or is not rendered as it was."""
    again, info = AutoModelForCausalLM.from_pretrained(folder, dtype="auto", output_loading_info=True)
    if info["missing_keys"] or info["unexpected_keys"]:
        raise SettingError(f"{folder}: weights are missing, or too many")
    said, read = _logits(again, AutoTokenizer.from_pretrained(folder)), _logits(model, tokenizer)
    if said.shape != read.shape or not torch.allclose(said, read, atol=_CLOSE, rtol=_CLOSE):
        raise SettingError(f"{folder}: the model says something else once it is loaded again")


def _logits(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> torch.Tensor:
    """What the model makes of the probe: [1, tokens, vocabulary], in float32."""
    ids = tokenizer.apply_chat_template(
        _PROBE, add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    with torch.no_grad():
        logits: torch.Tensor = model.eval()(**ids).logits.float()
    return logits


if __name__ == "__main__":
    main()
