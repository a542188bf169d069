"""`python -m tests.training.run_few sft|dpo FILE`: a real run on few rows, in a process of its own."""

import sys

import torch

from personalagent.training import dpo, sft
from personalagent.training.config import load
from personalagent.training.runs import ending
from tests.training.models import few_pairs, few_rows


def main(kind: str, file: str) -> None:
    torch.set_num_threads(1)
    if kind == "sft":
        ending(lambda: sft.train(load(file, "sft"), few_rows))
    else:
        ending(lambda: dpo.train(load(file, "dpo"), few_pairs))


if __name__ == "__main__":
    main(*sys.argv[1:])
