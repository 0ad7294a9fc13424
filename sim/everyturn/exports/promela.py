"""A scope as Promela, for SPIN: a process for each thread, and a table look-up for each step.

The tables are constant arrays of embedded C (``c_decl``; Holzmann, *The Spin Model Checker*, 2003, chapter 17), so that
they take no room in the state vector: that has one number for each column, each thread and the judge. To run it::

    spin -a model.pml && gcc -O2 -DSAFETY -DNOREDUCE -o pan pan.c && ./pan -m1000000

SPIN's "states, stored" then equals our number of states, and an assertion is violated exactly if the invariant is. A
look-up that finds nothing ends in an error: the tables are complete for what we reached, so SPIN would have reached
more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from everyturn.exports.tables import SHARED, Key, ScopeTables, ThreadTable, runs

CHUNK: Final = 4096
"""Numbers in one array: SPIN reads at most 64 KiB of embedded C at a time."""

_LOOK_UP: Final = """\
c_decl {
/* A table in the pool: how many columns, rows and numbers of payload it has; the columns; rows sorted by their key. */
static int missing = 0; /* whether a look-up found nothing */
static int number(int place) { return POOL[place / 4096][place % 4096]; }
static int find(int table, const NUMBER *values) {
  int columns = number(table), low = 0, high = number(table + 1), width = columns + number(table + 2);
  while (low < high) {
    int middle = (low + high) / 2, row = table + 3 + columns + middle * width, order = 0, i;
    for (i = 0; i < columns && order == 0; i++) order = values[number(table + 3 + i)] - number(row + i);
    if (order == 0) return row + columns;
    if (order < 0) high = middle; else low = middle + 1;
  }
  return -1;
}
static int steps(int thread, int local) { return STEPS[thread][local / 4096][local % 4096]; }
/* How many ways a thread can go; 0: it is blocked or has ended. A missing entry counts as one, an error. */
static int ways(int thread, const NUMBER *column, const NUMBER *local) {
  int found = find(steps(thread, local[thread]), column);
  return found < 0 ? 1 : number(found);
}
static int judge_after(int judge, int events) {
  NUMBER key = events;
  int found = events == 0 ? 0 : find(JUDGED[judge / 4096][judge % 4096], &key);
  if (found < 0) missing = 1;
  return events == 0 || found < 0 ? judge : number(found);
}
static void go(int thread, int way, NUMBER *column, NUMBER *judge, NUMBER *local) {
  int table = steps(thread, local[thread]), found = find(table, column), columns = number(table), place, i;
  if (found < 0) { missing = 1; return; }
  place = number(found + 1) + way * (columns + 2);
  for (i = 0; i < columns; i++) column[number(table + 3 + i)] = number(place + i);
  local[thread] = number(place + columns);
  *judge = judge_after(*judge, number(place + columns + 1));
}
static int quiet(const NUMBER *column, const NUMBER *local) {
  int thread;
  for (thread = 0; thread < THREADS; thread++) if (ways(thread, column, local) > 0) return 0;
  return 1;
}
}
"""


def write(tables: ScopeTables, *, properties: bool = True) -> Iterator[str]:
    """The lines of the model. Without ``properties`` nothing is asserted, and the count covers all states."""
    number = "short" if max(*tables.sizes, tables.events) < 1 << 15 else "int"
    yield f"/* {tables.title}: {tables.states} states, {tables.transitions} transitions"
    yield "   spin -a FILE && gcc -O2 -DSAFETY -DNOREDUCE -o pan pan.c && ./pan -m1000000 */"
    yield from _arrays(tables)
    yield f"c_decl {{ typedef {number} NUMBER; enum {{ THREADS = {len(tables.threads)} }}; }}"
    yield from _LOOK_UP.splitlines()
    yield from _rest(tables)
    yield from _state(tables, number)
    yield from _properties(tables, asserted=properties)
    for place, thread in enumerate(tables.threads):
        yield from _process(place, thread)
    yield from _AT_REST.splitlines()


# tables -----------------------------------------------------------------------------------------------------------


class _Pool:
    """All tables, one after the other."""

    def __init__(self) -> None:
        self.numbers: list[int] = []

    def add(self, numbers: Iterable[int]) -> int:
        """Append numbers; the place of the first."""
        place = len(self.numbers)
        self.numbers += numbers
        return place

    def table(self, columns: Sequence[int], entries: Mapping[Key, Key]) -> int:
        """Append a table from keys to payloads; its place."""
        width = len(next(iter(entries.values()), ()))
        rows = [number for key in sorted(entries) for number in (*key, *entries[key])]
        return self.add([len(columns), len(entries), width, *columns, *rows])


def _arrays(tables: ScopeTables) -> Iterator[str]:
    pool = _Pool()
    steps = [
        [pool.table(thread.columns[local], _step(thread, local, pool)) for local in range(len(thread.steps))]
        for thread in tables.threads
    ]
    judged = [
        pool.table((0,), {(events,): (after,) for events, after in tables.judged.get(judge, {}).items()})
        for judge in range(tables.judges)
    ]
    rest = pool.table(range(len(SHARED) + 1), {key: (number,) for key, number in tables.rests.items()})
    yield from _array("POOL", pool.numbers)
    for place, numbers in enumerate(steps):
        yield from _array(f"STEPS_{place}", numbers)
    yield from _array("JUDGED", judged)
    names = ", ".join(f"STEPS_{place}" for place in range(len(steps)))
    yield f"c_decl {{ static const int *const *const STEPS[] = {{ {names} }}; enum {{ REST = {rest} }}; }}"


def _step(thread: ThreadTable, local: int, pool: _Pool) -> dict[Key, Key]:
    """Values of the touched columns → how many ways, and where they are."""
    return {
        key: (len(ways), pool.add(number for way in ways for number in (*way.values, way.local, way.events)))
        for key, ways in thread.steps[local].items()
    }


def _array(name: str, numbers: Sequence[int]) -> Iterator[str]:
    """An array in chunks: ``name[i / CHUNK][i % CHUNK]``."""
    chunks = [numbers[start : start + CHUNK] for start in range(0, len(numbers), CHUNK)]
    for place, chunk in enumerate(chunks):
        yield f"c_decl {{ static const int {name}_at_{place}[] = {{"
        for start in range(0, len(chunk), 24):
            yield "  " + " ".join(f"{number}," for number in chunk[start : start + 24])
        yield "}; }"
    names = ", ".join(f"{name}_at_{place}" for place in range(len(chunks)))
    yield f"c_decl {{ static const int *const {name}[] = {{ {names} }}; }}"


# rest, properties -------------------------------------------------------------------------------------------------


def _rest(tables: ScopeTables) -> Iterator[str]:
    """The judge's state after the event of rest."""
    yield "c_decl {"
    yield "static int judge_at_rest(const NUMBER *column, int judge, const NUMBER *local) {"
    shared = ", ".join(f"column[{column}]" for column in SHARED)
    yield f"  NUMBER key[] = {{ {shared}, {_waiting(tables)} }};"
    yield "  int found = find(REST, key);"
    yield "  if (found < 0) missing = 1;"
    yield "  return found < 0 ? judge : judge_after(judge, number(found));"
    yield "}"
    yield "}"


