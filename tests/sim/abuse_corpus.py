"""Bad inputs: files of every format that is read, spoilt in the ways that files are spoilt, and bad words on the
command line. :mod:`tests.sim.test_abuse` gives each to the commands that read it."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from click.testing import CliRunner
from tests.sim.test_any_bytes import SLOG, good

from everyturn.cli import main

TRACE: Final = "tests/traces/L1-no-lost-cancel.jsonl"
TOKEN: Final = "et2-M8gQAAMAAAAAAAAA"


def no_file() -> bytes | None:
    """The content of a file that is not there."""
    return None


class BadInput(NamedTuple):
    """One bad input: ``words`` of the command line, in which FILE is the file with this ``content``, which is made when
    it is asked for (none: there is no file, a folder if it is ``FOLDER``), OUT a file that was good before, and NEW one
    that was not there; ``named``: what the error has to name."""

    what: str
    words: tuple[str, ...]
    ending: str = ""
    content: Callable[[], bytes | None] = no_file
    named: str = "FILE"
    code: int = 2


FOLDER: Final = b"\0a folder"


# what spoils a file of any format
# ----------------------------------------------------------------------------------------------------


def halved(content: bytes) -> bytes:
    """Cut in the middle of a line."""
    at = len(content) // 2
    while content[at - 1 : at] in (b"\n", b"}", b"]", b""):
        at -= 1
    return content[:at]


SPOILT: Final[dict[str, Callable[[bytes], bytes | None]]] = {
    "missing": lambda content: None,
    "a folder": lambda content: FOLDER,
    "empty": lambda content: b"",
    "blank lines": lambda content: b"\n \n\t\n",
    "zeros": lambda content: bytes(4096),
    "random bytes": lambda content: bytes(at * 167 % 256 for at in range(3000)),
    "latin-1": lambda content: b"\xe9\xff" + content,
    "UTF-16": lambda content: b"\xff\xfe" + content[:2000].decode("latin-1").encode("utf-16-le"),
    "one long line": lambda content: b"x" * 2_000_000,
    "brackets": lambda content: b"[" * 50_000,
    "braces": lambda content: b'{"a":' * 50_000,
    "a JSON number": lambda content: b"17",
    "a JSON list": lambda content: b"[1, 2, 3]\n",
    "null": lambda content: b"null\n",
    "another schema": lambda content: b'{"schema": "everyturn/elsewhere/9"}\n',
    "a lone surrogate": lambda content: b'{"schema": "\\ud800"}\n',
    "a number of a thousand digits": lambda content: b'{"schema": ' + b"9" * 1000 + b"}\n",
    "a page of HTML": lambda content: b"<!DOCTYPE html><html><body>404 Not Found</body></html>\n",
    "a conflict of git": lambda content: b"<<<<<<< HEAD\n" + content[:300] + b"\n=======\n>>>>>>> other\n",
    "a pickle": lambda content: b"\x80\x04\x95\x0c\x00\x00\x00\x00\x00\x00\x00cos\nsystem\n.",
    "gzip that is none": lambda content: b"\x1f\x8b\x08\x00" + b"no" * 50,
    "gzip cut": lambda content: gzip.compress(content + bytes(range(256)) * 8, mtime=0)[:-30],
    "gzip with a wrong sum": lambda content: gzip.compress(b"junk" * 9, mtime=0)[:-8] + bytes(8),
    "bzip2 cut": lambda content: bz2.compress(content)[:-20],
    "xz cut": lambda content: lzma.compress(content)[:-20],
    "zstandard that is none": lambda content: b"\x28\xb5\x2f\xfd" + b"no" * 50,
}
"""What is wrong → the bytes, from those of a good file; no bytes: no file."""

READERS: Final[dict[str, tuple[str, tuple[tuple[str, ...], ...]]]] = {
    "log": (".jsonl", (("validate", "FILE"), ("convert", "FILE", "OUT", "--to", "edn"))),
    "itf": (".itf.json", (("convert", "FILE", "OUT", "--to", "log"),)),
    "edn": (".edn", (("validate", "FILE"),)),
    "slog": (".jsonl", (("validate", "--mapping", "slog", "FILE"),)),
    "mapping": (".toml", (("validate", "--mapping", "FILE", str(SLOG)),)),
    "trace": (".trace.jsonl", (("replay", "FILE"), ("explain", "FILE"), ("shrink", "FILE", "-o", "OUT"))),
    "study": (".toml", (("simulate", "FILE", "-o", "NEW"),)),
    "campaign": (".toml", (("campaign", "FILE", "--jobs", "1", "--result", "OUT"),)),
    "result": (".json", (("diff", "FILE", "FILE"),)),
    "index": (".campaign", (("merge", "FILE", "-o", "OUT"), ("diff", "FILE", "FILE", "--json"))),
    "checkpoint": (".checkpoint", (("check", "--revision", "d3", "--scope", "A", "--checkpoint", "FILE"),)),
    "journal": (
        ".journal",
        (("repairs", "--revision", "d4", "--scope", "A", "--journal", "FILE", "--no-breaks", "--first"),),
    ),
}
"""Format → what its files' names end with, and commands that read it."""

