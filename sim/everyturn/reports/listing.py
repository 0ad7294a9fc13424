"""What there is, by name, for `everyturn list`: as plain data, and as the lines that people read."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from everyturn.reports.columns import entry

LIST_SCHEMA: Final = "everyturn/list/1"

ListingEntry = dict[str, Any]
"""One thing that there is: its ``name``, what it is in a ``sentence``, and what else there is to say of its sort."""


class Listing(NamedTuple):
    """One sort of thing: all that there are, and the lines that show them."""

    entries: Callable[[], Iterator[ListingEntry]]
    lines: Callable[[Iterator[ListingEntry]], Iterator[str]]


def document(what: str) -> dict[str, Any]:
    """All of one sort, as plain data."""
    return {"schema": LIST_SCHEMA, "what": what, "entries": list(LISTINGS[what].entries())}


def lines(what: str) -> Iterator[str]:
    """All of one sort, as people read them."""
    listing = LISTINGS[what]
    return listing.lines(listing.entries())


def _each(
    show: Callable[[ListingEntry], Iterator[str]],
) -> Callable[[Iterator[ListingEntry]], Iterator[str]]:
    return lambda entries: (line for each in entries for line in show(each))


def _revisions() -> Iterator[ListingEntry]:
    from everyturn_impl.revisions import REVISIONS

    for name, revision in REVISIONS.items():
        about = (sys.modules[revision.__module__].__doc__ or "").splitlines()[0]
        yield {"name": name, "sentence": about.split(": ", 1)[-1]}


def _repairs() -> Iterator[ListingEntry]:
    from everyturn_impl.repairs import REPAIRS

    for name, repair in REPAIRS.items():
        yield {"name": name, "sentence": " ".join((repair.__doc__ or "").split("\n\n")[0].split())}


def _invariants() -> Iterator[ListingEntry]:
    from everyturn_model.invariants import INVARIANTS

    for each in INVARIANTS:
        yield {"name": each.name, "kind": each.kind, "sentence": each.sentence}


def _invariant(each: ListingEntry) -> Iterator[str]:
    return entry(f"{each['name']:<20}{each['kind']}", each["sentence"], 29)


def _promises() -> Iterator[ListingEntry]:
    from everyturn_model.promises import BUSY, CANCELS, FOLDS, Promises

    default = Promises()
    for name, words in (("cancel", CANCELS), ("busy", BUSY), ("folds", FOLDS)):
        for value, sentence in words.items():
            yield {"name": name, "value": value, "default": getattr(default, name) == value, "sentence": sentence}


def _promise(each: ListingEntry) -> Iterator[str]:
    named = f"{each['name']}={each['value']!r}"
    return entry(named, f"{each['sentence']}{' (default)' if each['default'] else ''}", 36)


def _strategies() -> Iterator[ListingEntry]:
    from everyturn.strategies import STRATEGIES

    for name, each in STRATEGIES.items():
        letter, default = each.parameter or (None, None)
        own = {"sentence": each.sentence, "source": each.source or None, "promise": each.promise}
        yield {"name": name, "parameter": letter, "default": default} | own


def _strategy(each: ListingEntry) -> Iterator[str]:
    name = each["name"] if each["parameter"] is None else f"{each['name']}:{each['parameter']}"
    source = "" if each["source"] is None else f" ({each['source']})"
    return entry(name, f"{each['sentence']}{source}; promises: {each['promise']}", 14)


def _scopes() -> Iterator[ListingEntry]:
    from everyturn.world.scope import DEFAULT_SCOPES, EXTRAS, PROMPTS

    for letter, sentence in PROMPTS.items():
        yield {"name": letter, "kind": "prompt", "numbered": False, "sentence": sentence}
    for letter, (_, numbered, sentence) in EXTRAS.items():
        yield {"name": letter, "kind": "extra", "numbered": numbered, "sentence": sentence}
    for scope in DEFAULT_SCOPES:
        yield {"name": scope, "kind": "default", "numbered": False, "sentence": "a default scope of `everyturn check`"}


def _notation(entries: Iterator[ListingEntry]) -> Iterator[str]:
    yield "SCOPE = PROMPT+ ( + EXTRA )*, for example AAa+1c+1t"
    defaults = []
    for each in entries:
        match each["kind"]:
            case "prompt":
                yield from entry(f"  {each['name']}", each["sentence"], 7)
            case "extra":
                yield from entry(f"  {'n' if each['numbered'] else ' '}{each['name']}", each["sentence"], 7)
            case _:
                defaults.append(each["name"])
    yield from entry("default:", ", ".join(defaults), 9)


def _formats() -> Iterator[ListingEntry]:
    from everyturn.formats.catalogue import FORMATS

    for name, each in FORMATS.items():
        does = {"read": each.reader is not None, "written": each.writer is not None}
        yield {"name": name, **does, "suffixes": each.suffixes, "schema": each.schema, "sentence": each.about}


def _format(each: ListingEntry) -> Iterator[str]:
    does = " and ".join(does for does, can in (("read", each["read"]), ("write", each["written"])) if can)
    known_by = ", ".join([*([each["schema"]] if each["schema"] else []), *each["suffixes"]])
    return entry(f"{each['name']:<12}{does}", f"{each['sentence']} ({known_by})", 28)


def _mappings() -> Iterator[ListingEntry]:
    from everyturn.formats.mapping import shipped

    return ({"name": name, "sentence": about} for name, about in shipped().items())


def _mutants() -> Iterator[ListingEntry]:
    from everyturn.checking.mutants import MUTANTS

    for name, mutant in MUTANTS.items():
        yield {"name": name, "sentence": (mutant.__doc__ or "").splitlines()[0]}


def _named(width: int) -> Callable[[Iterator[ListingEntry]], Iterator[str]]:
    return _each(lambda each: entry(each["name"], each["sentence"], width))


LISTINGS: Final[dict[str, Listing]] = {
    "revisions": Listing(_revisions, _named(22)),
    "invariants": Listing(_invariants, _each(_invariant)),
    "promises": Listing(_promises, _each(_promise)),
    "strategies": Listing(_strategies, _each(_strategy)),
    "scopes": Listing(_scopes, _notation),
    "formats": Listing(_formats, _each(_format)),
    "mappings": Listing(_mappings, _named(12)),
    "mutants": Listing(_mutants, _named(22)),
    "repairs": Listing(_repairs, _named(32)),
}
"""Everything that `everyturn list` knows, by the word that asks for it."""
