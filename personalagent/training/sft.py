"""`python -m personalagent.training.sft --config FILE`: supervised fine-tuning, the paper's baseline.

A row is a prompt and the completion that is right for it; the loss is on the completion's tokens alone. With
`data.what = "inferences"` it teaches to read turns, each with the gold profile before it (teacher forcing),
as a start for GRPO; with `"replies"` ALOE's preferred replies, as in the paper.

Deviations from the paper: TRL's SFTTrainer instead of the paper's frameworks; optimiser, schedule and warm-up
are TRL's customary ones, for the paper names none.
"""

from collections.abc import Sequence
from pathlib import Path

from trl import SFTConfig as Arguments
from trl import SFTTrainer

from personalagent.profile.template import load_template
from personalagent.training.config import SftConfig, load
from personalagent.training.rows import sft_rows
from personalagent.training.runs import (
    Rows,
    adapter_of,
    begin,
    complete,
    dataset,
    ending,
    loading,
    options,
    tokenizer_of,
    training_arguments,
)
from personalagent.training.watching import say


def train(config: SftConfig, rows: Rows = sft_rows) -> Path:
    """Train, or go on where the run was stopped; returns the folder of the model or adapter.

    Raises `SettingError` or `DataError` before any long work if it cannot be done.
    """
    run = begin(config)
    if run.finished:
        say(f"finished before: {run.model}")
        return run.model
    tokenizer, template = tokenizer_of(config), load_template()
    learnt, held_out = (rows(config.data, part, template) for part in ("train", "held_out"))
    with loading(config):
        trainer = SFTTrainer(
            model=config.start,
            args=Arguments(
                **training_arguments(config, evaluates=bool(held_out)),
                max_length=config.train.max_length,
                completion_only_loss=True,
            ),
            train_dataset=dataset(learnt),
            eval_dataset=dataset(held_out) if held_out else None,
            processing_class=tokenizer,
            peft_config=adapter_of(config),
        )
    most = config.train.max_length
    cut = len(learnt) - sum(len(ids) < most for ids in trainer.train_dataset["input_ids"])
    if cut:
        say(f"{cut} of {len(learnt)} rows have max_length, {most} tokens, or more: they are cut or left out")
    return complete(trainer, run)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train what the command line says."""
    given = options("sft", __doc__ or "", arguments)
    ending(lambda: train(load(given.config, "sft", given.out)))


if __name__ == "__main__":
    main()
