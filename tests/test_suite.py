"""Suites validate everything before time is spent, and overrides never pass for the suite's own rows."""

from pathlib import Path

import pytest

from bench.algorithm import RatingPredictor
from bench.errors import UsageError
from bench.ledger import read_all_tuned
from bench.plugins import load_registries
from bench.suite import Suite, load_suite

GOOD = """
name = "mine"
version = 1
description = "A suite."
dataset = "smoke"
seed = 1
metrics = ["ndcg@10", "recall@5"]
primary_metric = "ndcg@10"
[tasks.holdout]
splitter = "holdout"
options = { test = 0.2 }
[tasks.temporal]
splitter = "temporal"
[algorithms.ease]
parameters = { l2 = 50.0 }
per_task.temporal = { l2 = 70.0 }
[algorithms.strong-ease]
algorithm = "ease"
"""


def load(tmp_path: Path, text: str) -> Suite:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    return load_suite(str(path), load_registries())


def l2(suite: Suite, row: str, task: str) -> float:
    return float(suite.config(row, task, load_registries()).model_dump()["l2"])


def test_parameters_by_task(tmp_path: Path) -> None:
    suite = load(tmp_path, GOOD)
    assert l2(suite, "ease", "holdout") == 50.0
    assert l2(suite, "ease", "temporal") == 70.0
    assert suite.algorithm("strong-ease", load_registries()) is suite.algorithm("ease", load_registries())


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('dataset = "smoke"', 'dataset = "smok"', "unknown dataset 'smok'. Did you mean 'smoke'"),
        ('"recall@5"', '"recal@5"', "unknown metric 'recal'. Did you mean 'recall'"),
        ('"recall@5"', '"recall"', "written name@cut-off, such as 'ndcg@10'. Got 'recall'"),
        ('"recall@5"', '"recall@0"', r"cut-off of 'recall' must be an int in \[1, 100000\]. Got 0"),
        ('splitter = "holdout"', 'splitter = "holdot"', "unknown splitter 'holdot'. Did you mean 'holdout'"),
        (
            "test = 0.2",
            "tset = 0.2",
            "the splitter 'holdout' of task 'holdout' has no field 'tset'. Did you mean 'test'",
        ),
        ("l2 = 50.0", "l2 = -1", "the field 'l2' of 'ease' .*greater than 0. Got -1"),
        ("l2 = 50.0", "l3 = 1", "'ease' has no field 'l3'. Did you mean 'l2'"),
        ("per_task.temporal", "per_task.temporl", "unknown task in suite 'mine' 'temporl'"),
        ('algorithm = "ease"', 'algorithm = "eas"', "unknown algorithm 'eas'. Did you mean 'ease'"),
        ("seed = 1", "seeds = 1", "the suite mine.toml"),
        ('name = "mine"', 'name = "../mine"', "the field 'name'"),
        ("version = 1", "version = [", "not a valid TOML file"),
        ("version = 1", "version = " + "[" * 5000, "not a valid TOML file"),
        ("[tasks.temporal]", '[tasks."../x"]', "should match pattern"),
        ("[tasks.temporal]", "[tasks.temporal]\nkind = 'ratings'", "tasks.temporal.kind' .* 'ranking' or 'rating'"),
        (
            "[tasks.temporal]",
            "[tasks.temporal]\ncandidates = { m = 3 }",
            "needs the field 'tasks.temporal.candidates.n'",
        ),
        ("[tasks.temporal]", "[tasks.temporal]\ncandidates = { n = 0 }", "greater than or equal to 1"),
        (
            "[tasks.temporal]",
            '[tasks.temporal]\nkind = "rating"\ncandidates = { n = 3 }',
            "candidates.* are for ranking, and this task predicts ratings",
        ),
        (
            "[tasks.temporal]",
            '[tasks.temporal]\nallow_leaks = ["pair-overlp"]',
            "unknown leak 'pair-overlp'. Did you mean 'pair-overlap'",
        ),
        (
            "[tasks.temporal]",
            '[tasks.temporal]\nkind = "rating"',
            "unknown primary metric of the rating task 'temporal' 'ndcg@10'",
        ),
        (
            "[tasks.temporal]",
            '[tasks.temporal]\nprimary_metric = "recall@10"',
            "unknown primary metric of the ranking task 'temporal' 'recall@10'. Did you mean 'recall@5'",
        ),
        ("version = 1", "version = 1\nsmallest_difference = 0", "'smallest_difference' .*greater than 0"),
    ],
)
def test_mistakes_get_one_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in GOOD
    with pytest.raises(UsageError, match=message) as error:
        load(tmp_path, GOOD.replace(old, new))
    assert "\n" not in str(error.value)


