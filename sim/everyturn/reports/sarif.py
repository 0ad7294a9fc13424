"""Results as SARIF 2.1.0, which code hosts and editors show beside the lines that they are about.

Static Analysis Results Interchange Format, OASIS Standard, 2020: a log with one run of this tool, a rule for each
invariant, and a result for each refutation. What is undetermined is a notification: nothing is known to be wrong.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from everyturn import __version__
from everyturn.files.writing import written
from everyturn.printing import printable_lines
from everyturn.reports.refutations import FilePlace, ToldDoubt, ToldRefutation, meaning

SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def write(
    path: Path,
    command: str,
    judged: Iterable[str],
    refuted: Sequence[ToldRefutation],
    doubtful: Sequence[ToldDoubt],
    *,
    interrupted: bool,
) -> None:
    """Write what a ``command`` found of the invariants that it ``judged``. Raises
    :class:`~everyturn.errors.Unwritable`."""
    document = log(command, judged, refuted, doubtful, interrupted=interrupted)
    written(path, [json.dumps(document, indent=1).encode(), b"\n"])


def log(
    command: str,
    judged: Iterable[str],
    refuted: Sequence[ToldRefutation],
    doubtful: Sequence[ToldDoubt],
    *,
    interrupted: bool,
) -> dict[str, Any]:
    """The log as data."""
    names = list(
        dict.fromkeys([*judged, *(each.invariant for each in refuted), *(each.invariant for each in doubtful)])
    )
    number = {name: place for place, name in enumerate(names)}
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": "everyturn", "version": __version__, "rules": [*map(_rule, names)]}},
                "invocations": [
                    {
                        "executionSuccessful": not interrupted,
                        "toolExecutionNotifications": [_note(each, number[each.invariant]) for each in doubtful],
                    }
                ],
                "results": [_result(each, number[each.invariant]) for each in refuted],
                "columnKind": "unicodeCodePoints",
                "properties": {"command": command},
            }
        ],
    }


def _rule(name: str) -> dict[str, Any]:
    return {
        "id": name,
        "shortDescription": _message(meaning(name)),
        "defaultConfiguration": {"level": "error"},
    }


def _result(told: ToldRefutation, rule: int) -> dict[str, Any]:
    """One refutation. Who compares two logs finds it again by what violates what, whatever run shows it."""
    same = hashlib.sha256(f"{told.subject}\n{told.invariant}".encode(errors="backslashreplace")).hexdigest()
    first, others = told.places[:1], told.places[1:]
    found: dict[str, Any] = {
        "ruleId": told.invariant,
        "ruleIndex": rule,
        "level": "error",
        "message": _message(message(told)),
        "locations": [_location(each) for each in first],
        "relatedLocations": [_location(each, number) for number, each in enumerate(others, 1)],
        "partialFingerprints": {"everyturn/subject/v1": same},
        "properties": {"subject": str(told.subject)},
    }
    if told.token is not None:
        found["partialFingerprints"]["everyturn/run/v1"] = hashlib.sha256(told.token.encode()).hexdigest()
        found["properties"] |= {"token": told.token, "replay": told.replay}
    return found


def message(told: ToldRefutation) -> str:
    """What is said of a refutation: the sentence, why, and how to make the run again."""
    parts = [f"{told.subject}: {told.sentence}", "\n".join(told.story)]
    if told.replay is not None:
        parts.append(f"The same run again: {told.replay}")
    return "\n\n".join(each for each in parts if each)


def _note(doubt: ToldDoubt, rule: int) -> dict[str, Any]:
    return {
        "level": "note",
        "message": _message(f"{doubt.subject}: {doubt.invariant} is undetermined: {doubt.reason}"),
        "associatedRule": {"id": doubt.invariant, "index": rule},
    }


def _message(text: str) -> dict[str, str]:
    """A message: what would be taken for a link or for a placeholder is not."""
    return {"text": printable_lines(text)}


def _location(place: FilePlace, number: int | None = None) -> dict[str, Any]:
    found: dict[str, Any] = {
        "physicalLocation": {
            "artifactLocation": {"uri": quote(place.file), "uriBaseId": "%SRCROOT%"},
            "region": {"startLine": place.line},
        }
    }
    if place.text:
        found["message"] = _message(place.text)
    return found if number is None else {"id": number, **found}
