"""Where a question is asked while an error is being handled, as in an ``except`` block.

Python then makes that error the context of every error that is raised in what is explored, so that the caller's error
would be a part of its states. A thread of its own handles none. And limits hold in what is explored, and Ctrl-C ends
it, also where its code swallows that.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from everyturn.world.overrun import watching

_P = ParamSpec("_P")
_T = TypeVar("_T")


def undisturbed(ask: Callable[_P, _T]) -> Callable[_P, _T]:
    """The same question, asked where no error is being handled and limits hold."""

    @wraps(ask)
    def asked(*arguments: _P.args, **options: _P.kwargs) -> _T:
        if sys.exc_info()[1] is None:
            with watching():
                return ask(*arguments, **options)
        answers: list[_T] = []
        errors: list[BaseException] = []

        def beside() -> None:
            try:
                answers.append(ask(*arguments, **options))
            except BaseException as error:  # noqa: BLE001 - raised again below, on the caller's thread
                errors.append(error)

        thread = threading.Thread(target=beside, daemon=True)
        thread.start()
        thread.join()
        if errors:
            raise errors[0]
        return answers[0]

    return asked
