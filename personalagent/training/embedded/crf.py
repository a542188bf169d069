"""The linear-chain CRF over words: likelihood of all paths that the labels allow (Lafferty et al., 2001)."""

import torch
from torch import Tensor, nn

from personalagent.policies.tags import LABELS, NEVER, forbidden


class Chain(nn.Module):
    """Learned scores of transitions; those that no text has stay forbidden."""

    def __init__(self) -> None:
        super().__init__()
        self.learned = nn.Parameter(torch.zeros(LABELS, LABELS))
        self.register_buffer("forbidden", torch.from_numpy(forbidden()))

    def transitions(self) -> Tensor:
        """[LABELS, LABELS], from one label to the next."""
        return self.learned + self.get_buffer("forbidden")

    def loss(self, scores: Tensor, allowed: Tensor, mask: Tensor) -> Tensor:
        """Negative log likelihood by window, [windows].

        `scores` are [windows, words, LABELS], `allowed` (boolean) as well: a word of which nothing is known
        allows every label. `mask` [windows, words] tells words from padding.
        """
        both = torch.cat([scores, scores.masked_fill(~allowed, NEVER)])
        every, right = self._total(both, mask.repeat(2, 1)).chunk(2)
        return every - right

    def _total(self, scores: Tensor, mask: Tensor) -> Tensor:
        """Log of the summed exponentials of all paths."""
        transitions = self.transitions()
        start = torch.zeros(LABELS)
        start[2::2] = NEVER
        reached = scores[:, 0] + start
        for place in range(1, scores.shape[1]):
            further = torch.logsumexp(reached.unsqueeze(2) + transitions, dim=1) + scores[:, place]
            reached = torch.where(mask[:, place].unsqueeze(1), further, reached)
        return torch.logsumexp(reached, dim=1)
