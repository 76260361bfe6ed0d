"""The generative adversarial network over user profiles."""

from __future__ import annotations

from typing import cast

import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.optim import Optimizer

from bench.lightning import adam
from bench_algorithms.gan import GANConfig

GRADIENT_PENALTY = 10.0
"""Weight of the gradient penalty, the value of its paper."""
BETAS = (0.5, 0.9)
"""Adam's decay rates: little momentum, since the two networks move each other's target."""


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
        lengths int64[b]; −inf where an item is never generated."""
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
        hard = (rank_descending(keys.detach()) < lengths[:, None]).to(soft.dtype)
        return hard + soft - soft.detach()

    def judge(self, profiles: Tensor, lengths: Tensor) -> Tensor:
        """The critic's opinion float[b] of profiles float[b, n_items], higher is more real."""
        return cast(Tensor, self.critic(profiles / lengths[:, None].to(profiles.dtype).sqrt())).squeeze(1)

    def training_step(self, batch: tuple[Tensor, Tensor], index: int) -> dict[str, Tensor]:
        """One step of the critic, and of the generator at every `critic_steps`-th."""
        items, indptr = batch
        lengths = indptr.diff()
        rows = torch.arange(len(lengths), device=items.device).repeat_interleave(lengths)
        real = torch.zeros(len(lengths), self.n_items, device=items.device)
        real[rows, items] = 1.0
        optimize_generator, optimize_critic = cast(list[Optimizer], self.optimizers())

        fake = self.generate(lengths).detach()
        distance = self.judge(fake, lengths).mean() - self.judge(real, lengths).mean()
        critic_loss = distance + GRADIENT_PENALTY * self._steepness(real, fake, lengths)
        optimize_critic.zero_grad()
        self.manual_backward(critic_loss)
        optimize_critic.step()

        generator_loss = -self.judge(self.generate(lengths), lengths).mean()
        if (index + 1) % self.config.critic_steps == 0:
            optimize_generator.zero_grad()
            self.manual_backward(generator_loss)
            optimize_generator.step()
        return {"generator_loss": generator_loss.detach(), "discriminator_loss": critic_loss.detach()}

    def _steepness(self, real: Tensor, fake: Tensor, lengths: Tensor) -> Tensor:
        """How far the critic's slope between real and generated profiles is from 1: the mean square."""
        scale = lengths[:, None].to(real.dtype).sqrt()
        share = torch.rand(len(real), 1, device=real.device)
        between = ((share * real + (1 - share) * fake) / scale).requires_grad_()
        (slope,) = torch.autograd.grad(self.critic(between).sum(), between, create_graph=True)
        return (slope.norm(dim=1) - 1).square().mean()

    def configure_optimizers(self) -> list[Optimizer]:
        rate = self.config.learning_rate
        return [adam(network.parameters(), rate, betas=BETAS) for network in (self.generator, self.critic)]


def rank_descending(keys: Tensor) -> Tensor:
    """int64[b, n]: 0 for the largest of each row, 1 for the next, …"""
    order = keys.argsort(dim=1, descending=True)
    ranks = torch.empty_like(order)
    return ranks.scatter_(1, order, torch.arange(keys.shape[1], device=keys.device).expand_as(order))
