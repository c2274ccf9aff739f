"""The log never holds up the server, whoever reads it or not."""

import io
import logging
import threading

from wf_server import logs


class StuckTerminal(io.StringIO):
    """Takes nothing until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()

    def write(self, text: str) -> int:
        self.go.wait(20)
        return super().write(text)


def test_a_terminal_that_nobody_reads_holds_up_nothing() -> None:
    terminal = StuckTerminal()
    writer = logging.StreamHandler(terminal)
    aside = logs._Aside(writer)
    record = logging.LogRecord("x", logging.INFO, "", 0, "hello", (), None)
    for _ in range(logs.WAITING_LIMIT + 500):
        aside.emit(record)
    terminal.go.set()
    aside.close()
    aside._thread.join(20)
    assert "log records were dropped" in terminal.getvalue()
    assert terminal.getvalue().count("hello") >= logs.WAITING_LIMIT
