"""EDN, the notation of Clojure's data: the whole grammar (github.com/edn-format/edn), operation by operation.

A history may be a map a line, a vector of maps on one line or on many, maps over several lines, tagged maps such as
``#jepsen.history.Op{…}``, or JSON objects instead. Operations come as they are read, with the line where each begins,
so that a file of any length is read and one that is broken costs no other. Vectors and lists around operations, and
tags, are passed over; of a tagged value, the value is read. What Clojure prints beyond EDN is read, too: ratios,
``##Inf``, ``#:ns{…}``.

Characters and keywords are read as strings, sets as lists, ratios as floats, and the keys of maps as strings.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import msgspec

from everyturn.files.reading import MAX_LINE, quote


class EdnError(ValueError):
    """A text is not EDN: what was expected."""


_SPACE: Final = re.compile(r"(?:[\s,]|;[^\n]*)*")
_TOKEN: Final = re.compile(
    r"""\#\{ | \#_ | \#\#[-\w]+ | \#:{0,2}[^\W\d_][^\s,;"()\[\]{}\\]*  # a set, a discard, a symbolic value, a tag
      | [\[\](){}"]
      | \\(?:[^\W_]+|\S)                                              # a character
      | [^\s,;"()\[\]{}\\\#][^\s,;"()\[\]{}\\]*                       # a number, keyword or symbol
    """,
    re.VERBOSE,
)
_CLOSING: Final = {"[": "]", "(": ")", "{": "}", "#{": "}"}
_STRING: Final = re.compile(r'(?:[^"\\]|\\.)*', re.DOTALL)
_OCTAL: Final = re.compile("o?[0-7]{1,3}")
_ESCAPE: Final = re.compile(r"\\(u[0-9a-fA-F]{4}|o?[0-7]{1,3}|.)", re.DOTALL)
_ESCAPED: Final = {"t": "\t", "r": "\r", "n": "\n", "b": "\b", "f": "\f", "\\": "\\", '"': '"', "/": "/"}
_NAMED: Final = {"newline": "\n", "return": "\r", "space": " ", "tab": "\t", "backspace": "\b", "formfeed": "\f"}
_WORDS: Final = {"nil": None, "true": True, "false": False}
_SYMBOLIC: Final = {"##Inf": float("inf"), "##-Inf": float("-inf"), "##NaN": float("nan")}
_INTEGER: Final = re.compile(r"[+-]?\d{1,40}N?", re.ASCII)
_FLOAT: Final = re.compile(r"[+-]?\d{1,40}(\.\d{0,40})?([eE][+-]?\d{1,3})?M?", re.ASCII)
_RATIO: Final = re.compile(r"([+-]?\d{1,40})/(\d{1,40})", re.ASCII)
_SYMBOL: Final = re.compile(r"[^\W\d][^@^`~]*|[.*+!\-?$%&=<>|:/'][^@^`~]*")
_DEPTH: Final = 50
_BEGINS: Final = b"{#[(])"
"""What an operation, or the end of some, may begin with."""


class _Text:
    """Reads tokens from lines; those of the value at hand can be read again, from the line after its first on."""

    def __init__(self, lines: Iterable[tuple[int, bytes]]) -> None:
        self._lines = iter(lines)
        self._again: list[tuple[int, bytes]] = []
        self._read: list[tuple[int, bytes]] = []
        self._size = 0
        self._text, self._at = "", 0
        self.number = 0
        """The line that is being read."""

    def begin(self) -> None:
        """What was read so far need not be read again."""
        self._read, self._size = [], 0

    def line(self) -> bytes | None:
        """The next line that has a token, if all of this one was read, else nothing; none at the end."""
        fresh = b""
        while not self._ahead():
            self.begin()
            found = self._next()
            if found is None:
                return None
            fresh = found
        return fresh

    def skip(self) -> None:
        """Read no more of this line."""
        self._text, self._at = "", 0

    def recover(self, line: int) -> None:
        """Go on after ``line`` where the next operation may begin."""
        self._again = [each for each in self._read if each[0] > line][::-1] + self._again
        self.begin()
        self.skip()
        while (found := self._take()) is not None:
            if found[1].lstrip()[:1] in _BEGINS and found[1].strip():
                self._again.append(found)
                return

    def token(self) -> str:
        """The next token; empty at the end. A string's is its first quote."""
        while not self._ahead():
            if self._next() is None:
                return ""
        matched = _TOKEN.match(self._text, self._at)
        if matched is None:
            raise EdnError(f"a value, found {quote(self._text[self._at : self._at + 10])}")
        self._at = matched.end()
        return matched[0]

    def string(self) -> str:
        """The rest of a string, after its first quote, with its escapes."""
        pieces: list[str] = []
        while True:
            matched = _STRING.match(self._text, self._at)
            assert matched is not None
            pieces.append(matched[0])
            self._at = matched.end()
            if self._text[self._at : self._at + 1] == '"':
                self._at += 1
                return "".join(pieces)
            if self._next() is None:
                raise EdnError("the end of a string")

    def _ahead(self) -> bool:
        """Whether there is a token on this line."""
        space = _SPACE.match(self._text, self._at)
        assert space is not None
        self._at = space.end()
        return self._at < len(self._text)

    def _take(self) -> tuple[int, bytes] | None:
        return self._again.pop() if self._again else next(self._lines, None)

    def _next(self) -> bytes | None:
        found = self._take()
        if found is None:
            return None
        self.skip()
        self.number, raw = found
        self._read.append(found)
        self._size += len(raw)
        if self._size > MAX_LINE:
            raise EdnError(f"an operation of at most {MAX_LINE} bytes")
        try:
            self._text = raw.decode()
        except UnicodeDecodeError:
            raise EdnError("text in UTF-8") from None
        return raw


class _Values(_Text):
    """Reads values. What is wrong within a value whose end is known is kept in ``wrong``, and reading goes on."""

    wrong: str | None = None

    def begin(self) -> None:
        super().begin()
        self.wrong = None

    def value(self, token: str, depth: int = 0) -> Any:
        """The value that begins with ``token``. Raises :class:`EdnError` if its end cannot be known."""
        if depth > _DEPTH:
            raise EdnError("a flat value, found one that is nested too deeply")
        if token == "#_":  # noqa: S105 - no password
            self.value(self.token(), depth + 1)
            return self.value(self.token(), depth + 1)
        if token in _CLOSING:
            items = list(self._items(_CLOSING[token], depth + 1))
            return self._map(items) if token == "{" else items  # noqa: S105
        if token in ("", "]", ")", "}"):
            raise EdnError(f"a value, found {token or 'the end'}")
        if token[0] == "#" and token[1] != "#":
            return self.value(self.token(), depth + 1)
        try:
            return _unescaped(self.string()) if token == '"' else _atom(token)  # noqa: S105
        except EdnError as error:
            if token == '"' and str(error) == "the end of a string":  # noqa: S105
                raise
            self.wrong = self.wrong or str(error)
            return None

    def _items(self, closing: str, depth: int) -> Iterator[Any]:
        while (token := self.token()) != closing:
            found = self.value(self.token() if token == "#_" else token, depth)  # noqa: S105
            if token != "#_":  # noqa: S105
                yield found

    def _map(self, items: list[Any]) -> dict[str, Any]:
        keys = list(map(str, items[::2]))
        if len(items) % 2:
            self.wrong = self.wrong or "a value for every key of a map"
        if len(set(keys)) < len(keys):
            self.wrong = self.wrong or "different keys in a map"
        return dict(zip(keys, items[1::2]))


def _atom(token: str) -> Any:
    """The value of a token that stands for itself."""
    if token in _SYMBOLIC or token in _WORDS:
        return _SYMBOLIC.get(token, _WORDS.get(token))
    if token[0] == "\\":
        return _character(token[1:])
    if token[0] == ":" and len(token) > 1:
        return token[1:]
    if _INTEGER.fullmatch(token):
        return int(token.rstrip("N"))
    if _FLOAT.fullmatch(token):
        return float(token.rstrip("M"))
    if ratio := _RATIO.fullmatch(token):
        above, below = int(ratio[1]), int(ratio[2])
        if not below:
            raise EdnError(f"a ratio, found {token}")
        return above // below if above % below == 0 else above / below
    if _SYMBOL.fullmatch(token) and token != ":":  # noqa: S105
        return token
    raise EdnError(f"a value, found {quote(token)}")


def _character(name: str) -> str:
    if name in _NAMED:
        return _NAMED[name]
    if len(name) == 1:
        return name
    if re.fullmatch("u[0-9a-fA-F]{4}|o[0-7]{1,3}", name):
        return _whole(chr(int(name[1:], 16 if name[0] == "u" else 8)))
    raise EdnError(f"a character, found {quote(chr(92) + name)}")


def _unescaped(text: str) -> str:
    return _whole(_ESCAPE.sub(_escaped, text)) if "\\" in text else text


def _escaped(found: re.Match[str]) -> str:
    code = found[1]
    if code[0] == "u" and len(code) == 5:
        return chr(int(code[1:], 16))
    if _OCTAL.fullmatch(code):
        return chr(int(code.lstrip("o"), 8))
    if code not in _ESCAPED:
        raise EdnError(f"an escape in a string, found {quote(found[0])}")
    return _ESCAPED[code]


def _whole(text: str) -> str:
    """The same with pairs of surrogates as one character each."""
    if text.isascii():
        return text
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        raise EdnError("pairs of surrogates") from None


def parse_edn(text: str) -> Any:
    """The one value that ``text`` holds. Raises :class:`EdnError`."""
    values = _Values([(1, text.encode())])
    value = values.value(values.token())
    if values.wrong is None and not (following := values.token()):
        return value
    raise EdnError(values.wrong or f"one value, found {quote(following)} after it")


def operations(
    lines: Iterable[tuple[int, bytes]], fault: Callable[[int, str], None]
) -> Iterator[tuple[int, dict[str, Any]]]:
    """The maps in numbered lines of EDN, or of JSON, each with the line where it begins.

    ``fault`` is told what cannot be read: its line, and what was expected there.
    """
    yield from _Operations(lines, fault).read()


class _Operations:
    """Reads operations; ``open`` are the vectors and lists around them: how each ends, and where it began."""

    def __init__(self, lines: Iterable[tuple[int, bytes]], fault: Callable[[int, str], None]) -> None:
        self._values = _Values(lines)
        self._fault = fault
        self._open: list[tuple[str, int]] = []

    def read(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """All of them, to the end."""
        values = self._values
        while True:
            values.begin()
            start = 0
            try:
                raw = values.line()
                start = values.number
                if raw is None:
                    break
                if raw and (found := self._json(raw)) is not None:
                    values.skip()
                    yield from ((start, each) for each in found)
                    continue
                found = self._edn()
            except (EdnError, RecursionError) as error:
                start = start or values.number
                nested = isinstance(error, RecursionError)
                self._fault(start, "brackets that are not nested so deeply" if nested else str(error))
                values.recover(start)
                continue
            if values.wrong is not None:
                self._fault(start, values.wrong)
            else:
                yield from ((start, each) for each in found)
        for closing, number in self._open:
            self._fault(number, f"{closing} for what is opened here, found the end of the file")

    def _edn(self) -> list[dict[str, Any]]:
        """The next operation; none if there was but a part of what stands around operations."""
        token = self._values.token()
        if token in ("[", "("):
            self._open.append((_CLOSING[token], self._values.number))
        elif self._open and token == self._open[-1][0]:
            self._open.pop()
        elif token == "#_":  # noqa: S105 - no password
            self._values.value(self._values.token())
        elif token[:1] != "#" or token[:2] in ("#{", "##"):
            found = self._values.value(token)
            if not isinstance(found, dict):
                raise EdnError(self._values.wrong or "an operation, a map")
            return [found]
        return []

    def _json(self, raw: bytes) -> list[dict[str, Any]] | None:
        """The operations in a line of JSON, which may be a part of an array; none if it is none."""
        text = raw.strip(b" \t\r\n,")
        if text[:2] not in (b'{"', b"[{", b"{}"):
            return None
        opens = text[:1] == b"[" and text[-1:] != b"]"
        closes = text[:1] == b"{" and text[-1:] == b"]"
        try:
            found = msgspec.json.decode(text[1:] if opens else text[:-1] if closes else text)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
        if opens:
            self._open.append(("]", self._values.number))
        elif closes:
            if not self._open:
                raise EdnError("no more ] than [")
            self._open.pop()
        every = found if isinstance(found, list) else [found]
        if not all(isinstance(each, dict) for each in every):
            raise EdnError("operations, objects or maps")
        return every