KINDS = (
    GOOD.replace('"recall@5"]', '"recall@5", "rmse"]')
    + "[algorithms.bias]\n[tasks.ratings]\nsplitter = 'holdout'\nkind = 'rating'\nprimary_metric = 'rmse'\n"
    + "[tasks.sampled]\nsplitter = 'holdout'\ncandidates = { n = 99 }\n"
)
"""A suite with a task of each kind."""


def test_a_task_has_the_metrics_of_its_kind_and_its_own_primary_one(tmp_path: Path) -> None:
    suite, registries = load(tmp_path, KINDS), load_registries()
    labels = {task: [metric.label for metric in suite.metrics_of(task, registries)] for task in suite.tasks}
    assert labels["holdout"] == ["ndcg@10", "recall@5"]
    assert labels["ratings"] == ["rmse"]
    assert labels["sampled"] == ["sampled-ndcg@10", "sampled-recall@5"]
    primary = {task: suite.primary_of(task, registries).label for task in suite.tasks}
    assert (primary["holdout"], primary["ratings"], primary["sampled"]) == ("ndcg@10", "rmse", "sampled-ndcg@10")


def test_what_predicts_ratings_takes_part_in_both_kinds_of_task(tmp_path: Path) -> None:
    suite, registries = load(tmp_path, KINDS), load_registries()
    assert suite.rows_of("holdout", registries) == ["ease", "strong-ease", "bias"]
    assert suite.rows_of("ratings", registries) == ["bias"]


def test_a_selection_without_any_job_is_refused(tmp_path: Path) -> None:
    suite = load(tmp_path, KINDS)
    suite.select(["ease"], []).check(load_registries())
    with pytest.raises(
        UsageError, match=r"no algorithm predicts ratings, which the tasks ask for \(ratings\)\. Got ease"
    ):
        suite.select(["ease"], ["ratings"]).check(load_registries())


def test_rules_of_a_task_are_in_the_fingerprint_of_the_suite(tmp_path: Path) -> None:
    prints = {load(tmp_path, GOOD).fingerprint}
    for line in ("repeats = true", "candidates = { n = 3 }", 'allow_leaks = ["pair-overlap"]'):
        prints.add(load(tmp_path, GOOD.replace("[tasks.temporal]", f"[tasks.temporal]\n{line}")).fingerprint)
    assert len(prints) == 4


def test_a_huge_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="larger"):
        load(tmp_path, GOOD + "#" * 2**21)


def test_overrides_rename_the_row_and_win_over_per_task(tmp_path: Path) -> None:
    suite = load(tmp_path, GOOD).override(["ease.l2=9"])
    assert list(suite.algorithms) == ["ease-l2-9", "strong-ease"]
    assert l2(suite, "ease-l2-9", "temporal") == 9.0


@pytest.mark.parametrize("assignment", ["ease.l2", "l2=3", "=3", "ease.=3"])
def test_malformed_overrides_are_refused(tmp_path: Path, assignment: str) -> None:
    with pytest.raises(UsageError, match=r"algorithm\.field=value"):
        load(tmp_path, GOOD).override([assignment])


def test_select_reduces_and_knows_its_names(tmp_path: Path) -> None:
    suite = load(tmp_path, GOOD)
    assert list(suite.select(["ease"], ["temporal"]).tasks) == ["temporal"]
    assert l2(suite.select([], ["temporal"]), "ease", "temporal") == 70.0
    suite.select([], ["holdout"]).check(load_registries())
    with pytest.raises(UsageError, match="Did you mean 'ease'"):
        suite.select(["eas"], [])


@pytest.mark.parametrize("name", ["movielens-full", "smoke"])
def test_shipped_suites_have_every_ranker(name: str) -> None:
    suite = load_suite(name, load_registries())
    assert set(suite.tasks) == {"holdout", "next-item", "temporal"}
    rankers = {name for name in load_registries().algorithms if not predicts_ratings(name)}
    assert rankers <= {row.algorithm or label for label, row in suite.algorithms.items()}


