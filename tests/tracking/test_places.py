"""Tracking URIs and the files behind them."""

from __future__ import annotations

from pathlib import Path

import pytest
from mlflow import MlflowClient

from bench.database import sqlite_uri
from bench.errors import UsageError
from bench.tracking.places import place


def test_the_default_store_is_a_file_in_the_results_folder(tmp_path: Path) -> None:
    found = place(tmp_path)
    assert found.uri == f"sqlite:///{tmp_path}/mlflow.db"
    assert found.database_file == tmp_path / "mlflow.db"
    assert found.artifact_location == (tmp_path / "mlflow-artifacts").as_uri()


@pytest.mark.parametrize("folder", ["with blanks", "100%25", "why?", "ünïcode"])
def test_unusual_folders(tmp_path: Path, template: Path, folder: str) -> None:
    (tmp_path / folder).mkdir()
    file = tmp_path / folder / "mlflow.db"
    file.write_bytes(template.read_bytes())
    client = MlflowClient(sqlite_uri(file))
    client.create_experiment("here")
    assert place(tmp_path / folder).database_file == file
    assert file.stat().st_size > 0
    assert [found.name for found in MlflowClient(sqlite_uri(file)).search_experiments()] == ["here", "Default"]


@pytest.mark.parametrize("uri", ["mlruns", "file:///tmp/mlruns", "ftp://host/x", "", "./mlflow.db"])
def test_other_uris_are_refused(tmp_path: Path, uri: str) -> None:
    with pytest.raises(UsageError, match=r"starts with one of http:, https:, sqlite:, .* Got "):
        place(tmp_path, uri)


@pytest.mark.parametrize("uri", ["http://h:5000", "https://h/x", "databricks", "databricks://profile"])
def test_servers_decide_where_files_go(tmp_path: Path, uri: str) -> None:
    found = place(tmp_path, uri)
    assert found.is_server
    assert found.artifact_location is None
    assert found.database_file is None


def test_databases_keep_files_in_the_results_folder(tmp_path: Path) -> None:
    found = place(tmp_path, "postgresql+psycopg://u:secret@h/db")
    assert not found.is_server
    assert found.artifact_location == (tmp_path / "mlflow-artifacts").as_uri()
    assert found.schema_lock.parent == tmp_path


def test_all_users_of_an_sqlite_file_share_its_lock(tmp_path: Path) -> None:
    uri = sqlite_uri(tmp_path / "shared" / "m.db")
    assert place(tmp_path / "a", uri).schema_lock == place(tmp_path / "b", uri).schema_lock


def test_passwords_are_not_shown(tmp_path: Path) -> None:
    found = place(tmp_path, "postgresql+psycopg://user:s3cret@host:5432/db")
    assert found.shown == "postgresql+psycopg://user:***@host:5432/db"
    assert found.without_password("cannot connect with s3cret") == "cannot connect with ***"
    assert place(tmp_path, "http://host:5000").shown == "http://host:5000"
