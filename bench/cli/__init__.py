"""The command line: one file per command. Modules here import nothing heavy until a command runs."""

from __future__ import annotations

import logging
import sys
from typing import NoReturn

import typer
from typer.exceptions import TyperException

from bench.cli import (
    baseline,
    calibrate,
    champion,
    check,
    compare,
    data,
    evaluate,
    export_fold,
    history,
    leaderboard,
    listing,
    new,
    report,
    reproduce,
    run,
    slices,
    sync,
    tune,
    ui,
)
from bench.errors import BenchError

app = typer.Typer(
    name="bench",
    help="Which recommender is better here, why, and did my change make it worse?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("run")(run.command)
app.command("leaderboard")(leaderboard.command)
app.command("report")(report.command)
app.command("history")(history.command)
app.command("slices")(slices.command)
app.command("compare")(compare.command)
app.command("check")(check.command)
app.command("calibrate")(calibrate.command)
app.command("reproduce")(reproduce.command)
app.command("tune")(tune.command)
app.command("evaluate")(evaluate.command)
app.command("export-fold")(export_fold.command)
app.command("champion")(champion.command)
app.command("ui")(ui.command)
app.command("sync")(sync.command)
app.add_typer(baseline.app, name="baseline")
app.add_typer(listing.app, name="list")
app.add_typer(data.app, name="data")
app.add_typer(new.app, name="new")


INTERRUPTED = 130


def main() -> None:
    """Entry point of `bench`: an expected error is one line on stderr and an exit code, never a traceback."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s", stream=sys.stderr)
    try:
        code = app(standalone_mode=False)
    except BenchError as error:
        _fail(str(error), error.exit_code)
    except OSError as error:  # a full disk, a file that may not be read
        _fail(str(error), 1)
    except TyperException as error:
        _fail(error.format_message(), error.exit_code)
    if code == INTERRUPTED:  # what typer makes of Ctrl-C
        _fail("interrupted", INTERRUPTED)
    sys.exit(code)


def _fail(message: str, code: int) -> NoReturn:
    if message:  # a group without a command has printed its help
        print(f"error: {message}", file=sys.stderr)
    sys.exit(code)
