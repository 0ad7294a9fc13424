"""everyturn: every interleaving of every turn. Checks the dispatcher of an LLM agent against what must hold."""

from __future__ import annotations

from typing import Final

__version__: Final = "0.1.0"
