"""What holds for every splitter: each interaction is in one part, nothing leaks, and who is left out is counted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from bench.errors import DataError, UsageError
from bench.interactions import Interactions
from bench.plugins import load_registries
from bench.protocol.fold import NOWHERE, VALIDATION
from bench.protocol.splitters import Assignment, Given, Holdout, Splitter, StrongGeneralisation

if TYPE_CHECKING:
    from tests.protocol.conftest import Splits

Options = dict[str, Any]
OPTIONS: dict[str, list[Options]] = {
    "holdout": [{}, {"by": "all"}, {"validation": 0}, {"by": "all", "validation": 0}],
    "leave-last-n": [{}, {"test": 3, "validation": 2}, {"validation": 0}],
    "user-temporal": [{}, {"validation": 0}, {"test": 0.5, "validation": 0.2}],
    "temporal": [{}, {"validation": 0}],
    "rolling": [{"windows": 2, "days": 20}, {"windows": 1, "days": 12.5}],
    "k-fold": [{}, {"folds": 3, "validation": 0}, {"folds": 2, "validation": 0.9}],
    "strong-generalisation": [
        {"held_out": 0.4},
        {"validation_users": 0, "held_out": 0.4},
        {"test_users": 12, "validation_users": 8, "held_out": 0.5},
    ],
    "cold-items": [{}, {"validation": 0}],
    "given": [{"of": Holdout()}, {"of": StrongGeneralisation(held_out=0.4)}, {"of": Holdout(validation=0)}],
}
"""Of every splitter; of `given`, the split that is in its files."""
CASES = [(name, options) for name, several in OPTIONS.items() for options in several]
RANDOM = {"holdout", "k-fold", "strong-generalisation", "cold-items"}


def test_no_registered_splitter_is_missing_here() -> None:
    assert set(OPTIONS) == set(load_registries().splitters)


@pytest.fixture(params=[False, True], ids=["once", "repeats"])
def data(splits: type[Splits], request: pytest.FixtureRequest) -> Interactions:
    return splits.data(repeats=request.param)


@pytest.fixture(params=CASES, ids=lambda case: f"{case[0]}-{case[1]}")
def splitter(splits: type[Splits], request: pytest.FixtureRequest, data: Interactions, tmp_path: Path) -> Splitter:
    name, options = request.param
    if name == "given":
        return Given(folders=[splits.write(tmp_path / "fold", options["of"].split(data, 1)[0])])
    kind: type[Splitter] = load_registries().splitters.get(name)
    return kind.parse(name, options)


def by_row(splitter: Splitter, data: Interactions, seed: int = 1) -> list[dict[int, int]]:
    """The part of every row, by its timestamp, in each fold."""
    assert data.timestamp is not None
    assigned = [splitter.assign(data, seed, index).part.tolist() for index in range(splitter.n_folds)]
    return [dict(zip(data.timestamp.tolist(), part, strict=True)) for part in assigned]


def test_every_row_is_in_one_part_or_counted(splits: type[Splits], splitter: Splitter, data: Interactions) -> None:
    for index, fold in enumerate(splitter.split(data, 1)):
        assigned = splitter.assign(data, 1, index)
        found = [row for part in splits.parts(fold) for row in splits.rows(part)]
        assert len(found) == len(set(found))
        assert data.timestamp is not None
        assert sorted(found) == sorted(data.timestamp[assigned.part != NOWHERE].tolist())
        nowhere = int((assigned.part == NOWHERE).sum())
        assert nowhere == 0 or nowhere in assigned.excluded.values()
        assert len(fold.held_test)
        assert bool(len(fold.held_validation)) == splitter.validates == bool(len(fold.validation))


def test_the_same_seed_gives_the_same_folds(splitter: Splitter, data: Interactions) -> None:
    first, second, other = (splitter.split(data, seed) for seed in (1, 1, 2))
    assert [fold.fingerprint for fold in first] == [fold.fingerprint for fold in second]
    is_random = type(splitter) in {load_registries().splitters.get(name) for name in RANDOM}
    assert (first[0].fingerprint != other[0].fingerprint) == is_random


def test_the_order_of_rows_does_not_matter(splitter: Splitter, data: Interactions) -> None:
    shuffled = data.select(np.random.default_rng(5).permutation(len(data)))
    assert by_row(splitter, shuffled) == by_row(splitter, data)


def test_no_truth_is_in_the_history(splitter: Splitter, data: Interactions) -> None:
    for fold in splitter.split(data, 1):
        for part in (fold.validation, fold.test):
            assert not part.history.csr().multiply(part.truth.csr()).nnz
            assert (part.truth.lengths > 0).all()
            assert (part.history.lengths > 0).all()


def test_histories_are_what_may_be_known(splits: type[Splits], splitter: Splitter, data: Interactions) -> None:
    for fold in splitter.split(data, 1):
        train, own_validation, own_test = (
            splits.pairs(fold.train),
            splits.pairs(fold.validation_history),
            splits.pairs(fold.test_history),
        )
        known = (train | own_validation, train | own_validation | splits.pairs(fold.held_validation) | own_test)
        for part, allowed in zip((fold.validation, fold.test), known, strict=True):
            assert splits.histories(part) == {pair for pair in allowed if pair[0] in set(part.users.tolist())}


def test_histories_of_their_own_are_those_of_users_who_are_not_trained_on(
    splitter: Splitter, data: Interactions
) -> None:
    for fold in splitter.split(data, 1):
        for history in (fold.validation_history, fold.test_history):
            assert not set(history.user.tolist()) & set(fold.train.user.tolist())


def test_tuning_sees_no_test(splitter: Splitter, data: Interactions) -> None:
    fold = splitter.split(data, 1)[0]
    blind = fold.without_test()
    assert len(blind.test) == len(blind.held_test) == len(blind.test_history) == 0
    assert blind.validation is fold.validation


@pytest.mark.parametrize("name", ["leave-last-n", "user-temporal", "temporal", "rolling"])
def test_missing_timestamps_name_the_splitter(splits: type[Splits], name: str) -> None:
    kind: type[Splitter] = load_registries().splitters.get(name)
    with pytest.raises(DataError, match=f"'{name}' needs timestamps"):
        kind.parse(name, OPTIONS[name][0]).split(replace(splits.data(), timestamp=None), 0)


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("holdout", {"test": 0}, "'test' of it should be greater than 0. Got 0"),
        ("holdout", {"validation": -0.1}, "'validation' of it should be greater than or equal to 0"),
        ("holdout", {"validation": 0.6, "test": 0.5}, "'test' of it must be below 1 - validation = 0.4, .* Got 0.5"),
        ("holdout", {"validation": 0.9}, "'test' of it must be below 1 - validation = 0.1, .* Got 0.1"),
        ("holdout", {"by": "item"}, "'by' of it should be 'user' or 'all'. Got 'item'"),
        ("holdout", {"tset": 0.1}, "no field 'tset'. Did you mean 'test'"),
        ("leave-last-n", {"test": 0}, "'test' of it should be greater than or equal to 1"),
        ("leave-last-n", {"validation": 0.5}, "'validation' of it should be a valid integer"),
        ("user-temporal", {"test": 1}, "'test' of it should be less than 1"),
        ("temporal", {"validation": 0.5, "test": 0.5}, "'test' of it must be below 1 - validation"),
        ("rolling", {}, "needs the field 'days'"),
        ("rolling", {"days": 0}, "'days' of it should be greater than 0"),
        ("rolling", {"days": float("inf")}, "'days' of it should be a finite number"),
        ("rolling", {"days": 1, "windows": 0}, "'windows' of it should be greater than or equal to 1"),
        ("k-fold", {"folds": 1}, "'folds' of it should be greater than or equal to 2"),
        ("k-fold", {"validation": 1}, "'validation' of it should be less than 1"),
        ("strong-generalisation", {"test_users": 1.5}, "'test_users' of it must be a share .* Got 1.5"),
        ("strong-generalisation", {"validation_users": -1}, "'validation_users' of it should be greater than or equal"),
        ("strong-generalisation", {"held_out": 1}, "'held_out' of it should be less than 1"),
        ("cold-items", {"validation": 0.5, "test": 0.5}, "'test' of it must be below 1 - validation"),
        ("given", {}, "needs the field 'folders'"),
        ("given", {"folders": []}, "'folders' of it List should have at least 1 item"),
    ],
)
def test_options_out_of_range_are_one_line_that_names_them(name: str, options: Options, told: str) -> None:
    kind: type[Splitter] = load_registries().splitters.get(name)
    with pytest.raises(UsageError, match=told) as caught:
        kind.parse("it", options)
    assert "\n" not in str(caught.value)


def test_nobody_to_test_is_an_error() -> None:
    with pytest.raises(DataError, match="validation part is empty"):
        Holdout().split(Interactions.from_ids(["a", "b"], ["x", "y"]), 0)


class Uneven(Splitter):
    """Two folds; nobody is tested in the second."""

    @property
    def n_folds(self) -> int:
        return 2

    def assign(self, data: Interactions, seed: int, index: int) -> Assignment:
        assigned = Holdout().assign(data, seed, 0)
        return assigned if index == 0 else replace(assigned, part=np.minimum(assigned.part, VALIDATION))


def test_of_several_folds_the_one_that_is_empty_is_named(splits: type[Splits]) -> None:
    with pytest.raises(DataError, match="fold 2 of 2: the test part is empty"):
        Uneven().split(splits.data(), 1)


def test_paths_are_all_that_depends_on_where_a_suite_is() -> None:
    assert Holdout().located(Path("/suites")) == Holdout()
    given = Given(folders=["mine", "/theirs"]).located(Path("/suites"))
    assert given.folders == ["/suites/mine", "/theirs"]
