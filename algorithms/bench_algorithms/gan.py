"""A GAN over user profiles whose generator adds synthetic users to the training data of another algorithm."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Self

import numpy as np
from pydantic import Field, model_validator
from scipy import sparse

from bench import seeds
from bench.algorithm import Algorithm, Context, EvalSet, Scores, UserBatch
from bench.config import Config
from bench.errors import UnknownNameError, UsageError
from bench.interactions import Interactions
from bench.plugins import load_registries
from bench.search import FloatRange, IntRange, LogRange
from bench_algorithms.gan_augmentation import augmented, faithfulness
from bench_algorithms.profiles import profile_batches, profiles_of

if TYPE_CHECKING:
    from bench_algorithms.gan_network import ProfileGAN

NAME = "gan-augmented"


class GANConfig(Config):
    """The adversarial pair, how many users it adds, and the algorithm that trains on the result."""

    base: str = "ease"
    """The algorithm that is trained on real and synthetic users; any registered one but this."""
    base_config: dict[str, Any] = Field(default_factory=dict)
    """Hyperparameters of the base."""
    synthetic_share: Annotated[float, Field(ge=0, le=10), FloatRange(0.05, 1.0)] = 0.2
    """Synthetic users added, as a share of the real ones. 0 adds none and trains no GAN: the base alone, which is
    the control row to compare with."""
    condition_share: Annotated[float, Field(ge=0, lt=1), FloatRange(0.0, 0.8)] = 0.0
    """Share of a real user's items, drawn at random and rounded down, that the generator is given as a condition.
    The synthetic user consists of the items it adds to them. 0: not conditional, from noise alone."""
    sampling_temperature: Annotated[float, Field(gt=0), FloatRange(0.5, 1.5)] = 1.0
    """Divides the generator's log preferences when the synthetic users are drawn, after training: below 1 they
    keep closer to the likeliest items, above 1 they are more varied."""
    epochs: Annotated[int, Field(ge=1), IntRange(20, 300, log=True)] = 60
    """Passes of the GAN over the real users."""
    batch_size: Annotated[int, Field(ge=1), IntRange(16, 256, log=True)] = 64
    """Users a step."""
    learning_rate: Annotated[float, Field(gt=0), LogRange(1e-5, 1e-2)] = 1e-3
    """Step size of Adam, for both networks."""
    latent_units: Annotated[int, Field(ge=1), IntRange(8, 128, log=True)] = 32
    """Length of the noise a user is generated from."""
    hidden_units: Annotated[int, Field(ge=1), IntRange(32, 512, log=True)] = 128
    """Width of the two hidden layers of generator and critic."""
    critic_steps: Annotated[int, Field(ge=1, le=10)] = 2
    """Steps of the critic for one of the generator."""
    relaxation_temperature: Annotated[float, Field(gt=0), FloatRange(0.2, 2.0)] = 1.0
    """Softness of the relaxation that carries the gradient through the drawing of items, in training only."""

    @model_validator(mode="after")
    def _base_exists(self) -> Self:
        """So that a wrong base is refused when the configuration is read, not after the GAN was trained."""
        new_base(self)
        return self


def new_base(config: GANConfig) -> Algorithm[Any]:
    """The base algorithm, not yet fitted. Raises UsageError if it does not exist, is a GAN, or is misconfigured."""
    algorithms = load_registries().algorithms
    if config.base not in algorithms:
        raise UnknownNameError("base algorithm", config.base, set(algorithms) - {NAME})
    kind = algorithms.get(config.base)
    if issubclass(kind, GANAugmented):
        raise UsageError(f"the base of '{NAME}' must be an algorithm that does not augment. Got '{config.base}'.")
    base: Algorithm[Any] = kind(kind.Config.parse(config.base, config.base_config))
    return base


class GANAugmented(Algorithm[GANConfig]):
    """Any algorithm, trained on the real users and on synthetic ones from a GAN over user profiles.

    A Wasserstein GAN with gradient penalty; a profile is drawn item by item without replacement. The generator
    may be given a random part of a real user's items as a condition. It then draws as many others as that user
    had, and the critic judges given and drawn items together, not told which are which: what is learnt is to
    continue a profile so that the whole looks real. The synthetic user is the continuation alone, as one that
    kept the given items would be a near copy of a real user who lacks the very items that user is tested on.
    Differs from the papers: it does not recommend by itself, as CFGAN does, but augments, and items are drawn
    with Gumbel noise and a straight-through gradient. Everything else (scores, needs, early stopping) is the base's.
    """

    paper = "Gulrajani, Ahmed, Arjovsky, Dumoulin, Courville: Improved training of Wasserstein GANs. NeurIPS 2017; \
Chae, Kang, Kim, Lee: CFGAN. CIKM 2018"

    def __init__(self, config: GANConfig | None = None, **fields: Any) -> None:
        super().__init__(config, **fields)
        self.base = new_base(self.config)
        # On the instance, where the harness looks: the class does not know its base.
        self.needs, self.serves_unseen_users = self.base.needs, self.base.serves_unseen_users
        self.imports = self.base.imports
        self.seeded = self.base.seeded
        if self.config.synthetic_share:
            self.imports = ("bench.lightning_runner", "scipy.stats", *self.imports)
            self.seeded = True

    @property
    def uses_validation(self) -> bool:
        return self.base.uses_validation

    @property
    def fitted_config(self) -> GANConfig:
        """With what the base found filled into `base_config`."""
        return self.config.changed(base_config=self.base.fitted_config.model_dump())

    def fit(self, train: Interactions, validation: EvalSet | None, context: Context) -> Self:
        """Train the GAN on `train`, add its users, train the base on all. The faithfulness of the synthetic users
        is in `context.details["augmentation"]`. Raises DivergedError, naming the epoch.
        """
        if self.config.synthetic_share:
            train = self._with_synthetic_users(train, context)
            if context.user_features is not None:
                context = replace(context, user_features=context.user_features.aligned(train.user_ids))
        self.base = new_base(self.config).fit(train, validation, context)
        return self

    def _with_synthetic_users(self, train: Interactions, context: Context) -> Interactions:
        users, real = profiles_of(train)
        rng = seeds.generator(context.seed, "synthetic users")
        models = rng.integers(len(users), size=max(1, round(self.config.synthetic_share * len(users))))
        synthetic = self._train(real, context).draw(real[models], rng)
        context.details["augmentation"] = faithfulness(real, synthetic.csr(), rng)
        return augmented(train, synthetic, users[models], rng)

    def _train(self, real: sparse.csr_matrix, context: Context) -> ProfileGAN:
        """The GAN, trained on the profiles of the real users."""
        import torch

        from bench.lightning_runner import Runner
        from bench_algorithms.gan_network import ProfileGAN

        popularity = np.bincount(real.indices, minlength=real.shape[1]).astype(np.float32)
        runner = Runner("gan", self.config.epochs, context)
        with runner.seeded():
            network = ProfileGAN(torch.from_numpy(popularity), self.config)
            runner.fit(network, profile_batches(real, self.config.batch_size))
        return network

    def score(self, batch: UserBatch) -> Scores:
        """The base's scores; synthetic users are never asked for."""
        return self.base.score(batch)
