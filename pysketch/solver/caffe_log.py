"""Log lines as Caffe writes them, so that tools for Caffe's logs read ours."""

from __future__ import annotations

import logging
from datetime import datetime


class CaffeFormatter(logging.Formatter):
    """``I1122 19:10:06.032768 18087 solver.py:239] Iteration 0, loss = 10.2``: glog's prefix, no year.

    A text of several lines keeps them, without prefixes, but for the blank ones: Caffe's parse_log.py, which takes
    each line after the first iteration apart, ends at one with an IndexError.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The whole line."""
        time = datetime.fromtimestamp(record.created)
        prefix = f"{record.levelname[0]}{time:%m%d %H:%M:%S.%f} {record.process}"
        text = "\n".join(line for line in record.getMessage().splitlines() if line.strip())
        return f"{prefix} {record.filename}:{record.lineno}] {text.rstrip()}"
