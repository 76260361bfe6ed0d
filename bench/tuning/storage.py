"""The study database: an sqlite file of the results folder, or one that workers on several machines share."""

from __future__ import annotations

import warnings
from pathlib import Path

import optuna
import sqlalchemy
from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback
from optuna.trial import TrialState

from bench.database import database_lock, make_sqlite, sqlite_uri
from bench.errors import DataError

HEARTBEAT_SECONDS, GRACE_SECONDS = 10, 60
"""A worker's sign of life, and the silence after which its trials are given to others."""
MAX_RETRIES = 3
ADVISORY_LOCK = 7_315_202
"""Any number that nobody else uses."""
FILE = "optuna.db"

warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
warnings.filterwarnings("ignore", "Heartbeat of storage is supposed to be used", UserWarning)
RETRY = RetryHeartbeatStaleTrialCallback(max_retry=MAX_RETRIES)


def open_storage(folder: Path, uri: str | None) -> RDBStorage:
    """The database at a URI, or by default the file in `folder`, its tables in place.

    Raises DataError if it cannot be had.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / FILE
    try:
        if uri is None and not file.exists():
            make_sqlite(file, _connect)
        with database_lock(uri or sqlite_uri(file), ADVISORY_LOCK):
            return _connect(uri or sqlite_uri(file))
    except (sqlalchemy.exc.SQLAlchemyError, optuna.exceptions.OptunaError, ImportError, ValueError) as error:
        reason = " ".join(str(getattr(error, "orig", None) or error).split())
        raise DataError(f"{_shown(uri, file)} is not a usable study database: {reason}.") from None


def _shown(uri: str | None, file: Path) -> str:
    """Without the password."""
    return str(file) if uri is None else sqlalchemy.make_url(uri).render_as_string(hide_password=True)


def _connect(uri: str) -> RDBStorage:
    return RDBStorage(
        uri,
        heartbeat_interval=HEARTBEAT_SECONDS,
        grace_period=GRACE_SECONDS,
        heartbeat_stale_trial_callback=RETRY,
    )


def beat(study: optuna.Study, trials: list[optuna.Trial]) -> None:
    """Say that these trials go on, and give those of silent workers to whoever asks next."""
    storage = study._storage  # what `study.optimize` does in a thread for each trial; ours run in processes
    assert isinstance(storage, optuna.storages._CachedStorage)
    for trial in trials:
        storage.record_heartbeat(trial._trial_id)
    optuna.storages.fail_stale_trials(study)


def give_back(study: optuna.Study, number: int) -> None:
    """A trial that was cut off: it counts for nothing, and its parameters are tried again."""
    study.tell(number, state=TrialState.FAIL, skip_if_finished=True)
    RETRY(study, study.get_trials(deepcopy=False)[number])
