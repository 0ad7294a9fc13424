"""everyturn: every interleaving of every turn. Checks the dispatcher of an LLM agent against what must hold."""

from __future__ import annotations

from typing import Final

from everyturn_model.promises import Promises

__all__ = ["Promises", "__version__"]

__version__: Final = "0.2.0"