GOES_ON: Final = {
    ("checkpoint", "latin-1"), ("checkpoint", "missing"), ("checkpoint", "empty"), ("journal", "missing"),
    ("journal", "empty"),
}  # fmt: skip
"""A file that is not there yet is begun; what stands before a checkpoint is no part of it."""


@cache
def sound(kind: str) -> bytes:
    """A good file of a format."""
    if kind == "checkpoint":
        return made(
            "check", "--revision", "d3", "--scope", "A", "--checkpoint", "FILE", "--max-states", "20", "--exit-zero"
        )
    if kind == "journal":
        return made(*READERS["journal"][1][0])
    return good(kind)


def made(*words: str) -> bytes:
    """The file that a command writes."""
    with TemporaryDirectory() as folder:
        file = Path(folder, "made")
        CliRunner().invoke(main, [str(file) if word == "FILE" else word for word in words])
        return file.read_bytes()


def of_files() -> Iterator[BadInput]:
    """Every format, spoilt in every way, for every command that reads it."""
    for kind, (ending, commands) in READERS.items():
        for what, spoil in SPOILT.items():
            if (kind, what) not in GOES_ON:
                for words in commands:
                    yield BadInput(f"{words[0]} {kind}: {what}", words, ending, partial(spoilt, kind, spoil))


def spoilt(kind: str, spoil: Callable[[bytes], bytes | None]) -> bytes | None:
    """A good file of a format, spoilt."""
    return spoil(sound(kind))


# what spoils the contents of one format
# -----------------------------------------------------------------------------------------------

