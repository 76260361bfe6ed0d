"""The two networks of CFGAN."""

from __future__ import annotations

from typing import cast

import torch
from pytorch_lightning import LightningModule
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer

from bench.lightning import adam
from bench_algorithms.cfgan import CFGANConfig
from bench_algorithms.gan_network import indicators


class ConditionalGAN(LightningModule):
    """A generator of purchase vectors from purchase vectors, and a discriminator of pairs (condition, vector).

    A batch is (items int64[nnz], indptr int64[b + 1]): each user's items, one after the other.
    """

    def __init__(self, n_items: int, config: CFGANConfig) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.config = config
        self.n_items = n_items
        self.generator = _two_layers(n_items, config.hidden_units, n_items)
        self.discriminator = _two_layers(2 * n_items, config.discriminator_units, 1)

    def forward(self, items: Tensor, indptr: Tensor) -> Tensor:
        """Scores, float[b, n_items]: what the generator makes of whole profiles."""
        scores: Tensor = self.generator(indicators(items, indptr, self.n_items))
        return scores

    def generate(self, real: Tensor) -> Tensor:
        """The generator's output float[b, n_items] for profiles of which part is hidden."""
        generated: Tensor = self.generator(functional.dropout(real, self.config.dropout, self.training))
        return generated

    def masked(self, generated: Tensor, real: Tensor) -> Tensor:
        """What the discriminator sees of it: the user's own items and a sample of the others; 0 elsewhere."""
        return generated * torch.maximum(real, sample(1 - real, self.config.masking_share))

    def judge(self, real: Tensor, vectors: Tensor) -> Tensor:
        """Logits float[b] that vectors float[b, n_items] are the profiles of the users whose profiles they are
        judged beside, float[b, n_items].
        """
        return cast(Tensor, self.discriminator(torch.cat([real, vectors], dim=1))).squeeze(1)

    def training_step(self, batch: tuple[Tensor, Tensor], index: int) -> dict[str, Tensor]:
        """One step of the discriminator, then one of the generator."""
        real = indicators(*batch, self.n_items)
        optimize_generator, optimize_discriminator = cast(list[Optimizer], self.optimizers())
        discriminator_loss = self.discriminator_loss(real)
        optimize_discriminator.zero_grad()
        self.manual_backward(discriminator_loss)
        optimize_discriminator.step()
        generator_loss = self.generator_loss(real)
        optimize_generator.zero_grad()
        self.manual_backward(generator_loss)
        optimize_generator.step()
        return {"generator_loss": generator_loss.detach(), "discriminator_loss": discriminator_loss.detach()}

    def discriminator_loss(self, real: Tensor) -> Tensor:
        """−log D(real) − log(1 − D(generated)), mean over users."""
        fake = self.masked(self.generate(real).detach(), real)
        return (functional.softplus(-self.judge(real, real)) + functional.softplus(self.judge(real, fake))).mean()

    def generator_loss(self, real: Tensor) -> Tensor:
        """−log D(generated), and the squared output at a sample of the items a user does not have, mean over users."""
        generated = self.generate(real)
        adversarial = functional.softplus(-self.judge(real, self.masked(generated, real)))
        absent = sample(1 - real, self.config.reconstruction_share)
        return (adversarial + self.config.reconstruction_weight * (generated * absent).square().sum(1)).mean()

    def configure_optimizers(self) -> list[Optimizer]:
        config = self.config
        return [
            adam(self.generator.parameters(), config.learning_rate, config.weight_decay),
            adam(self.discriminator.parameters(), config.discriminator_learning_rate),
        ]


def _two_layers(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    """Sigmoid between, nothing after, and the authors' initial weights."""
    first, second = nn.Linear(inputs, hidden), nn.Linear(hidden, outputs)
    for layer in (first, second):
        nn.init.xavier_uniform_(layer.weight)
        nn.init.uniform_(layer.bias, -0.01, 0.01)
    return nn.Sequential(first, nn.Sigmoid(), second)


def sample(present: Tensor, share: float) -> Tensor:
    """The entries of present float[b, n], 0 or 1, of which each 1 stays with probability share."""
    return present * (torch.rand_like(present) < share)
