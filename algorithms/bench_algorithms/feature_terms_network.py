"""The part that networks of users and items with attributes share: sums of the embeddings of their features."""

from __future__ import annotations

import numpy as np
import torch
from scipy import sparse
from torch import Tensor, nn

from bench.interactions import BoolArray


class TermSum(nn.Module):
    """A vector for each of n users or items: the weighted sum of the embeddings of their terms.

    terms: float32 [n, n_terms], the weights; with no terms all vectors are 0. scale: standard deviation of the first
    embeddings.
    """

    starts: Tensor
    lengths: Tensor
    indices: Tensor
    weights: Tensor

    def __init__(self, terms: sparse.csr_matrix, units: int, scale: float) -> None:
        super().__init__()
        self.embed = nn.EmbeddingBag(terms.shape[1], units, mode="sum")
        nn.init.normal_(self.embed.weight, std=scale)
        parts = {"starts": terms.indptr[:-1], "lengths": np.diff(terms.indptr), "indices": terms.indices}
        for name, codes in parts.items():
            self.register_buffer(name, torch.from_numpy(codes.astype(np.int64)), persistent=False)
        self.register_buffer("weights", torch.from_numpy(terms.data.astype(np.float32)), persistent=False)

    def forward(self, codes: Tensor) -> Tensor:
        """float[b, units] of int64[b]."""
        lengths = self.lengths[codes]
        offsets = lengths.cumsum(0) - lengths
        within = torch.arange(int(lengths.sum()), device=codes.device) - offsets.repeat_interleave(lengths)
        places = self.starts[codes].repeat_interleave(lengths) + within
        summed: Tensor = self.embed(self.indices[places], offsets, self.weights[places])
        return summed


class FeatureSum(nn.Module):
    """A vector for each of n users or items: the embedding of itself plus the weighted sum of those of its terms.

    terms, scale: as in `TermSum`. trained: bool[n], who has an embedding of their own; the others have 0, which no
    step will ever change.
    """

    def __init__(self, terms: sparse.csr_matrix, trained: BoolArray, units: int, scale: float) -> None:
        super().__init__()
        self.identity, self.terms = nn.Embedding(len(trained), units), TermSum(terms, units, scale)
        nn.init.normal_(self.identity.weight, std=scale)
        self.identity.weight.data[torch.from_numpy(~trained)] = 0

    def forward(self, codes: Tensor) -> Tensor:
        """float[b, units] of int64[b]."""
        vectors: Tensor = self.identity(codes) + self.terms(codes)
        return vectors