CHANGED: Final[dict[str, tuple[tuple[bytes, bytes], ...]]] = {
    "campaign": (
        (b'title = "x"', b"title = 7"),
        (b'title = "x"', b'title = "x"\ntitle = "y"'),
        (b'corpus = "known"', b"corpus = []"),
        (b'corpus = "known"', b'corpse = "known"'),
        (b"[[cells]]", b"[cells]"),
        (b"[[cells]]", b"[[cels]]"),
        (b'"d3"', b'"d99"'),
        (b'"d3"', b'"no.such.module:Agent"'),
        (b'"d3"', b"3"),
        (b'"AA"', b'"AAzz"'),
        (b'"AA"', b'""'),
        (b'"AA"', b'"' + b"A" * 5000 + b'"'),
        (b'"random-walk"', b'"walk"'),
        (b'"random-walk"', b'"pct:nine"'),
        (b'"random-walk"', b'"pct:-1"'),
        (b"runs = 4", b"runs = 0"),
        (b"runs = 4", b"runs = -4"),
        (b"runs = 4", b"runs = 1e400"),
        (b"runs = 4", b"runs = true"),
        (b"runs = 4", b"runs = nan"),
        (b"runs = 4", b"runs = 99999999999999999999999999"),
        (b"runs = 4", b'runs = "4"'),
        (b'"no-hang"', b'"no-hangs"'),
        (b'["no-hang"]', b'"no-hang"'),
        (b"runs = 4", b"runs = 4\nmax_seconds = -1"),
        (b"[[cells]]", b"max_seconds = nan\n[[cells]]"),
        (b"[[cells]]", b"max_seconds = 0\n[[cells]]"),
        (b"[[cells]]", b"max_seconds = inf\n[[cells]]"),
        (b"[[cells]]", b'seed = "one"\n[[cells]]'),
        (b"[[cells]]", b"seed = -1.5\n[[cells]]"),
    ),
    "study": (
        (b'title = "x"', b"title = []"),
        (b'["d4"]', b"[]"),
        (b'["d4"]', b'"d4"'),
        (b'["d4"]', b'["d4", "d99"]'),
        (b"hours = 0.01", b"hours = -1"),
        (b"hours = 0.01", b"hours = nan"),
        (b"hours = 0.01", b"hours = inf"),
        (b"hours = 0.01", b"hours = 0"),
        (b"replications = 1", b"replications = 0"),
        (b"replications = 1", b"replications = 1.5"),
        (b'"poisson"', b'"fish"'),
        (b"per_minute = 1.0", b"per_minute = -1.0"),
        (b"per_minute = 1.0", b"per_minute = nan"),
        (b"per_minute = 1.0", b"per_minute = inf"),
        (b"per_minute = 1.0", b'per_minute = "often"'),
        (b"per_hour = 1.0", b"per_hour = -2"),
        (b"per_hour = 1.0", b"per_day = 1.0"),
        (b"mean = 0.1", b"mean = -0.1"),
        (b"mean = 0.1", b"mean = nan"),
        (b"mean = 0.1", b"mean = inf"),
        (b"mean = 0.1", b"median = 0.1"),
        (b'"exponential"', b'"weird"'),
        (b"[latency.store]", b"[latency.stork]"),
        (b'kind = "bars"', b'kind = "pie"'),
    ),
    "mapping": (
        (b"[fields]", b"[[fields]]"),
        (b"[fields]", b"[feelds]"),
        (b'name = "slog"', b"name = 7"),
        (b'name = "slog"', b'name = "slog"\nunknown = 1'),
        (b'"rfc3339"', b'"fortnights"'),
        (b'kind = "submit"', b'kind = "submits"'),
        (b'kind = "submit"', b"kind = []"),
        (b'"submit", ', b'"submits", '),
        (b'message = "msg"', b"message = 1"),
        (b'outcome = "result"', b'outcom = "result"'),
        (b"[[line]]", b"[line]"),
    ),
    "trace": (
        (b'"schema":"everyturn/trace/1"', b'"schema":"everyturn/trace/2"'),
        (b'"scope":"', b'"scope":"zz'),
        (b'"revision":"', b'"revision":"no-such-'),
        (b'"granularity":"', b'"granularity":"per '),
        (b'"decisions":', b'"choices":'),
    ),
    "result": (
        (b'"schema":', b'"scheme":'),
        (b'"cells":', b'"sells":'),
        (b'"verdict":"', b'"verdict":"very '),
        (b'"runs":', b'"runs":1.5,"was":'),
        (b'"runs":', b'"runs":-1,"was":'),
        (b'"units":', b'"units":-1,"was":'),
        (b'"left":', b'"left":-1,"was":'),
        (b'"of":', b'"of":-1,"was":'),
        (b'"revision":"', b'"revision":7,"was":"'),
    ),
}
"""Format → what stands in a good file, and what is written in its place."""


def of_contents() -> Iterator[BadInput]:
    """Files that are read as their format, and ask or say what makes no sense."""
    for kind, changes in CHANGED.items():
        ending, (words, *_) = READERS[kind]
        for was, becomes in changes:
            shown = becomes.decode()[:30].replace("\n", " ")
            yield BadInput(f"{words[0]} {kind}: {shown}", words, ending, partial(changed, kind, was, becomes))


def changed(kind: str, was: bytes, becomes: bytes) -> bytes:
    """A good file of a format, in which something else is written once."""
    assert was in sound(kind), f"{kind}: nothing to spoil: {was!r}"
    return sound(kind).replace(was, becomes, 1)


# bad words on the command line
# --------------------------------------------------------------------------------------------------------

