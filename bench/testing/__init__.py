"""The contract kit: what every algorithm must do, for this project's own and for those of plugins.

    from bench.testing import AlgorithmCase, AlgorithmContract

    class TestMine(AlgorithmContract):
        cases = [AlgorithmCase("mine", {"epochs": 2})]

Every check of every case is a test of its own. Each is also a plain function, `assert_refits(case)` and so
on, for use in other tests. pytest is needed to run the class, not to import this.
"""

from bench.testing.case import AlgorithmCase
from bench.testing.configuration import (
    assert_configuration_documented,
    assert_configuration_survives_json,
    assert_described,
    assert_final_fit_ignores_validation,
    assert_imports_light,
    assert_search_space_valid,
)
from bench.testing.contract import CHECKS, AlgorithmContract
from bench.testing.data import one_item_catalogue, other_fold, tiny_features, tiny_fold
from bench.testing.explaining import assert_explains_soundly
from bench.testing.fitting import (
    assert_fits_on_train_only,
    assert_inputs_unchanged,
    assert_needs_declared,
    assert_refits,
    assert_reproducible,
    assert_save_load_identical,
)
from bench.testing.rating import (
    assert_ratings_agree_with_scores,
    assert_ratings_declared,
    assert_ratings_independent,
    assert_ratings_sound,
)
from bench.testing.scoring import (
    assert_batch_independent,
    assert_empty_history_served,
    assert_one_item_served,
    assert_recommends_soundly,
    assert_scores_sound,
    assert_unseen_users_served,
)

__all__ = [
    "CHECKS",
    "AlgorithmCase",
    "AlgorithmContract",
    "assert_batch_independent",
    "assert_configuration_documented",
    "assert_configuration_survives_json",
    "assert_described",
    "assert_empty_history_served",
    "assert_explains_soundly",
    "assert_final_fit_ignores_validation",
    "assert_fits_on_train_only",
    "assert_imports_light",
    "assert_inputs_unchanged",
    "assert_needs_declared",
    "assert_one_item_served",
    "assert_ratings_agree_with_scores",
    "assert_ratings_declared",
    "assert_ratings_independent",
    "assert_ratings_sound",
    "assert_recommends_soundly",
    "assert_refits",
    "assert_reproducible",
    "assert_save_load_identical",
    "assert_scores_sound",
    "assert_search_space_valid",
    "assert_unseen_users_served",
    "one_item_catalogue",
    "other_fold",
    "tiny_features",
    "tiny_fold",
]
