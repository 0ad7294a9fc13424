"""The states that a page carries of a dispatcher's run: all of a small scope, or those around the run."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

import msgspec

from everyturn.engines.coroutines.transitions import FIRST_THREAD, JUDGE, Row, Successor, Transitions
from everyturn.errors import Disagreement
from everyturn.page.contents import MOST_STATES, Act, BrokenRule, SeenEvent, Stand, StateColumn
from everyturn.page.excerpts import Places
from everyturn.page.tables import Table
from everyturn.page.words import NOTES, deed, words
from everyturn.reports.story import sentence, told_step
from everyturn.reports.value_trees import Tree, tree
from everyturn.runs.event_text import event_text
from everyturn.runs.outcomes import label
from everyturn.runs.tokens.named_steps import Named
from everyturn.verdicts.checker import Finding
from everyturn.world import objects
from everyturn_impl.calls import Call, Context
from everyturn_model import events as ev
from everyturn_model.lifecycle import Ledger


class StateSpace:
    """States of one world by number, with what can be done in each, as a page carries them.

    ``transitions`` judge all that is to be shown. State 0 is the first one.
    """

    def __init__(self, transitions: Transitions, most: int = MOST_STATES) -> None:
        self.transitions = transitions
        self.places = Places()
        self.whole = False
        self.rests: dict[int, list[BrokenRule]] = {}
        self._most = most
        self._acts = Table()
        self._stands = Table()
        self._columns = _Columns(transitions)
        self._numbers: dict[Row, int] = {}
        self._rows: list[Row] = []
        self._from: list[int] = []
        self._moves: list[list[tuple[int, int, int]] | None] = []
        self._number(transitions.initial(), -1)

    # growing -----------------------------------------------------------------------------------------------------

    def follow(self, names: Sequence[Named]) -> list[int]:
        """Carry the run of these steps, and what could be done instead at each: the place of each move. Raises
        :class:`Disagreement` if it was worked out that one of them cannot be made."""
        way: list[int] = []
        row = self._rows[0]
        for name in names:
            moves = list(self._expand(row))
            place = next((place for place, move in enumerate(moves) if self._is(row, move, name)), None)
            if place is None:
                raise Disagreement(
                    f"step {len(way)}: {name.thread} does what none of the {len(moves)} moves of its state is"
                )
            way.append(place)
            row = moves[place].row
        self._expand(row)
        return way

    def _is(self, row: Row, move: Successor, name: Named) -> bool:
        if self.transitions.world.threads[move.thread].name != name.thread:
            return False
        made = self.transitions.made(row, move.thread, move.choice)
        return tuple((operation, label(result)) for operation, result in made) == name.operations

    def carry_more(self) -> None:
        """Carry what lies around what is carried: where each step leads if nothing else interferes, then what is near,
        until there is no more room."""
        for row in list(self._rows):
            if self._moves[self._numbers[row]] is None:
                self._to_rest(row)
        waiting = deque(row for row in self._rows if self._moves[self._numbers[row]] is None)
        while waiting and len(self._rows) < self._most:
            row = waiting.popleft()
            known = len(self._rows)
            self._expand(row)
            waiting.extend(self._rows[known:])
        self.whole = not waiting

    def _to_rest(self, row: Row) -> None:
        """What comes of a state if the first thread that can go on always does: so does the page's script."""
        while len(self._rows) < self._most and self._moves[self._numbers[row]] is None:
            moves = self._expand(row)
            if not moves:
                return
            row = moves[0].row

    def _number(self, row: Row, source: int) -> int:
        number = self._numbers.setdefault(row, len(self._rows))
        if number == len(self._rows):
            self._rows.append(row)
            self._from.append(source)
            self._moves.append(None)
        return number

    def _expand(self, row: Row) -> list[Successor]:
        number = self._numbers[row]
        moves = list(self.transitions.successors(row))
        if self._moves[number] is None:
            self._moves[number] = [
                (move.thread, self._act(row, move), self._number(move.row, number)) for move in moves
            ]
            findings = self.transitions.rest(row)[1] if not moves else ()
            if findings:
                self.rests[number] = list(map(_broken, findings))
        return moves

    # tables ------------------------------------------------------------------------------------------------------

    def _act(self, row: Row, move: Successor) -> int:
        made = list(self.transitions.steps(row, move.thread, move.choice))
        events = self.transitions.seen(row, move.thread, move.choice)
        steps = [step for _, step in made]
        told = told_step(steps, events)
        act = Act(
            text=told or f"{steps[0].thread} {words(steps[0])}",
            kind=str(steps[0].operation),
            deeds=[deed(step, self._place(local)) for local, step in made],
            seen=list(map(_seen, events)),
            broken=list(map(_broken, move.findings)),
            plain=not told,
        )
        return self._acts.number(msgspec.json.encode(act), act)

    def _place(self, local: int) -> int | None:
        place = self.transitions.locals[local].place
        return None if place is None else self.places.of_code(place.code, place.line)

    def _stand(self, local: int) -> int:
        state = self.transitions.locals[local]
        if state.operation is None:
            return self._stands.number(state.word, Stand(ended=state.word))
        blocks = objects.can_block(state.operation)
        holder = objects.COLUMNS.index("mutex") if str(state.operation) == "mutex.lock" else None
        stand = Stand(str(state.operation), self._place(local), holder if blocks else None)
        return self._stands.number(msgspec.json.encode(stand), stand)

    # as data -----------------------------------------------------------------------------------------------------

    @property
    def columns(self) -> list[StateColumn]:
        """The columns with their values."""
        return self._columns.listed()

    @property
    def stands(self) -> list[Stand]:
        """Where threads stand."""
        return self._stands.listed

    @property
    def acts(self) -> list[Act]:
        """What steps do."""
        return self._acts.listed

    @property
    def moves(self) -> list[list[tuple[int, int, int]] | None]:
        """What can be done in each state."""
        return self._moves

    def states(self) -> Iterator[list[int]]:
        """Each state: the first one whole, each other one as an earlier state, and places with the numbers there."""
        written: list[list[int]] = []
        for row, source in zip(self._rows, self._from, strict=True):
            numbers = [*self._columns.numbers(row), *map(self._stand, row[FIRST_THREAD:])]
            before = [] if source < 0 else written[source]
            written.append(numbers)
            if source < 0:
                yield numbers
            else:
                changed = [(place, new) for place, (old, new) in enumerate(zip(before, numbers)) if old != new]
                yield [source, *(number for pair in changed for number in pair)]


