"""Fitting the reader: labels of tokens, slots of spans, and whether a turn speaks at all, in one pass."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from personalagent.training.embedded.batches import Batch, PairBatch
from personalagent.training.embedded.crf import Chain
from personalagent.training.embedded.network import Read, Reader, SlotSpace

HEAD_RATE = 1e-3
HALF = any(torch.cpu.get_capabilities().get(name) for name in ("avx512_bf16", "amx_bf16"))
"""Whether the processor multiplies in bfloat16, which saves a fifth; weights and sums stay in float32."""
WARM_UP = 0.06
"""Share of a course's steps over which the rates rise; from there they fall to zero in a straight line."""


class Course(NamedTuple):
    """How long to train, how fast, and what each loss counts."""

    epochs: int
    labels: float
    """Of the mean over windows; a window's loss is the sum over its words, most of which are easy."""
    slots: float
    speaks: float
    bears: float
    rate: float
    """Of the encoder's layers; heads learn at `HEAD_RATE`."""


@dataclass
class Network:
    """All that is trained together."""

    reader: Reader
    chain: Chain
    slots: SlotSpace

    @property
    def parts(self) -> tuple[nn.Module, nn.Module, nn.Module]:
        """The modules, in a fixed order."""
        return self.reader, self.chain, self.slots


def fit(
    network: Network,
    epochs: Sequence[Sequence[Batch | PairBatch]],
    course: Course,
    *,
    seed: int,
    begin: int = 0,
    state: dict[str, Any] | None = None,
    advance: Callable[[float], None] = lambda loss: None,
    done: Callable[[int, dict[str, Any]], None] = lambda epoch, state: None,
) -> None:
    """Train the network in place on the batches of each epoch.

    `advance` is told every step's loss; `done` gets every finished epoch's number and the optimiser's state,
    with which training can begin again at the next one.
    """
    reader = network.reader
    for parameter in reader.encoder.embeddings.parameters():
        parameter.requires_grad_(False)  # words that are trained on must not drift from those that are not
    trunk = [p for p in reader.encoder.parameters() if p.requires_grad]
    heads = [p for n, p in reader.named_parameters() if not n.startswith("encoder.")]
    heads += [*network.chain.parameters(), *network.slots.parameters()]
    optimiser = torch.optim.AdamW(
        [{"params": trunk, "lr": course.rate}, {"params": heads, "lr": HEAD_RATE}], weight_decay=0.01
    )
    if state is not None:
        optimiser.load_state_dict(state)
    steps, step = sum(len(epoch) for epoch in epochs), sum(len(epoch) for epoch in epochs[:begin])
    for module in network.parts:
        module.train()
    for number in range(begin, len(epochs)):
        torch.manual_seed(seed + number)
        for batch in epochs[number]:
            for group, rate in zip(optimiser.param_groups, (course.rate, HEAD_RATE), strict=True):
                group["lr"] = rate * _share(step / steps)
            loss = _loss(network, batch, course)
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_([*trunk, *heads], 1.0)
            optimiser.step()
            step += 1
            advance(float(loss.detach()))
        done(number, optimiser.state_dict())
    for module in network.parts:
        module.eval()


def _loss(network: Network, batch: Batch | PairBatch, course: Course) -> Tensor:
    with torch.autocast("cpu", torch.bfloat16, enabled=HALF):
        read = network.reader(batch.ids, batch.mask, batch.segments)
    read = Read(*(part.float() for part in read))
    if isinstance(batch, Batch):
        return loss_of(read, network, batch, course)
    bears = nn.functional.binary_cross_entropy_with_logits(read.bears, batch.bears, weight=batch.weights)
    return course.bears * bears


def loss_of(read: Read, network: Network, batch: Batch, course: Course) -> Tensor:
    """Losses of labels, slots (any of the gold ones will do) and verdicts, weighted."""
    places = batch.firsts.unsqueeze(-1).expand(-1, -1, read.labels.shape[-1])
    paths = network.chain.loss(read.labels.gather(1, places), batch.allowed, batch.real)
    speaks = nn.functional.binary_cross_entropy_with_logits(read.speaks, batch.speaks)
    loss: Tensor = course.labels * paths.mean() + course.speaks * speaks
    if batch.targets:
        loss = loss + course.slots * _slot_loss(read.points, network.slots, batch)
    return loss


def _slot_loss(points: Tensor, slots: SlotSpace, batch: Batch) -> Tensor:
    spans = torch.stack([points[target.row, list(target.tokens)].mean(0) for target in batch.targets])
    nearness = nn.functional.normalize(spans, dim=-1) @ slots().T * slots.scale.exp()
    right = torch.full_like(nearness, float("-inf"))
    for row, target in enumerate(batch.targets):
        right[row, list(target.slots)] = 0.0
    chosen = torch.logsumexp(nearness.log_softmax(-1) + right, dim=-1)
    return -chosen.mean()


def _share(done: float) -> float:
    return done / WARM_UP if done < WARM_UP else max(0.0, (1 - done) / (1 - WARM_UP))
