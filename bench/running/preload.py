"""Imported by the fork server: what every job needs, and what the planned algorithms ask for."""

import contextlib
import importlib
import os

import pyarrow.parquet  # noqa: F401
import scipy.sparse  # noqa: F401
import threadpoolctl  # noqa: F401
import torch  # noqa: F401

import bench.running.job
import bench.running.worker  # noqa: F401
from bench.running.process import PRELOAD_VARIABLE

for name in filter(None, os.environ.pop(PRELOAD_VARIABLE, "").split(",")):
    # The job that needs it will import it again, fail, and say why; the others must not suffer.
    with contextlib.suppress(Exception):
        importlib.import_module(name)