class _Columns:
    """The columns of a page: those of the world, and the life of each prompt."""

    def __init__(self, transitions: Transitions) -> None:
        self._transitions = transitions
        self._prompts = transitions.world.prompts
        self._lives = [Table() for _ in self._prompts]

    def numbers(self, row: Row) -> list[int]:
        ledger: Ledger = self._transitions.judged.values[row[JUDGE]].ledger
        lives = [
            table.number(ledger.get(prompt), life_tree(ledger, prompt))
            for prompt, table in zip(self._prompts, self._lives)
        ]
        return [*row[:JUDGE], *lives]

    def listed(self) -> list[StateColumn]:
        shared = [
            StateColumn(name, NOTES.get(name, ""), list(map(tree, column.values)), list(map(_owners, column.values)))
            for name, column in zip(objects.COLUMNS, self._transitions.columns, strict=True)
        ]
        lives = [
            StateColumn(prompt, f"what has become of {prompt}", table.listed)
            for prompt, table in zip(self._prompts, self._lives)
        ]
        return [*shared, *lives]


def _owners(value: object) -> list[str]:
    """The prompts or threads that hold a value, or are in it."""
    if isinstance(value, Context):
        return [value.prompt or value.path[1]]
    if isinstance(value, str):
        return [value]
    if isinstance(value, tuple):
        return [each.prompt for each in value if isinstance(each, Call)]
    return []


def life_tree(ledger: Ledger, prompt: str) -> Tree:
    """What has become of a prompt, for expressions and differences; none before it was submitted."""
    life = ledger.get(prompt)
    if life is None:
        return None
    return {
        "phase": str(life.phase),
        "became": sorted(map(str, life.fates)),
        "waited for": life.run_id,
        "told": [str(each) for each in life.notices],
        "turns": [{"name": each.name, "thread": each.thread, "ended": tree(each.ending)} for each in life.turns],
        "written": life.written,
        "returned": life.returned,
    }


def _seen(event: ev.Event) -> SeenEvent:
    client = ""
    match event:
        case ev.Submitted(run_id=True):
            client = "waits"
        case ev.Completed(delivered=True, lost=lost, run_id=True):
            client = "lost" if lost else "told"
        case ev.ErrorNotified(prompt=prompt, owner=owner, lost=lost) if owner == prompt:
            client = "lost" if lost else "told"
        case ev.Returned(failed=True):
            client = "told"
    text = sentence(event) or event_text(event)
    return SeenEvent(type(event).__name__, text, getattr(event, "prompt", None), client)  # type: ignore[arg-type]


def _broken(finding: Finding) -> BrokenRule:
    return BrokenRule(finding.invariant, finding.sentence)
