"""The GAN: synthetic users that are valid and faithful, in the training data of any base algorithm."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Self

import numpy as np
import pytest
import torch
from scipy import sparse

from bench.algorithm import Algorithm, Context, EvalSet, Need, UserBatch
from bench.config import Config
from bench.errors import UnknownNameError, UsageError
from bench.interactions import Float32Array, Interactions, ItemLists
from bench.plugins import load_registries
from bench.search import FloatRange
from bench.testing import tiny_features, tiny_fold
from bench.testing.case import batch_of, evaluation_batch, scores_of
from bench_algorithms.gan import GANAugmented, GANConfig
from bench_algorithms.gan_augmentation import augmented, faithfulness, synthetic_ids
from bench_algorithms.gan_network import ProfileGAN, indicators, largest
from bench_algorithms.linear import EASE

FOLD = tiny_fold()
TRAIN = FOLD.train
N_ITEMS = TRAIN.n_items
QUICK: dict[str, Any] = {"epochs": 2, "batch_size": 16, "hidden_units": 8, "latent_units": 4}


class Spy(Algorithm[Config]):
    """Keeps what it was given."""

    def fit(self, train: Interactions, validation: EvalSet | None, context: Context) -> Self:
        self.train, self.validation, self.context = train, validation, context
        return self

    def score(self, batch: UserBatch) -> Float32Array:
        return np.zeros((len(batch), self.train.n_items), np.float32)


@pytest.fixture
def spy(monkeypatch: pytest.MonkeyPatch) -> str:
    algorithms = load_registries().algorithms
    monkeypatch.setitem(algorithms._targets, "spy", Spy)
    monkeypatch.setitem(algorithms._origins, "spy", "tests")
    return "spy"


def seen_by_base(name: str, train: Interactions = TRAIN, context: Context | None = None, **fields: Any) -> Spy:
    model = GANAugmented(base=name, **QUICK, **fields).fit(train, None, context or Context(seed=1))
    assert isinstance(model.base, Spy)
    return model.base


def test_real_rows_and_codes_stay_and_valid_synthetic_ones_follow(spy: str) -> None:
    everyone = seen_by_base(spy, synthetic_share=0.5).train
    assert len(everyone.user_ids) == TRAIN.n_users + 14
    np.testing.assert_array_equal(everyone.user_ids[: TRAIN.n_users], TRAIN.user_ids)
    np.testing.assert_array_equal(everyone.item_ids, TRAIN.item_ids)
    for name in ("user", "item", "rating", "timestamp"):
        np.testing.assert_array_equal(getattr(everyone, name)[: len(TRAIN)], getattr(TRAIN, name))
    added = everyone.select(np.arange(len(TRAIN), len(everyone)))
    assert added.user.min() == TRAIN.n_users
    assert len(np.unique(added.user)) == 14
    assert len(np.unique(added.user.astype(np.int64) * N_ITEMS + added.item)) == len(added)
    assert np.isin(added.item, TRAIN.item).all(), "an item without interactions is never generated"
    assert set(np.bincount(added.user)[TRAIN.n_users :]) <= set(np.bincount(TRAIN.user))


def test_ratings_and_times_come_from_real_events(spy: str) -> None:
    everyone = seen_by_base(spy, synthetic_share=1.0).train
    assert everyone.rating is not None
    assert everyone.timestamp is not None
    assert TRAIN.rating is not None
    assert TRAIN.timestamp is not None
    rated = set(zip(TRAIN.item.tolist(), TRAIN.rating.tolist(), strict=True))
    new = slice(len(TRAIN), None)
    assert set(zip(everyone.item[new].tolist(), everyone.rating[new].tolist(), strict=True)) <= rated
    real_times = [set(TRAIN.timestamp[TRAIN.user == user].tolist()) for user in range(TRAIN.n_users)]
    for user in range(TRAIN.n_users, everyone.n_users):
        times = everyone.timestamp[everyone.user == user].tolist()
        assert times == sorted(times)
        assert any(set(times) == real for real in real_times)


def test_synthetic_histories_keep_the_order_of_the_real_ones() -> None:
    """Item 0 always comes first in the real histories and item 3 always last."""
    n = 6
    ids = np.array([f"u{u}" for u in range(n)], object), np.array(list("abcd"), object)
    user, item = np.repeat(np.arange(n), 4), np.tile([0, 1, 2, 3], n)
    real = Interactions(user.astype(np.int32), item.astype(np.int32), *ids, timestamp=np.arange(4 * n))
    new = augmented(real, ItemLists.from_lists([[0, 1, 2, 3]], 4), np.array([2], np.int32), np.random.default_rng(0))
    assert new.histories(np.array([n], np.int32)).items.tolist() == [0, 1, 2, 3]
    assert new.timestamp is not None
    assert new.timestamp[-4:].tolist() == [8, 9, 10, 11]


def test_works_without_ratings_and_times(spy: str) -> None:
    everyone = seen_by_base(spy, replace(TRAIN, rating=None, timestamp=None)).train
    assert everyone.rating is None
    assert everyone.timestamp is None


def test_ids_never_collide() -> None:
    assert synthetic_ids(2, np.array(["a"], object)).tolist() == ["synthetic-0001", "synthetic-0002"]
    taken = np.array(["synthetic-0001", "synthetic-synthetic-7"], object)
    assert not set(synthetic_ids(3, taken)) & set(taken)


def test_the_base_gets_validation_and_aligned_user_features(spy: str) -> None:
    context = Context(user_features=tiny_features(TRAIN.user_ids))
    base = seen_by_base(spy, context=context)
    assert base.context.user_features is not None
    assert list(base.context.user_features.ids) == list(base.train.user_ids)
    assert base.context.details is context.details
    model = GANAugmented(base=spy, **QUICK).fit(TRAIN, FOLD.validation, Context())
    assert isinstance(model.base, Spy)
    assert model.base.validation is FOLD.validation


def test_the_record_says_how_faithful_they_are() -> None:
    context = Context(seed=1)
    GANAugmented(**QUICK).fit(TRAIN, None, context)
    details = context.details["augmentation"]
    n = details["n_synthetic_users"]
    assert (n, details["n_real_users"]) == (6, 28)
    assert n <= details["n_synthetic_interactions"] <= n * 9
    for name in ("popularity_pearson", "popularity_spearman"):
        assert -1 <= details[name] <= 1
    for name in ("length_ks_distance", *(name for name in details if name.startswith("nearest_distance"))):
        assert 0 <= details[name] <= 1
    assert details["mean_length_real"] == len(TRAIN) / 28
    assert details["mean_length_synthetic"] == details["n_synthetic_interactions"] / n
    for curve in ("generator_loss", "discriminator_loss"):
        assert [epoch for epoch, _ in context.curves[curve]] == [1, 2]
        assert np.isfinite([value for _, value in context.curves[curve]]).all()


def test_faithfulness_by_hand() -> None:
    real = sparse.csr_matrix(np.array([[1, 1, 0, 0], [1, 1, 1, 0], [0, 0, 1, 0]], np.float32))
    synthetic = sparse.csr_matrix(np.array([[1, 1, 0, 0], [0, 1, 1, 0]], np.float32))
    found = faithfulness(real, synthetic, np.random.default_rng(0))
    assert found["nearest_distance_synthetic_to_real"] == pytest.approx((0 + 1 / 3) / 2)
    assert found["nearest_distance_real_to_real"] == pytest.approx((1 / 3 + 1 / 3 + 2 / 3) / 3)
    assert found["nearest_distance_synthetic_to_synthetic"] == pytest.approx(2 / 3)
    assert found["popularity_pearson"] == pytest.approx(np.corrcoef([2, 2, 2, 0], [1, 2, 1, 0])[0, 1])
    assert found["length_ks_distance"] == pytest.approx(1 / 3)


def test_what_is_undefined_is_none() -> None:
    lone = sparse.csr_matrix(np.ones((1, 1), np.float32))
    found = faithfulness(lone, lone, np.random.default_rng(0))
    assert found["popularity_pearson"] is None
    assert found["nearest_distance_real_to_real"] is None
    assert found["nearest_distance_synthetic_to_real"] == 0


def test_learns_which_items_go_together() -> None:
    """Users have either even or odd items, half of them each, and so do generated ones: a generator that
    ignored co-occurrence would have 67 % from one side, and a collapsed one only even or only odd users.
    """
    n_users, length = 200, 5
    rng = np.random.default_rng(0)
    items = np.array([rng.choice(np.arange(user % 2, N_ITEMS, 2), length, replace=False) for user in range(n_users)])
    rows = np.repeat(np.arange(n_users), length)
    real = sparse.csr_matrix((np.ones(len(rows), np.float32), (rows, items.ravel())), (n_users, N_ITEMS))
    fields: dict[str, Any] = {"epochs": 60, "batch_size": 32, "hidden_units": 64, "latent_units": 8}
    network = GANAugmented(learning_rate=0.003, condition_share=0, **fields)._train(real, Context(seed=1))
    odd = network.draw(real, rng).csr().toarray()[:, 1::2].sum(1) / length
    assert np.maximum(odd, 1 - odd).mean() > 0.9
    assert 0.25 < (odd > 0.5).mean() < 0.75


def untrained(**fields: Any) -> ProfileGAN:
    """Over 5 items, of which nobody has the third; the generator's weights all 0, so that popularity alone decides."""
    torch.manual_seed(0)
    gan = ProfileGAN(torch.tensor([8.0, 4.0, 0.0, 2.0, 1.0]), GANConfig(hidden_units=8, latent_units=2, **fields))
    with torch.no_grad():
        gan.generator[-1].weight.zero_()
    return gan


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_profiles_are_drawn_with_their_lengths_and_carry_gradients(share: float) -> None:
    torch.manual_seed(0)
    gan = ProfileGAN(
        torch.tensor([3.0, 2.0, 0.0, 1.0, 1.0]), GANConfig(hidden_units=8, latent_units=2, condition_share=share)
    )
    given = torch.tensor([[0, 0, 0, 0, 0], [0, 1, 0, 0, 0], [1, 0, 0, 1, 0]]) * float(share > 0)
    profiles = gan.generate(torch.tensor([1, 2, 4]), given)
    assert profiles.detach().round().sum(1).tolist() == [1, 2, 4]
    assert (profiles.detach() >= given - 1e-6).all(), "what is given is kept"
    assert not profiles[:, 2].detach().abs().gt(1e-6).any(), "an item nobody has is never generated"
    torch.autograd.backward((profiles * torch.arange(5)).sum())
    assert all(weights.grad is not None and weights.grad.abs().sum() > 0 for weights in gan.generator.parameters())


