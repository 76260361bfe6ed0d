"""The contract as a pytest class: every check of every case is a test of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from bench.errors import UnknownNameError, UsageError
from bench.testing import configuration, explaining, fitting, rating, scoring
from bench.testing.case import AlgorithmCase

_CHECKS: tuple[Callable[[AlgorithmCase], None], ...] = (
    configuration.assert_described,
    configuration.assert_configuration_documented,
    configuration.assert_search_space_valid,
    configuration.assert_configuration_survives_json,
    configuration.assert_imports_light,
    configuration.assert_final_fit_ignores_validation,
    fitting.assert_refits,
    fitting.assert_reproducible,
    fitting.assert_seed_declared,
    fitting.assert_save_load_identical,
    fitting.assert_inputs_unchanged,
    fitting.assert_needs_declared,
    fitting.assert_fits_on_train_only,
    scoring.assert_scores_sound,
    scoring.assert_recommends_soundly,
    scoring.assert_batch_independent,
    scoring.assert_unseen_users_served,
    scoring.assert_empty_history_served,
    scoring.assert_one_item_served,
    explaining.assert_explains_soundly,
    rating.assert_ratings_declared,
    rating.assert_ratings_sound,
    rating.assert_ratings_independent,
    rating.assert_ratings_agree_with_scores,
)
CHECKS = {check.__name__.removeprefix("assert_"): check for check in _CHECKS}
"""Every check by its name, as in a test's id and in `AlgorithmCase.exempt`."""


class AlgorithmContract:
    """Subclass it as `Test…` and name the cases.

    A check that a case is exempt from is skipped with the reason. Raises UsageError if there are no cases,
    UnknownNameError if one is exempt from a check that does not exist.
    """

    cases: ClassVar[Sequence[AlgorithmCase]] = ()

    def pytest_generate_tests(self, metafunc: Any) -> None:
        """One test a case and check: pytest calls this when it collects the class."""
        if "check" not in metafunc.fixturenames:
            return
        if not self.cases:
            raise UsageError(f"{type(self).__name__} must name at least one AlgorithmCase in `cases`. Got none.")
        for case in self.cases:
            for name in case.exempt:
                if name not in CHECKS:
                    raise UnknownNameError("check", name, CHECKS)
        pairs = [(case, check) for case in self.cases for check in CHECKS]
        metafunc.parametrize(("case", "check"), pairs, ids=[f"{case.name}-{check}" for case, check in pairs])

    def test_contract(self, case: AlgorithmCase, check: str) -> None:
        """The check passes, or the case is exempt from it."""
        if check in case.exempt:
            import pytest

            pytest.skip(case.exempt[check])
        CHECKS[check](case)
