"""What the networks of the autoencoders share: the first layer, the likelihood, the first weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class ProfileLayer(nn.Module):
    """A linear layer on L2-normalised profiles with dropout, n_items → units.

    Computed as a weighted sum of the embeddings of a user's items, which is the same function. A new layer has the
    first weights of `nn.Linear`.
    """

    def __init__(self, n_items: int, units: int) -> None:
        super().__init__()
        self.embed = nn.EmbeddingBag(n_items, units, mode="sum", include_last_offset=True)
        self.bias = nn.Parameter(torch.empty(units))
        for weights in (self.embed.weight, self.bias):
            nn.init.uniform_(weights, -(n_items**-0.5), n_items**-0.5)

    def forward(self, items: Tensor, indptr: Tensor, dropout: float = 0.0) -> Tensor:
        """float[b, units] of bags (items int64[nnz], indptr int64[b + 1]).

        The input is 1 / √length at every item of the user; `dropout` is the share of them that is hidden, and the
        rest is scaled up by as much.
        """
        lengths = indptr.diff()
        normalised = lengths.to(self.embed.weight.dtype).rsqrt().repeat_interleave(lengths)
        summed: Tensor = self.embed(items, indptr, functional.dropout(normalised, dropout))
        return summed + self.bias


def multinomial_loss(logits: Tensor, items: Tensor, indptr: Tensor) -> Tensor:
    """Negative log-likelihood float[b] of each user's items under the softmax of their logits float[b, n_items]."""
    lengths = indptr.diff()
    rows = torch.arange(len(lengths), device=items.device).repeat_interleave(lengths)
    # The sparse form of −Σ log softmax: only a user's own items are picked from the dense logits.
    picked = logits.new_zeros(len(lengths)).index_add(0, rows, logits[rows, items])
    return lengths * logits.logsumexp(1) - picked


def initialise(module: nn.Module) -> None:
    """Glorot's uniform weights and biases near 0, as the authors of Mult-VAE and Mult-DAE start both."""
    for name, weights in module.named_parameters():
        if name.endswith("bias"):
            nn.init.trunc_normal_(weights, std=0.001, a=-0.002, b=0.002)
        else:
            nn.init.xavier_uniform_(weights)