def test_a_synthetic_user_continues_a_random_part_of_a_real_one() -> None:
    lengths = np.array([1, 2, 3, 4] * 50)
    random = np.random.default_rng(0)
    real = np.zeros((len(lengths), 5), np.float32)
    for row, length in zip(real, lengths, strict=True):
        row[random.choice([0, 1, 3, 4], length, replace=False)] = 1
    gan = untrained(condition_share=0.5)
    given = gan.given(torch.from_numpy(real), torch.from_numpy(random.random(real.shape))).numpy()
    assert given.sum(1).tolist() == (lengths // 2).tolist()
    assert (given <= real).all()
    pairs = zip(real[lengths == 2], given[lengths == 2], strict=True)
    first = [part.argmax() == profile.argmax() for profile, part in pairs]
    assert 0.25 < np.mean(first) < 0.75, "any of a user's items may be given"
    drawn = gan.draw(sparse.csr_matrix(real), random).csr().toarray()
    assert drawn.sum(1).tolist() == (lengths - lengths // 2).tolist()
    assert not drawn[:, 2].any()
    four = drawn[lengths == 4]
    assert four.mean(0)[[0, 1, 3, 4]] == pytest.approx(0.5, abs=0.2), "the other two of all four"


def test_a_conditional_generator_continues_the_taste_it_is_given() -> None:
    """Users have five even or five odd items; two of them say which side the three others are from."""
    n_users, length = 200, 5
    rng = np.random.default_rng(0)
    items = np.array([rng.choice(np.arange(user % 2, N_ITEMS, 2), length, replace=False) for user in range(n_users)])
    rows = np.repeat(np.arange(n_users), length)
    real = sparse.csr_matrix((np.ones(len(rows), np.float32), (rows, items.ravel())), (n_users, N_ITEMS))
    model = GANAugmented(
        condition_share=0.5, epochs=40, batch_size=32, hidden_units=64, latent_units=8, learning_rate=0.003
    )
    drawn = model._train(real, Context(seed=1)).draw(real, rng).csr().toarray()
    assert set(drawn.sum(1)) == {3}
    odd = drawn[:, 1::2].sum(1) / 3
    assert odd[1::2].mean() > 0.9
    assert odd[::2].mean() < 0.1
    assert ((drawn > 0) & (real.toarray() == 0)).any(1).mean() > 0.5, "not copies"


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_the_sampling_temperature_sharpens_or_flattens_the_draw(temperature: float) -> None:
    """One item a user, drawn from popularity to the power of 1 / temperature."""
    gan = untrained(condition_share=0, sampling_temperature=temperature)
    one = sparse.csr_matrix(np.tile(np.eye(5, dtype=np.float32)[:1], (4_000, 1)))
    drawn = gan.draw(one, np.random.default_rng(0)).csr().toarray().mean(0)
    expected = np.array([8, 4, 0, 2, 1]) ** (1 / temperature)
    np.testing.assert_allclose(drawn, expected / expected.sum(), atol=0.03)


def test_largest() -> None:
    keys = torch.tensor([[3.0, 1.0, 2.0], [1.0, 2.0, 3.0], [1.0, 2.0, 3.0]])
    assert largest(keys, torch.tensor([2, 1, 0])).tolist() == [[1, 0, 1], [0, 0, 1], [0, 0, 0]]
    assert not largest(keys, torch.zeros(3, dtype=torch.long)).any()


def test_indicators() -> None:
    dense = indicators(torch.tensor([2, 0, 1]), torch.tensor([0, 1, 1, 3]), 4)
    assert dense.tolist() == [[0, 0, 1, 0], [0, 0, 0, 0], [1, 1, 0, 0]]


@pytest.mark.parametrize(
    ("base", "config"),
    [
        ("ease", {"l2": 10.0}),
        ("item-knn", {"k": 5}),
        ("bpr-mf", {"epochs": 3, "factors": 4}),
        ("vae", {"epochs": 3, "hidden_units": 8, "latent_units": 4, "patience": 2}),
    ],
)
def test_without_synthetic_users_it_is_the_base_bit_for_bit(base: str, config: dict[str, Any]) -> None:
    def fitted(model: Algorithm[Any]) -> tuple[Algorithm[Any], Context]:
        values = iter([0.1, 0.3, 0.2])
        context = Context(seed=3, evaluate=lambda algorithm, users: next(values))
        return model.fit(TRAIN, FOLD.validation if model.uses_validation else None, context), context

    kind = load_registries().algorithms.get(base)
    alone, plain = fitted(kind(**config))
    control, context = fitted(GANAugmented(base=base, base_config=config, synthetic_share=0))
    batch = evaluation_batch(FOLD)
    np.testing.assert_array_equal(np.asarray(scores_of(control, batch)), np.asarray(scores_of(alone, batch)))
    assert context.curves == plain.curves
    assert context.details == plain.details
    assert control.seeded == alone.seeded
    assert control.imports == alone.imports
    assert control.fitted_config.base_config == alone.fitted_config.model_dump()
    assert GANAugmented(base=base, base_config=config).seeded


def test_tuning_never_turns_augmentation_off() -> None:
    (share,) = (found for found in GANConfig.model_fields["synthetic_share"].metadata if isinstance(found, FloatRange))
    assert share.low > 0


def test_ease_as_the_base_is_ease_on_more_users() -> None:
    context = Context(seed=1)
    model = GANAugmented(**QUICK, base_config={"l2": 10.0}).fit(TRAIN, None, context)
    assert isinstance(model.base, EASE)
    assert model.base.config.l2 == 10.0
    alone = EASE(l2=10.0).fit(TRAIN, None, Context(seed=1))
    batch = evaluation_batch(FOLD)
    assert not np.array_equal(scores_of(model, batch), scores_of(alone, batch))
    assert np.corrcoef(scores_of(model, batch).ravel(), scores_of(alone, batch).ravel())[0, 1] > 0.9


def test_an_early_stopping_base_keeps_its_best_epoch() -> None:
    scores = iter([0.1, 0.3, 0.2, 0.1])
    config = {"epochs": 9, "patience": 2, "hidden_units": 8, "latent_units": 4}
    model = GANAugmented(**QUICK, base="vae", base_config=config)
    assert model.uses_validation
    context = Context(seed=1, evaluate=lambda algorithm, users: next(scores))
    model.fit(TRAIN, FOLD.validation, context)
    assert set(context.curves) == {"generator_loss", "discriminator_loss", "train_loss", "validation"}
    fitted = model.fitted_config
    assert (fitted.base_config["epochs"], fitted.base_config["patience"]) == (2, 0)
    final = GANAugmented(fitted)
    assert not final.uses_validation
    final.fit(FOLD.train_and_validation, None, Context(seed=1))
    assert np.isfinite(scores_of(final, evaluation_batch(FOLD))).all()


def test_a_sequential_base_brings_its_needs() -> None:
    base = {"epochs": 1, "patience": 0, "hidden_units": 4, "embedding_units": 4}
    model = GANAugmented(**QUICK, base="lstm", base_config=base)
    assert model.needs == {Need.TIMESTAMPS}
    assert GANAugmented().needs == frozenset()
    model.fit(TRAIN, None, Context())
    assert np.isfinite(scores_of(model, batch_of([0, 1], [[], [3]], N_ITEMS))).all()


def test_the_same_seed_gives_the_same_scores_and_another_others() -> None:
    def scores(seed: int) -> np.ndarray:
        return scores_of(GANAugmented(**QUICK).fit(TRAIN, None, Context(seed=seed)), evaluation_batch(FOLD))

    np.testing.assert_array_equal(scores(1), scores(1))
    assert not np.array_equal(scores(1), scores(2))


@pytest.mark.parametrize(
    ("wrong", "error", "line"),
    [
        ({"base": "eese"}, UnknownNameError, "unknown base algorithm 'eese'. Did you mean 'ease'?"),
        ({"base": "gan-augmented"}, UsageError, "must be an algorithm that does not augment. Got 'gan-augmented'."),
        ({"base_config": {"l3": 1}}, UsageError, "ease has no field 'l3'. Did you mean 'l2'?"),
        (
            {"synthetic_share": -1},
            UsageError,
            "'synthetic_share' of gan-augmented should be greater than or equal to 0",
        ),
    ],
)
def test_a_wrong_base_is_refused_before_anything_is_trained(
    wrong: dict[str, Any], error: type[UsageError], line: str
) -> None:
    with pytest.raises(error) as caught:
        GANConfig.parse("gan-augmented", wrong)
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)
    with pytest.raises(error):
        GANAugmented(**wrong)
