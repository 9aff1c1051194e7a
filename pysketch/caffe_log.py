"""Log lines as Caffe writes them, so that tools for Caffe's logs read ours."""

from __future__ import annotations

import logging
from datetime import datetime


class CaffeFormatter(logging.Formatter):
    """``I1122 19:10:06.032768 18087 solver.py:239] Iteration 0, loss = 10.2``: glog's prefix, no year.

    A text of several lines keeps them, without prefixes, and never ends in a blank one.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The whole line."""
        time = datetime.fromtimestamp(record.created)
        prefix = f"{record.levelname[0]}{time:%m%d %H:%M:%S.%f} {record.process}"
        return f"{prefix} {record.filename}:{record.lineno}] {record.getMessage().rstrip()}"
