"""Keeps the results of a run as the fixture of their schema version, without what tells of the machine.

With a new schema version, and never for one that was released:

    bench run --suite smoke --task holdout --task next-item --only ease --only vae --device cpu --out RUNS
    python tests/historic_records/make.py RUNS
"""

import json
import shutil
import sys
from pathlib import Path

COMMAND = "bench run --suite smoke --task holdout --task next-item --only ease --only vae --device cpu"
MACHINE = {"processor": "a processor", "device_name": "a processor", "cores": 2, "memory_bytes": 2**34}


def keep(folder: Path, root: Path) -> None:
    """Copy a record and its tables to where they belong under `root`."""
    record = json.loads((folder / "record.json").read_text())
    record["command"] = COMMAND
    record["environment"] |= MACHINE
    target = root / f"schema-{record['schema_version']}" / Path(*folder.parts[-4:])
    target.mkdir(parents=True)
    (target / "record.json").write_text(json.dumps(record, indent=2) + "\n")
    for table in folder.glob("*.parquet"):
        shutil.copyfile(table, target / table.name)


if __name__ == "__main__":
    for path in sorted(Path(sys.argv[1]).absolute().glob("*-v*/*/*/seed-*/record.json")):
        keep(path.parent, Path(__file__).parent)