OF_WORLDS: Final = ("check", "liveness", "audit", "coverage", "fuzz", "repairs", "export")
NAMES: Final = (
    "d99", "", " ", "d4 ", "D4", "../d4", "os", "os:", ":os", "os:path", "os.path:join", "os:PathLike",
    "no.such.module:Agent", "./none.py:Agent", ".:.", "a:b:c", "json:JSONDecoder", "\u202ed4", "d4\n", "d" * 3000, "-1",
)  # fmt: skip
SCOPES: Final = (
    "", " ", "zz", "AAzz", "A+", "A+-1c", "A+0c", "A+1", "A+1z", "+", "1", "A+99999999999999999999c",
    "A\n", "\u0410\u0410", "A,A", "A+1c+1c+", "A+1.5c", "A+\u0661c",
)  # fmt: skip
NUMBERS: Final[dict[str, tuple[str, ...]]] = {
    "check --max-states": ("0", "-1", "x", "1.5", "", "1e3", "nan"),
    "check --max-seconds": ("-1", "x", "", "nan", "inf", "-inf", "1e400"),
    "check --max-memory": ("0", "-1", "x", "", "4T", "1.5G", "nan", "G"),
    "check --jobs": ("0", "-1", "x", "many"),
    "check --counterexamples": ("0", "-1", "x"),
    "check --invariant": ("", "no-hangs", "*", "no-hang,one-turn", "x" * 3000),
    "check --without": ("no-hangs", ""),
    "check --granularity": ("line", ""),
    "check --reduce": ("all", ""),
    "check --engine": ("fast", ""),
    "check --expect": ("proved", ""),
    "check --order": ("lifo", ""),
    "check --plot": ("matrix.gif", "none/matrix.png", ".", "/dev/null", ""),
    "check --checkpoint": ("none/checkpoint", "."),
    "check --scenario": ("", "x", "os:getcwd", "none.py:f", "no.such:f"),
    "check --session": ("", "x", "os:PathLike", "none.py:S", "no.such:S"),
    "fuzz --runs": ("-1", "x", "1e3"),
    "fuzz --until-risk": ("0", "1", "-1", "2", "nan", "inf", "x", "1e-300", "5e-324", "9e-10"),
    "fuzz --seed": ("x", "1.5", ""),
    "fuzz --jobs": ("0", "x"),
    "fuzz --max-seconds": ("-1", "nan", "inf", "x"),
    "fuzz --strategy": ("", "walk", "pct:", "pct:x", "pct:-1", "pct:1.5", "random-walk:3", "x" * 3000),
    "fuzz --latency": ("0", "-1", "nan", "x", "1"),
    "fuzz --engine": ("fast",),
    "liveness --max-states": ("0", "x"),
    "liveness --max-seconds": ("-1", "nan", "inf"),
    "audit --max-seconds": ("-1", "nan", "inf"),
    "audit --max-memory": ("0", "x"),
    "coverage --max-states": ("0", "x"),
    "repairs --max-seconds": ("-1", "nan", "inf"),
    "repairs --repair": ("x", ""),
    "export --to": ("pdf", ""),
    "simulate --hours": ("0", "-1", "nan", "inf", "x"),
    "simulate --prompts-per-minute": ("-1", "nan", "inf", "x"),
    "simulate --cancels-per-hour": ("-1", "nan", "inf"),
    "simulate --replications": ("0", "x"),
    "validate --budget": ("0", "-1", "x"),
    "validate --window": ("-1", "x"),
    "validate --until-idle": ("-1", "nan", "inf", "x"),
    "validate --from": ("x", ""),
    "validate --mapping": ("x", "none.toml", ".", ""),
    "validate --report": ("report.pdf", "none/report.md", "."),
    "validate --explain": ("x",),
    "explain --budget": ("0", "-1", "x"),
    "shrink --keep": ("both",),
}
"""Command and option → values that it cannot take."""

ASKED: Final[dict[str, tuple[str, ...]]] = {
    "check": ("--revision", "d3", "--scope", "A"),
    "fuzz": ("--revision", "d3", "--scope", "A"),
    "liveness": ("--revision", "d3", "--scope", "A"),
    "audit": ("--revision", "d3", "--scope", "A"),
    "coverage": ("--revision", "d3", "--scope", "A"),
    "repairs": ("--revision", "d3", "--scope", "A"),
    "export": ("--revision", "d3", "--scope", "A", "-o", "NEW"),
    "simulate": (),
    "validate": ("recordings/d3-silent-hand-off.jsonl",),
    "explain": (TRACE,),
    "shrink": (TRACE,),
}
"""Command → what it is asked beside, which is right."""

