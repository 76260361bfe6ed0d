"""The official splits of MovieLens-100K (u1 … u5, ua, ub), rebuilt from the data set and checked by md5.

    python official_splits.py FOLDER

writes `FOLDER/u1/train.csv` and `test.csv` (user,item,rating,timestamp) and so on, which the splitter `given`
reads; `FOLDER/u.data`, GroupLens' file, for tools that read that; and `FOLDER/md5.json`. GroupLens' `mku.sh` and
`allbut.pl` made the originals: `u{k}.test` is the k-th fifth of u.data, `ua.test` the first ten rows of every user in
the order of the file, `ub.test` the next ten, and `.base` the rest; all of them sorted by user, then item.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tomllib
from pathlib import Path

import numpy as np
from rating_files import movielens, write_rows

from bench.errors import DataError
from bench.interactions import BoolArray, Interactions

PUBLISHED = Path(__file__).with_name("published.toml")


def main(target: Path) -> None:
    """Write every split; raises DataError before anything is written if one is not GroupLens'."""
    data = movielens()
    whole, parts = as_grouplens(rows_of(data)), {name: data.select(mask) for name, mask in masks(data).items()}
    files = {"u.data": whole} | {name: as_grouplens(sorted(rows_of(part))) for name, part in parts.items()}
    found = {name: hashlib.md5(content).hexdigest() for name, content in files.items()}
    for name, digest in tomllib.loads(PUBLISHED.read_text(encoding="utf-8"))["grouplens"]["md5"].items():
        if found[name] != digest:
            raise DataError(f"{name} must have the md5 {digest}. Got {found[name]}.")
    for name, part in parts.items():
        split, _, kind = name.partition(".")
        write_rows(target / split / ("test.csv" if kind == "test" else "train.csv"), part)
    (target / "u.data").write_bytes(whole)
    (target / "md5.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def masks(data: Interactions) -> dict[str, BoolArray]:
    """Which rows of u.data each file holds, bool[n], by GroupLens' name of it."""
    row, nth = np.arange(len(data)), nth_of_user(data)
    tests = {f"u{k + 1}": row // 20_000 == k for k in range(5)}
    tests |= {"ua": nth < 10, "ub": (nth >= 10) & (nth < 20)}
    return {f"{name}.{kind}": mask for name, test in tests.items() for kind, mask in (("base", ~test), ("test", test))}


def nth_of_user(data: Interactions) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """int64[n]: how many rows of the same user are above each row."""
    order = np.argsort(data.user, kind="stable")
    first = np.searchsorted(data.user[order], data.user[order])
    nth = np.empty(len(data), np.int64)
    nth[order] = np.arange(len(data)) - first
    return nth


def rows_of(part: Interactions) -> list[tuple[int, int, int, int]]:
    """User, item, rating and timestamp of every row."""
    assert part.rating is not None and part.timestamp is not None
    users, items = part.user_ids[part.user].astype(int), part.item_ids[part.item].astype(int)
    columns = (users, items, part.rating.astype(int), part.timestamp)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def as_grouplens(rows: list[tuple[int, int, int, int]]) -> bytes:
    """The bytes of GroupLens' file: fields apart by tabs, lines by a newline."""
    return "".join("\t".join(map(str, row)) + "\n" for row in rows).encode()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
