"""Folds from files: what was written is read back, repeats and leaks included, and strangers are told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from bench.errors import DataError
from bench.interactions import Interactions
from bench.protocol.filters import Filters, apply_filters
from bench.protocol.fold import NOWHERE, TEST, TRAIN, VALIDATION
from bench.protocol.splitters import Given, Holdout, KFold, LeaveLastN, Splitter, StrongGeneralisation, Temporal

if TYPE_CHECKING:
    from tests.protocol.conftest import Splits

HARD_IDS = ["007", "7", "NA", "null", str(2**60), str(2**60 + 1), 'a,"b"\nc', "é"]
SPLITS: list[Splitter] = [
    Holdout(),
    Holdout(validation=0),
    LeaveLastN(),
    Temporal(),
    StrongGeneralisation(held_out=0.5),
    KFold(folds=3),
]


def write(folder: Path, **files: str) -> Given:
    """CSV files from words such as "ax ay": a user and an item each, and perhaps a time: "ax5"."""
    folder.mkdir(exist_ok=True)
    for stem, text in files.items():
        rows = [(word[0], word[1], word[2:]) for word in text.split()]
        timed = any(time for _, _, time in rows)
        lines = ["user,item,timestamp" if timed else "user,item"]
        lines += [",".join(row) if timed else f"{row[0]},{row[1]}" for row in rows]
        (folder / f"{stem}.csv").write_text("\n".join(lines) + "\n")
    return Given(folders=[str(folder)])


def data_of(text: str) -> Interactions:
    words = text.split()
    times = [int(word[2:]) for word in words] if len(words[0]) > 2 else None
    stamps = None if times is None else np.array(times)
    return Interactions.from_ids([word[0] for word in words], [word[1] for word in words], timestamp=stamps)


def part_of(splitter: Given, data: Interactions) -> list[int]:
    return [int(value) for value in splitter.assign(data, 0, 0).part]


@pytest.mark.parametrize("splitter", SPLITS, ids=str)
@pytest.mark.parametrize("times", [True, False], ids=["times", "no times"])
@pytest.mark.parametrize("repeats", [True, False], ids=["repeats", "once"])
def test_a_fold_that_was_written_is_read_back(
    splits: type[Splits], tmp_path: Path, splitter: Splitter, times: bool, repeats: bool
) -> None:
    data = splits.data(repeats=repeats)
    written = splitter.split(data, 1)
    folders = [splits.write(tmp_path / str(number), fold, times) for number, fold in enumerate(written)]
    given = Given(folders=folders)
    assert given.validates == splitter.validates
    if times or not repeats:
        assert [fold.fingerprint for fold in given.split(data, 9)] == [fold.fingerprint for fold in written]
    else:  # which of several events is meant is not in the files
        for fold, other in zip(given.split(data, 9), written, strict=True):
            assert sorted(splits.names(fold.train)) == sorted(splits.names(other.train))
            assert sorted(splits.names(fold.held_test)) == sorted(splits.names(other.held_test))


def test_hard_ids_are_found(splits: type[Splits], tmp_path: Path) -> None:
    data = Interactions.from_ids(np.repeat(np.array(HARD_IDS, object), 8), HARD_IDS * 8)
    fold = Holdout().split(data, 1)[0]
    given = Given(folders=[splits.write(tmp_path / "fold", fold)])
    assert given.split(data, 1)[0].fingerprint == fold.fingerprint


def test_parquet_files_are_read(tmp_path: Path) -> None:
    for stem, items in (("train", ["x", "y"]), ("test", ["z"])):
        parquet.write_table(pa.table({"user": [7] * len(items), "item": items}), tmp_path / f"{stem}.parquet")
    data = Interactions.from_ids(["7"] * 3, ["z", "y", "x"])
    assert part_of(Given(folders=[str(tmp_path)]), data) == [TEST, TRAIN, TRAIN]


def test_the_events_of_a_pair_are_those_of_the_files_in_order_of_time(tmp_path: Path) -> None:
    given = write(tmp_path, train="ax ax bx", validation="ax", test="ax")
    data = data_of("ax9 ax1 ax7 ax3 ax8 bx2")
    assert part_of(given, data) == [NOWHERE, TRAIN, VALIDATION, TRAIN, TEST, TRAIN]


def test_times_say_which_event_is_meant(tmp_path: Path) -> None:
    given = write(tmp_path, train="ax9 bx2", test="ax1")
    assert part_of(given, data_of("ax1 ax5 ax9 bx2")) == [TEST, NOWHERE, TRAIN, TRAIN]


def test_a_leak_is_left_for_the_audit(splits: type[Splits], tmp_path: Path) -> None:
    given = write(tmp_path, train="ax1 ay2", test="ax3 az4")
    fold = given.split(data_of("ax1 ay2 ax3 az4"), 0)[0]
    assert set(splits.names(fold.train)) & set(splits.names(fold.held_test)) == {("a", "x")}


@pytest.mark.parametrize("policy", ["first", "last"])
@pytest.mark.parametrize("times", [True, False])
def test_a_filter_cannot_hide_a_leak(tmp_path: Path, policy: str, times: bool) -> None:
    words = ("ax1 ay2", "ax3 az4") if times else ("ax ay", "ax az")
    given = write(tmp_path, train=words[0], test=words[1])
    data, _ = apply_filters(data_of("ax1 ay2 ax3 az4"), Filters.model_validate({"duplicates": policy}))
    with pytest.raises(DataError, match=r'1 user-item pairs are in several files .* duplicates = "keep"'):
        given.split(data, 0)
    data, dropped = apply_filters(data_of("ax1 ay2 ax3 az4"), Filters(duplicates="keep"))
    assert len(given.split(data, 0)[0].held_test) == 2
    assert dropped == []


def test_what_only_one_side_has_is_counted(tmp_path: Path) -> None:
    given = write(tmp_path, train="ax ay bx bx cx", test="bz dx")
    assigned = given.assign(data_of("ax ay az bx bz"), 0, 0)
    assert assigned.part.tolist() == [TRAIN, TRAIN, NOWHERE, TRAIN, TEST]
    assert assigned.excluded == {
        "interactions in none of the files": 1,
        "rows of the files that are not in the data set, or were filtered out": 3,
    }


def test_files_of_another_data_set_are_an_error(tmp_path: Path) -> None:
    given = write(tmp_path, train="ax ay", test="yx")
    told = r"no row of test in .* Its first is of user 'y' and item 'x'; the data set's is of user 'a' and item 'x'\."
    with pytest.raises(DataError, match=told):
        given.split(data_of("ax ay az"), 0)


def test_times_in_another_unit_are_told(tmp_path: Path) -> None:
    given = write(tmp_path, train="ax5000", test="ay6000")
    with pytest.raises(DataError, match=r"user 'a' and item 'x' at 5000; the data set's is of .* at 5\."):
        given.split(data_of("ax5 ay6"), 0)


def test_times_on_one_side_only_are_no_matter(tmp_path: Path) -> None:
    given = write(tmp_path, train="ax5", test="ay6")
    assert part_of(given, replace(data_of("ax1 ay2"), timestamp=None)) == [TRAIN, TEST]


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ({"train": "ax"}, r"needs a file test\.csv or test\.parquet"),
        ({"test": "ax"}, r"needs a file train\.csv or train\.parquet"),
        ({"train": "", "test": "ax"}, r"train\.csv has no rows"),
    ],
)
def test_a_folder_without_what_is_needed(tmp_path: Path, files: dict[str, str], told: str) -> None:
    given = write(tmp_path, **files)
    with pytest.raises(DataError, match=told):
        given.split(data_of("ax ay"), 0)


def test_two_files_of_one_part_or_no_folder(tmp_path: Path) -> None:
    given = write(tmp_path, train="ax", test="ay")
    parquet.write_table(pa.table({"user": ["a"], "item": ["y"]}), tmp_path / "test.parquet")
    with pytest.raises(DataError, match=r"must have one of test\.csv and test\.parquet"):
        given.split(data_of("ax ay"), 0)
    with pytest.raises(DataError, match=r"Got '.*nowhere', which is no folder"):
        Given(folders=[str(tmp_path / "nowhere")]).split(data_of("ax ay"), 0)


def test_an_empty_validation_file_is_no_validation(tmp_path: Path) -> None:
    given = write(tmp_path, train="ax bx", validation="", test="ay")
    assert not given.validates
    assert len(given.split(data_of("ax ay bx"), 0)[0].validation) == 0
