"""A command that a test interrupts: SIGINT ends it even where the tests themselves run with the signal ignored, as
after ``nohup`` or in the background of a script; an ignored signal is handed on to what is started."""

from __future__ import annotations

import sys
from typing import Final

_BEGIN: Final = (
    "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.executable, sys.argv[1:])"
)


def interruptible(*arguments: str) -> list[str]:
    """``python -m everyturn`` with these arguments."""
    return [sys.executable, "-c", _BEGIN, sys.executable, "-m", "everyturn", *arguments]
