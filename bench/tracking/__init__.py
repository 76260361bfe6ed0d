"""MLflow as a mirror of the records: it may be down, slow or absent, and no result is lost.

`Mirror` is what commands use. MLflow itself is imported only by a process of its own (`worker`), which can be
killed when a server hangs.
"""

from bench.tracking.driver import Summary
from bench.tracking.mirror import Mirror

__all__ = ["Mirror", "Summary"]
