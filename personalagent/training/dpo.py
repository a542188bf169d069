"""`python -m personalagent.training.dpo --config FILE`: direct preference optimisation, the paper's baseline.

A row is a prompt, the completion that is preferred and the one that is rejected. With `data.what = "replies"`
these are ALOE's replies, as in the paper; with `"inferences"` the right inference of a turn and a spoilt one.
The reference is the model that training starts from; with an adapter, that model without it.

Deviations from the paper: TRL's DPOTrainer instead of the paper's frameworks; beta, optimiser, schedule and
warm-up are TRL's customary ones, for the paper names none.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from trl import DPOConfig as Arguments
from trl import DPOTrainer

from personalagent.profile.template import load_template
from personalagent.training.config import DpoConfig, load
from personalagent.training.rows import preference_rows
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


def train(config: DpoConfig, rows: Rows = preference_rows) -> Path:
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
        trainer = DPOTrainer(
            model=config.start,
            args=Arguments(
                **training_arguments(config, evaluates=bool(held_out)),
                max_length=config.train.max_length,
                beta=config.train.beta,
            ),
            train_dataset=dataset(learnt),
            eval_dataset=dataset(held_out) if held_out else None,
            processing_class=tokenizer,
            peft_config=adapter_of(config),
        )
    most = config.train.max_length
    cut = len(learnt) - sum(_length(row) <= most for row in trainer.train_dataset)
    if cut:
        say(
            f"{cut} of {len(learnt)} pairs have more than max_length, {most} tokens: they are cut or left out"
        )
    return complete(trainer, run)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train what the command line says."""
    given = options("dpo", __doc__ or "", arguments)
    ending(lambda: train(load(given.config, "dpo", given.out)))


def _length(row: Mapping[str, Sequence[int]]) -> int:
    """The tokens of a pair's longer half, its prompt included."""
    return len(row["prompt_ids"]) + max(len(row["chosen_ids"]), len(row["rejected_ids"]))


if __name__ == "__main__":
    main()
