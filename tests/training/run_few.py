"""`python -m tests.training.run_few KIND FILE`: a real run on few rows, in a process of its own.

KIND is sft, dpo, grpo, or fixed: GRPO whose trajectories do not depend on the model.
"""

import sys
from pathlib import Path

import torch

from personalagent.training import dpo, grpo, sft
from personalagent.training.config import load
from personalagent.training.runs import ending
from tests.training.dialogues import Fixed, player
from tests.training.models import few_pairs, few_rows


def main(kind: str, file: str) -> None:
    torch.set_num_threads(1)
    if kind == "sft":
        ending(lambda: sft.train(load(file, "sft"), few_rows))
    elif kind == "dpo":
        ending(lambda: dpo.train(load(file, "dpo"), few_pairs))
    else:
        plays = player() if kind == "grpo" else Fixed(Path(file).parent)
        ending(lambda: grpo.train(load(file, "grpo"), plays))


if __name__ == "__main__":
    main(*sys.argv[1:])
