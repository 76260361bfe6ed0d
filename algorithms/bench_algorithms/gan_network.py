"""The generative adversarial network over user profiles."""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
from pytorch_lightning import LightningModule
from scipy import sparse
from torch import Tensor, nn
from torch.optim import Optimizer

from bench.interactions import BoolArray, Float32Array, ItemLists
from bench.lightning import adam
from bench_algorithms.gan import GANConfig

GRADIENT_PENALTY = 10.0
"""Weight of the gradient penalty, the value of its paper."""
BETAS = (0.5, 0.9)
"""Adam's decay rates: little momentum, since the two networks move each other's target."""
DRAWN_AT_ONCE = 1024
"""Synthetic users drawn together, to bound memory."""


class ProfileGAN(LightningModule):
    """A generator that makes or continues user profiles, and a critic that tells them from real ones.

    A batch is (items int64[nnz], indptr int64[b + 1]): real users' items, one user after the other.
    A given part of a profile is float[b, n_items], 0 or 1; empty if generation is not conditional.
    popularity: float32[n_items], the number of users of each item; an item nobody has is never generated.
    """

    def __init__(self, popularity: Tensor, config: GANConfig) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.config = config
        self.n_items, hidden = len(popularity), config.hidden_units
        self.generator = nn.Sequential(
            nn.Linear(config.latent_units + 1 + (self.n_items if config.condition_share else 0), hidden),
            nn.LeakyReLU(0.2),
            nn.Linear(hidden, hidden),
            nn.LeakyReLU(0.2),
            nn.Linear(hidden, self.n_items),
        )
        self.critic = nn.Sequential(
            nn.Linear(self.n_items, hidden), nn.LeakyReLU(0.2), nn.Linear(hidden, hidden), nn.LeakyReLU(0.2),
            nn.Linear(hidden, 1),
        )  # fmt: skip
        # The generator starts from popularity, so that the adversary is left to teach which items go together.
        with torch.no_grad():
            cast(nn.Linear, self.generator[-1]).bias.copy_(popularity.clamp(min=1).log())
        self.register_buffer("never", popularity == 0)

    def given(self, real: Tensor, keys: Tensor) -> Tensor:
        """The part that is given of profiles float[b, n_items]: the items whose random keys, float[b, n_items], are
        the largest.
        """
        counts = (self.config.condition_share * real.sum(1)).long()
        return largest(keys.masked_fill(real == 0, -torch.inf), counts).to(real.dtype)

    def logits(self, noise: Tensor, lengths: Tensor, given: Tensor) -> Tensor:
        """Unnormalised log preferences float[b, n_items] of users with noise float[b, latent], profile
        lengths int64[b] and a given part; −inf where an item is given already or never generated.
        """
        sizes = lengths.to(noise.dtype)[:, None]
        inputs = [noise, sizes.log1p()]
        if self.config.condition_share:
            inputs.append(given / sizes.sqrt())
        scores: Tensor = self.generator(torch.cat(inputs, dim=1))
        return scores.masked_fill(cast(Tensor, self.never) | (given > 0), -torch.inf)

    def generate(self, lengths: Tensor, given: Tensor) -> Tensor:
        """Profiles, 0 or 1, float[b, n_items], of the given lengths and parts, through which gradients flow.

        The items are drawn without replacement (Gumbel top-n). The gradient is that of the softmax relaxation
        of the same draw (straight-through).
        """
        noise = torch.randn(len(lengths), self.config.latent_units, device=self.device)
        logits = self.logits(noise, lengths, given)
        drawn = lengths - given.sum(1).long()
        keys = logits - torch.empty_like(logits).exponential_().log()
        soft = torch.softmax(keys / self.config.relaxation_temperature, dim=1) * drawn[:, None]
        hard = largest(keys.detach(), drawn).to(soft.dtype)
        return given + hard + soft - soft.detach()

    def draw(self, users: sparse.csr_matrix, rng: np.random.Generator) -> ItemLists:
        """A synthetic user for each real one in users, binary float32[n, n_items]: as many items as remain when
        a newly drawn part of that user's is given, other than those, by preference at the sampling temperature.
        """
        blocks = [users[start : start + DRAWN_AT_ONCE] for start in range(0, users.shape[0], DRAWN_AT_ONCE)]
        profiles = np.concatenate([self._drawn(block.toarray(), rng) for block in blocks])
        indptr = np.cumsum([0, *profiles.sum(axis=1)])
        return ItemLists(indptr, profiles.nonzero()[1].astype(np.int32), self.n_items)

    def _drawn(self, users: Float32Array, rng: np.random.Generator) -> BoolArray:
        """bool[b, n_items]. All that is random comes from rng, whatever the device."""
        real = torch.from_numpy(users)
        lengths = real.sum(1).long()
        given = self.given(real, torch.from_numpy(rng.random(real.shape)))
        noise = torch.from_numpy(rng.standard_normal((len(real), self.config.latent_units)).astype(np.float32))
        with torch.inference_mode():
            logits = self.logits(noise.to(self.device), lengths.to(self.device), given.to(self.device)).cpu()
        keys = logits.double() / self.config.sampling_temperature + torch.from_numpy(rng.gumbel(size=real.shape))
        drawn: BoolArray = largest(keys, lengths - given.sum(1).long()).numpy()
        return drawn

    def judge(self, profiles: Tensor, lengths: Tensor) -> Tensor:
        """The critic's opinion float[b] of profiles float[b, n_items], higher is more real."""
        return cast(Tensor, self.critic(profiles / lengths[:, None].to(profiles.dtype).sqrt())).squeeze(1)

    def training_step(self, batch: tuple[Tensor, Tensor], index: int) -> dict[str, Tensor]:
        """`critic_steps` steps of the critic, each against new generated users, and one of the generator."""
        real, lengths = indicators(*batch, self.n_items), batch[1].diff()
        optimize_generator, optimize_critic = cast(list[Optimizer], self.optimizers())
        for _ in range(self.config.critic_steps):
            critic_loss = self._critic_loss(real, lengths)
            optimize_critic.zero_grad()
            self.manual_backward(critic_loss)
            optimize_critic.step()
        generator_loss = -self.judge(self._completed(real, lengths), lengths).mean()
        optimize_generator.zero_grad()
        self.manual_backward(generator_loss)
        optimize_generator.step()
        return {"generator_loss": generator_loss.detach(), "discriminator_loss": critic_loss.detach()}

    def _completed(self, real: Tensor, lengths: Tensor) -> Tensor:
        """Generated profiles float[b, n_items], each from a newly drawn part of a real one."""
        return self.generate(lengths, self.given(real, torch.rand_like(real)))

    def _critic_loss(self, real: Tensor, lengths: Tensor) -> Tensor:
        """How much better it likes generated users than real ones, plus the gradient penalty."""
        fake = self._completed(real, lengths).detach()
        preference = self.judge(fake, lengths).mean() - self.judge(real, lengths).mean()
        return preference + GRADIENT_PENALTY * self._steepness(real, fake, lengths)

    def _steepness(self, real: Tensor, fake: Tensor, lengths: Tensor) -> Tensor:
        """How far the critic's slope between real and generated profiles is from 1: the mean square."""
        scale = lengths[:, None].to(real.dtype).sqrt()
        share = torch.rand(len(real), 1, device=real.device)
        between = ((share * real + (1 - share) * fake) / scale).requires_grad_()
        (slope,) = torch.autograd.grad(self.critic(between).sum(), between, create_graph=True)
        steepness: Tensor = (slope.norm(dim=1) - 1).square().mean()
        return steepness

    def configure_optimizers(self) -> list[Optimizer]:
        rate = self.config.learning_rate
        return [adam(network.parameters(), rate, betas=BETAS) for network in (self.generator, self.critic)]


def largest(keys: Tensor, counts: Tensor) -> Tensor:
    """bool[b, n]: where the counts int64[b] largest keys of each row are."""
    ordered = keys.topk(max(1, int(counts.max())), dim=1).values
    return keys.ge(ordered.gather(1, (counts[:, None] - 1).clamp(min=0))) & (counts[:, None] > 0)


def indicators(items: Tensor, indptr: Tensor, n_items: int) -> Tensor:
    """Bags of items, int64[nnz] and int64[b + 1], as float32[b, n_items]: 1 at each item of a bag."""
    lengths = indptr.diff()
    dense = torch.zeros(len(lengths), n_items, device=items.device)
    dense[torch.arange(len(lengths), device=items.device).repeat_interleave(lengths), items] = 1.0
    return dense