TOKENS: Final = (
    "", " ", "hello", "et", "et1", "et1-", "et2-", "et2-!", "et2-AAAA", "et2-" + "A" * 5000, "et99-AAAA", "ea1-",
    "ea1-AAAA",
    "es1-AAAA", "et2-\u00e9", "et2-AA\nAA", "ET2-AAAA", "-", ".", "..", "/", "/dev/null", "none.jsonl", "~", "\u202e",
)  # fmt: skip
OTHERS: Final = (
    "none", "check --nonsense", "check d4", "check --revision", "list", "list nothing", "list \u202e",
    "list revisions scopes",
    "merge", "merge -o", "merge none -o OUT", "merge none none -o none/out", "diff", "diff one", "diff none none",
    "diff . .",
    "convert", "convert one", "convert none OUT", "convert . OUT", f"convert {TRACE} OUT",
    f"convert {TRACE} OUT --to nothing",
    f"convert {TRACE} none/out.edn", f"convert {TRACE} . --to edn", f"convert --from nothing {TRACE} OUT",
    "campaign", "campaign none.toml", "campaign .", "campaign none.toml --shard 0/1", "campaign none.toml --shard 2/1",
    "campaign none.toml --shard x", "campaign none.toml --shard 1/0", "campaign none.toml --jobs 0",
    "campaign none.toml --max-seconds 0", "campaign none.toml --max-seconds nan",
    "campaign none.toml --max-seconds inf",
    "campaign none.toml --seed x", "campaign none.toml --index none/index", "campaign none.toml --result none/result",
    "simulate none.toml", "simulate .", "simulate -o /dev/null/x", "simulate --revision d99", "validate",
    "validate none", "validate .",
    "validate none/*.jsonl", f"validate --follow {TRACE} {TRACE}", f"validate --until-idle 1 {TRACE}",
    f"validate --identify --follow {TRACE}", f"validate --check-mapping {TRACE}", f"validate --revision d4 {TRACE}",
    f"validate --strict --conformance {TRACE}", "fuzz", "fuzz --revision d4", "export",
    "export --revision d4 --scope A --to dot",
    "export --revision d4 --scope A --to dot -o none/x", "explain", "shrink", "replay",
    f"replay {TRACE} --revision d99",
    f"replay {TRACE} -o none/x", f"replay {TRACE} --plot x.gif", f"replay {TRACE} --invariant no-hangs",
    f"explain {TRACE} --invariant x",
    f"shrink {TRACE} --invariant x", f"explain {TRACE} --script none/x.py", f"replay {TRACE} --scenario x",
    f"shrink {TRACE} --session x",
     "repairs --revision d99 --scope A", "check --scope A --revision d4 --revision d3 --checkpoint OUT",
    "check --scenario examples.scenarios.two_users:mended --revision d4",
    "check --session examples.sessions.adapter:Mended",
    "fuzz --time simulated --revision d4 --scope A", "fuzz --latency 1 --revision d4 --scope A",
)  # fmt: skip
"""Commands that are wrong as a whole, in words that are split at spaces."""


def of_words() -> Iterator[BadInput]:
    """Options, names, scopes and tokens that are none."""
    for command in OF_WORLDS:
        more = ("--to", "dot", "-o", "NEW") if command == "export" else ()
        for name in NAMES:
            yield BadInput(
                f"{command} --agent {name[:30]!a}", (command, "--agent", name, "--scope", "A", *more), named=""
            )
        for scope in SCOPES:
            yield BadInput(
                f"{command} --scope {scope[:30]!a}", (command, "--revision", "d3", "--scope", scope, *more), named=""
            )
    for asked, values in NUMBERS.items():
        command, option = asked.split()
        for value in values:
            yield BadInput(f"{asked} {value[:30]!a}", (command, *ASKED[command], option, value), named="")
    for command in ("replay", "explain", "shrink"):
        for token in TOKENS:
            yield BadInput(f"{command} {token[:30]!a}", (command, token), named="")
    yield BadInput("fuzz --runs 0", ("fuzz", *ASKED["fuzz"], "--runs", "0"), named="nothing ran", code=5)
    for words in OTHERS:
        yield BadInput(words[:80], tuple(words.split()), named="")
