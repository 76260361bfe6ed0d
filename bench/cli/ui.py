"""`bench ui`: the MLflow UI on the store that runs are mirrored to."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli import options
from bench.errors import BenchError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from bench.tracking.places import Place

Host = Annotated[str, typer.Option("--host", help="Address to listen on; others than this machine's are public.")]
Port = Annotated[int, typer.Option("--port", min=1, max=65535, help="Port to listen on.")]

START_PAGE = "#/experiments?workflowType=machine_learning"
"""The UI otherwise shows what it has for language models."""
LOG_FILE = "mlflow-ui.log"
POLL_SECONDS = 0.2
STOP_SECONDS = 5.0


def command(
    out: options.Out = options.DEFAULT_OUT,
    tracking_uri: options.TrackingUri = None,
    host: Host = "127.0.0.1",
    port: Port = 5000,
) -> None:
    """Open the MLflow UI on the runs, until Ctrl-C."""
    from bench.tracking.places import place

    store = place(out, tracking_uri)
    if store.is_server:
        print(f"that store has a UI of its own: {store.shown}")
        return
    if store.database_file is not None and not store.database_file.exists():
        raise UsageError(f"there is no MLflow store {store.database_file} yet. Run: bench run --suite movielens")
    _check_free(host, port)
    _serve(store, host, port)


def _check_free(host: str, port: int) -> None:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise UsageError(f"cannot listen on {host}:{port}: {error.strerror}. Choose another --port.") from None


def _serve(store: Place, host: str, port: int) -> None:
    """Runs the server as a child in a session of its own, so that Ctrl-C reaches it by way of us alone."""
    signal.signal(signal.SIGTERM, _interrupt)
    log = store.root / LOG_FILE
    server = _start(store, host, port, log)
    try:
        print("starting the MLflow UI, some seconds …", file=sys.stderr)
        if _wait_until_ready(server, host, port):
            print(f"MLflow UI: http://{host}:{port}/{START_PAGE}  (Ctrl-C stops it)", flush=True)
        server.wait()
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return
    finally:
        _stop(server)
    raise BenchError(f"the MLflow server ended with exit code {server.returncode}; see {log}.")


def _start(store: Place, host: str, port: int, log: Path) -> subprocess.Popen[bytes]:
    """The store's URI goes by the environment, since anyone can see arguments, and it may hold a password. -P
    keeps modules in the current folder from being taken for others.
    """
    settings = {
        "MLFLOW_BACKEND_STORE_URI": store.uri,
        "MLFLOW_DEFAULT_ARTIFACT_ROOT": store.artifact_location or "",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # for language models; costs seconds and processes
    }
    server = [sys.executable, "-P", "-m", "mlflow", "server", "--host", host, "--port", str(port), "--workers", "1"]
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as file:
        return subprocess.Popen(
            server, stdout=file, stderr=file, env={**os.environ, **settings}, start_new_session=True
        )


def _wait_until_ready(server: subprocess.Popen[bytes], host: str, port: int) -> bool:
    """False if it ended instead."""
    while server.poll() is None:
        try:
            socket.create_connection((host, port), timeout=1).close()
            return True
        except OSError:
            time.sleep(POLL_SECONDS)
    return False


def _stop(server: subprocess.Popen[bytes]) -> None:
    """The server and its workers: all that is left of its process group."""
    for how, seconds in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, None)):
        try:
            os.killpg(server.pid, how)
            server.wait(seconds)
        except subprocess.TimeoutExpired:
            continue
        except ProcessLookupError:
            return


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