def _properties(tables: ScopeTables, *, asserted: bool) -> Iterator[str]:
    """Which invariants a judge's state has broken, and the assertions."""
    broken = {f"{_word(name)}_broken": judges for name, judges in tables.broken.items()} if asserted else {}
    yield "c_decl {"
    yield from (f"static int {name} = 0;" for name in broken)
    yield "static void look(int judge) {"
    for name, judges in broken.items():
        where = " || ".join(f"(judge >= {first} && judge <= {last})" for first, last in runs(judges))
        yield f"  {name} = {where or '0'};"
    yield "} }"
    yield "inline holds() {"
    yield ";\n".join(f"  c_code [!{name}] {{ ; }}" for name in ("missing", *broken))
    yield "}"


def _waiting(tables: ScopeTables) -> str:
    """Which threads wait, and which of them unseen, bit by bit, as a C expression."""
    bits = []
    for bit, (place, locals_) in enumerate(tables.marks):
        within = " || ".join(f"(local[{place}] >= {a} && local[{place}] <= {b})" for a, b in runs(locals_))
        bits.append(f"(({within or '0'}) << {bit})")
    return " | ".join(bits)


def _state(tables: ScopeTables, number: str) -> Iterator[str]:
    width = len(tables.columns)
    yield f"/* column: {', '.join(f'{place} {name}' for place, name in enumerate(tables.columns))} */"
    yield f"{number} column[{width}] = {_braces(tables.initial[:width])};"
    yield (
        f"/* at: the local state of "
        f"{', '.join(f'{place} {thread.name}' for place, thread in enumerate(tables.threads))} */"
    )
    yield f"{number} judge = {tables.judge};"
    yield f"{number} at[{len(tables.threads)}] = {_braces(tables.initial[width + 1 :])};"


def _braces(numbers: Sequence[int]) -> str:
    return "{ " + ", ".join(map(str, numbers)) + " }"


def _process(place: int, thread: ThreadTable) -> Iterator[str]:
    yield f"active proctype {_word(thread.name)}() {{"
    yield "end: do"
    for way in range(thread.outcomes):
        yield f"  :: atomic {{ c_expr {{ (ways({place}, now.column, now.at) > {way}) }} ->"
        yield f"       c_code {{ go({place}, {way}, now.column, &now.judge, now.at); look(now.judge); }}; holds() }}"
    yield "  od }"


_AT_REST: Final = """\
active proctype at_rest() { /* looks what must hold when nothing can move, and changes nothing */
end: do
  :: atomic { c_expr { (quiet(now.column, now.at)) } ->
       c_code { look(judge_at_rest(now.column, now.judge, now.at)); }; holds() }
  od }
"""


def _word(name: str) -> str:
    """A name as an identifier."""
    return "".join(letter if letter.isalnum() else "_" for letter in name)
