"""Imports that every job needs, loaded once in the fork server."""

import pyarrow.parquet  # noqa: F401
import scipy.sparse  # noqa: F401
import threadpoolctl  # noqa: F401
import torch  # noqa: F401

import bench.running.job
import bench.running.worker  # noqa: F401
