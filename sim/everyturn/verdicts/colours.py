"""The colours of verdicts, in pictures and in tables."""

from __future__ import annotations

from typing import Final

from everyturn.verdicts.verdict import Verdict

COLOURS: Final = {
    Verdict.PROVED: "#4c9f70",
    Verdict.HOLDS: "#4c9f70",
    Verdict.REFUTED: "#c8553d",
    Verdict.RISK: "#e0c060",
    Verdict.UNDETERMINED: "#e0c060",
    Verdict.VACUOUS: "#e6e6e6",
    Verdict.NOT_PROMISED: "#ffffff",
    Verdict.NOT_JUDGED: "#ffffff",
}
