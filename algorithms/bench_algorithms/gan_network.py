"""The generative adversarial network over user profiles."""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.optim import Optimizer

from bench.interactions import Int64Array, ItemLists
from bench.lightning import adam
from bench_algorithms.gan import GANConfig

GRADIENT_PENALTY = 10.0
"""Weight of the gradient penalty, the value of its paper."""
BETAS = (0.5, 0.9)
"""Adam's decay rates: little momentum, since the two networks move each other's target."""
DRAWN_AT_ONCE = 1024
"""Synthetic users drawn together, to bound memory."""


class ProfileGAN(LightningModule):
    """A generator of user profiles and a critic that tells them from real ones.

    A batch is (items int64[nnz], indptr int64[b + 1]): real users' items, one user after the other.
    popularity: float32[n_items], the number of users of each item; an item nobody has is never generated.
    """

    def __init__(self, popularity: Tensor, config: GANConfig) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.config = config
        self.n_items, hidden = len(popularity), config.hidden_units
        self.generator = nn.Sequential(
            nn.Linear(config.latent_units + 1, hidden),
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

    def logits(self, noise: Tensor, lengths: Tensor) -> Tensor:
        """Unnormalised log preferences float[b, n_items] of users with noise float[b, latent] and profile
        lengths int64[b]; −inf where an item is never generated.
        """
        size = lengths.to(noise.dtype).log1p()[:, None]
        scores: Tensor = self.generator(torch.cat([noise, size], dim=1))
        return scores.masked_fill(cast(Tensor, self.never), -torch.inf)

    def generate(self, lengths: Tensor) -> Tensor:
        """Profiles, 0 or 1, float[b, n_items], of the given lengths, through which gradients flow.

        The items are drawn without replacement (Gumbel top-n). The gradient is that of the softmax relaxation
        of the same draw (straight-through).
        """
        noise = torch.randn(len(lengths), self.config.latent_units, device=self.device)
        logits = self.logits(noise, lengths)
        keys = logits - torch.empty_like(logits).exponential_().log()
        soft = torch.softmax(keys / self.config.temperature, dim=1) * lengths[:, None]
        hard = largest(keys.detach(), lengths).to(soft.dtype)
        return hard + soft - soft.detach()

    def draw(self, lengths: Int64Array, rng: np.random.Generator) -> ItemLists:
        """Synthetic users: as many distinct items as each of lengths int64[n] says, drawn by preference."""
        profiles: list[NDArray[np.int64]] = []
        for start in range(0, len(lengths), DRAWN_AT_ONCE):
            sizes = lengths[start : start + DRAWN_AT_ONCE].astype(np.int64)
            noise = rng.standard_normal((len(sizes), self.config.latent_units)).astype(np.float32)
            with torch.inference_mode():
                logits = self.logits(torch.from_numpy(noise).to(self.device), torch.from_numpy(sizes).to(self.device))
            keys = logits.cpu().numpy() + rng.gumbel(size=(len(sizes), self.n_items))
            order = np.argsort(-keys, axis=1, kind="stable")
            profiles += [np.sort(row[:size]) for row, size in zip(order, sizes, strict=True)]
        return ItemLists(np.cumsum([0, *lengths]), np.concatenate(profiles).astype(np.int32), self.n_items)

    def judge(self, profiles: Tensor, lengths: Tensor) -> Tensor:
        """The critic's opinion float[b] of profiles float[b, n_items], higher is more real."""
        return cast(Tensor, self.critic(profiles / lengths[:, None].to(profiles.dtype).sqrt())).squeeze(1)

    def training_step(self, batch: tuple[Tensor, Tensor], index: int) -> dict[str, Tensor]:
        """`critic_steps` steps of the critic, each against new generated users, and one of the generator."""
        items, indptr = batch
        lengths = indptr.diff()
        rows = torch.arange(len(lengths), device=items.device).repeat_interleave(lengths)
        real = torch.zeros(len(lengths), self.n_items, device=items.device)
        real[rows, items] = 1.0
        optimize_generator, optimize_critic = cast(list[Optimizer], self.optimizers())
        for _ in range(self.config.critic_steps):
            critic_loss = self._critic_loss(real, lengths)
            optimize_critic.zero_grad()
            self.manual_backward(critic_loss)
            optimize_critic.step()
        generator_loss = -self.judge(self.generate(lengths), lengths).mean()
        optimize_generator.zero_grad()
        self.manual_backward(generator_loss)
        optimize_generator.step()
        return {"generator_loss": generator_loss.detach(), "discriminator_loss": critic_loss.detach()}

    def _critic_loss(self, real: Tensor, lengths: Tensor) -> Tensor:
        """How much better it likes generated users than real ones, plus the gradient penalty."""
        fake = self.generate(lengths).detach()
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
    """bool[b, n]: where the counts int64[b] largest keys of each row are; counts are at least 1."""
    ordered = keys.topk(int(counts.max()), dim=1).values
    return keys.ge(ordered.gather(1, counts[:, None] - 1))
