"""How the server logs: for people on a terminal, as JSON lines anywhere else."""

from __future__ import annotations

import atexit
import contextlib
import logging
import queue
import sys
import threading
from typing import TextIO

import structlog
from structlog.typing import Processor

#: Records that wait to be written; more are dropped, and counted.
WAITING_LIMIT = 10_000
#: Seconds that the last records have to be written when the process ends.
FLUSH_SECONDS = 1.0


class _Aside(logging.Handler):
    """Writes in a thread of its own: a terminal or pipe that nobody reads must not hold up a stop."""

    def __init__(self, writer: logging.Handler) -> None:
        super().__init__()
        self._writer = writer
        self._waiting: queue.Queue[logging.LogRecord | None] = queue.Queue(WAITING_LIMIT)
        self._dropped = 0
        self._thread = threading.Thread(target=self._write, name="log writer", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._waiting.put_nowait(record)
        except queue.Full:
            self._dropped += 1

    def close(self) -> None:
        """Lets what is waiting be written, for a moment."""
        with contextlib.suppress(queue.Full):
            self._waiting.put_nowait(None)
            self._thread.join(FLUSH_SECONDS)
        super().close()

    def _write(self) -> None:
        while (record := self._waiting.get()) is not None:
            self._writer.handle(record)
            dropped, self._dropped = self._dropped, 0
            if dropped:
                told = logging.LogRecord(
                    __name__, logging.WARNING, "", 0, "%d log records were dropped", (dropped,), None
                )
                self._writer.handle(told)


def configure(stream: TextIO = sys.stderr, *, as_json: bool | None = None) -> None:
    """Sends structlog's and the libraries' records to `stream`; JSON unless that is a terminal."""
    as_json = not stream.isatty() if as_json is None else as_json
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    ending: list[Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
        if as_json
        else [structlog.dev.ConsoleRenderer(colors=stream.isatty())]
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    writer = logging.StreamHandler(stream)
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *ending],
    )
    writer.setFormatter(formatter)
    logging.basicConfig(handlers=[_Aside(writer)], level=logging.INFO, force=True)
    # Says "N changes detected" at every edit of a watched file.
    logging.getLogger("watchfiles").setLevel(logging.WARNING)