@pytest.mark.parametrize("name", ["movielens-ratings", "smoke-ratings"])
def test_shipped_rating_suites_are_valid(name: str) -> None:
    suite = load_suite(name, load_registries())
    assert {task.kind for task in suite.tasks.values()} == {"rating"}
    predictors = {name for name in load_registries().algorithms if predicts_ratings(name)}
    assert predictors == {row.algorithm or label for label, row in suite.algorithms.items()}


def predicts_ratings(name: str) -> bool:
    return issubclass(load_registries().algorithms.get(name), RatingPredictor)


def test_what_was_published_changes_no_fingerprint_and_follows_its_task(tmp_path: Path) -> None:
    plain = load(tmp_path, GOOD)
    told = load(tmp_path, 'published_in = "a paper"\n' + GOOD + 'published.temporal = { "ndcg@10" = 0.4 }\n')
    assert told.algorithms["strong-ease"].published == {"temporal": {"ndcg@10": 0.4}}
    assert told.fingerprint == plain.fingerprint
    assert told.select([], ["holdout"]).algorithms["strong-ease"].published == {}
    assert told.override(["strong-ease.l2=3"]).algorithms["strong-ease-l2-3"].published == {}
    with pytest.raises(UsageError, match="unknown task in suite 'mine' 'tempral'"):
        load(tmp_path, GOOD + 'published.tempral = { "ndcg@10" = 0.4 }\n')


@pytest.mark.parametrize("name", ["movielens", "movielens-1m", "movielens-20m"])
def test_the_other_shipped_suites_are_valid(name: str) -> None:
    assert load_suite(name, load_registries()).name == name


def test_shipped_parameters_come_with_a_ledger_of_the_same_budget() -> None:
    full, core = (load_suite(name, load_registries()) for name in ("movielens-full", "movielens"))
    shipped = read_all_tuned(load_registries().suites.get("movielens").with_name("movielens-tuned.json"))
    assert len(shipped) >= 21
    assert {one.row for one in shipped} <= set(full.algorithms)
    for one in shipped:
        ledger = one.ledger
        assert (ledger.budget_trials, ledger.budget_seconds) == (40, 1200.0)
        assert ledger.trials == len(ledger.history)
        longest = max(trial.seconds for trial in ledger.history)
        assert ledger.trials >= 40 or ledger.seconds + longest >= 0.95 * 1200  # there was no time for another one
        values = [trial.value for trial in ledger.history if trial.value is not None]
        assert ledger.best_value == max(values)
        assert full.passed(one.row, one.task).items() >= one.parameters.items()
        if one.row in core.algorithms:
            assert core.passed(one.row, one.task) == full.passed(one.row, one.task)


EXTENSION = """
extends = "smoke-v2"
name = "mine"
version = 1
description = "One more row."
[algorithms.strong-ease]
algorithm = "ease"
parameters = { l2 = 500.0 }
"""


def test_a_suite_may_add_rows_to_an_installed_one(tmp_path: Path) -> None:
    suite, smoke = load(tmp_path, EXTENSION), load_suite("smoke", load_registries())
    assert suite.label == "mine-v1"
    assert list(suite.algorithms) == [*smoke.algorithms, "strong-ease"]
    assert (suite.tasks, suite.metrics, suite.filters) == (smoke.tasks, smoke.metrics, smoke.filters)
    assert suite.fingerprint != smoke.fingerprint


def test_a_suite_that_extends_has_the_tuned_rows_of_the_other(tmp_path: Path) -> None:
    suite = load(tmp_path, EXTENSION.replace("smoke-v2", load_suite("movielens", load_registries()).label))
    assert suite.tuned_row("ease", "holdout") is not None


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("smoke-v2", "smoke-v1", "what is installed is smoke-v2"),
        ("smoke-v2", "smoke", "what is installed is smoke-v2"),
        ("smoke-v2", "smoky-v2", "unknown suite 'smoky'. Did you mean 'smoke'"),
        ("version = 1", "version = 1\nseed = 3", "'seed' is that suite's"),
        ("algorithms.strong-ease", "algorithms.ease", "has a row 'ease', and so has smoke-v2"),
        ("l2", "l3", "'strong-ease' has no field 'l3'"),
        ('"smoke-v2"', "2", "what is installed|unknown suite"),
    ],
)
def test_mistakes_of_one_that_extends_get_one_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in EXTENSION
    with pytest.raises(UsageError, match=message) as error:
        load(tmp_path, EXTENSION.replace(old, new))
    assert "\n" not in str(error.value)
