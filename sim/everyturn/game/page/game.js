// The game itself: which level, what the player does, and what is said of it.

const KEPT = "everyturn-game-1";
const LEVELS = JSON.parse(document.getElementById("data").textContent);
for (const level of LEVELS) {
  level.graph = unpacked(level.graph);
  if (level.mended) level.mended.graph = unpacked(level.mended.graph);
}

// Progress in the browser; a browser that keeps nothing forgets it, no more.
const progress = {
  done: {},
  load() {
    try {
      const found = JSON.parse(localStorage.getItem(KEPT) ?? "{}");
      if (found && typeof found.done === "object" && found.done !== null) this.done = found.done;
    } catch { /* nothing is kept here */ }
  },
  finish(name, moves) {
    const best = this.done[name];
    this.done[name] = typeof best === "number" ? Math.min(best, moves) : moves;
    try {
      localStorage.setItem(KEPT, JSON.stringify({done: this.done}));
    } catch { /* nothing is kept here */ }
  },
};

const at = (id) => document.getElementById(id);
let level, walk, hints;

function open(number) {
  level = LEVELS[number];
  walk = new Walk(level.graph);
  hints = 0;
  const hash = `#${level.name}`;
  if (location.hash !== hash) {
    try {
      history.replaceState(null, "", hash);
    } catch { /* a page inside another one may have no address */ }
  }
  at("title").textContent = `${number + 1}. ${level.title}`;
  at("story").replaceChildren(...emphasised(level.story).childNodes);
  at("goal").querySelector("span").textContent = level.goal;
  at("terms").replaceChildren(...level.terms.flatMap(([word, sentence]) => [
    element("dt", {text: word}), emphasised(sentence, "dd")]));
  at("legend").textContent = `${level.legend} » goes on to another line at once.`;
  at("result").hidden = true;
  at("said").textContent = "";
  show();
}

function show() {
  const graph = level.graph;
  const state = graph.states[walk.state];
  const stands = graph.who.map((_, number) => graph.stands[state[number + 1]]);
  showCode(at("code"), level.code, graph.who, stands);
  showShared(graph, state[0]);
  showChoices(graph, stands);
  showLog(at("log"), graph, walk.made());
  showLevels();
  at("undo").disabled = at("restart").disabled = walk.choices.length === 0;
  at("hint").disabled = at("give-up").disabled = walk.won !== null;
}

function showShared(graph, shared) {
  const before = walk.choices.length > 0 ? graph.states[walk.states[walk.states.length - 2]][0] : shared;
  at("shared").tBodies[0].replaceChildren(...graph.objects.map((name, place) => {
    const value = graph.shared[shared][place];
    const changed = value !== graph.shared[before][place];
    return element("tr", {class: changed ? "changed" : ""}, element("th", {scope: "row", text: name}),
      element("td", {}, element("span", {text: value}), changed ? element("small", {text: " changed"}) : ""));
  }));
}

function showChoices(graph, stands) {
  const rows = graph.who.flatMap((name, who) => {
    const moves = walk.moves.map((move, place) => [move, place]).filter(([move]) => move.who === who);
    if (moves.length === 0) return stands[who].ended === "is not there" ? [] : [resting(name, who, stands[who])];
    return moves.map(([move, place]) => choice(name, who, stands[who], move, place, moves.length > 1));
  });
  at("choices").replaceChildren(...rows);
  document.querySelectorAll("button.choice").forEach((button, number) => {
    if (number < 9) button.prepend(element("kbd", {text: `${number + 1}`, "aria-hidden": "true"}));
  });
}

function choice(name, who, stand, move, place, several) {
  const does = several ? move.told.split("; ")[0] : stand.next;
  const variables = stand.variables.map(([variable, value]) => `${variable} = ${value}`).join(", ");
  const button = element("button", {class: `choice who-${who}`, "data-place": place, onclick: () => take(place)},
    element("b", {text: name}), element("span", {text: does}),
    variables ? element("small", {text: variables}) : "");
  if (several || stand.line === 0) return button;
  const line = element("button", {class: "line", title: "Go on to another line (key: shift and number)",
    "aria-label": `${name}: go on to another line`, onclick: () => wholeLine(who)}, "»");
  return element("div", {class: "choice-row"}, button, line);
}

// One thread alone, until it stands on another line, has to wait or has ended, or the goal is reached.
function wholeLine(who) {
  const line = () => level.graph.stands[level.graph.states[walk.state][who + 1]].line;
  const first = line();
  do {
    const place = walk.moves.findIndex((move) => move.who === who);
    if (place < 0) break;
    take(place);
  } while (walk.won === null && line() === first && walk.choices.length < 10000);
}

function resting(name, who, stand) {
  const waits = stand.next ? `has to wait: ${stand.next}` : stand.line ? `waits on line ${stand.line}` : "";
  const why = stand.ended || (walk.won !== null ? stand.next : "") || waits || "has ended";
  return element("div", {class: `choice idle who-${who}`}, element("b", {text: name}), element("span", {text: why}));
}

function showLog(place, graph, moves, from = moves.length) {
  place.replaceChildren(...moves.map((move, step) => element("li", {class: step >= from ? "later" : ""},
    chip(graph.who, move.who), ` ${move.told}`)));
  place.scrollTop = place.scrollHeight;
}

function showLevels() {
  at("levels").replaceChildren(...LEVELS.map((each, number) => {
    const done = each.name in progress.done;
    return element("li", {}, element("button", {
      class: done ? "done" : "", "aria-current": each === level ? "step" : null, title: each.title,
      "aria-label": `Level ${number + 1}, ${each.title}${done ? ", done" : ""}`, onclick: () => open(number),
    }, done ? `✓ ${number + 1}` : `${number + 1}`));
  }));
}

function take(place) {
  if (walk.won !== null || place < 0 || place >= walk.moves.length) return;
  const move = walk.take(place);
  at("said").textContent = `${level.graph.who[move.who]} ${move.told}.`;
  show();
  if (walk.won !== null) return win();
  if (walk.atRest) {
    at("said").textContent = `${at("said").textContent} Nothing can move any more, and the goal is not reached. ` +
      (level.shortest === null ? "Undo some moves, or start over." : `${missed()} Undo ${tooLate()}, or start over.`);
  }
  keepFocus(move.who);
}

// Keys and assistive technology stay where they were: on the button of the one who has moved, if he can go on.
function keepFocus(who) {
  const again = document.querySelector(`button.choice.who-${who}`) ?? document.querySelector("button.choice");
  (again ?? at("undo")).focus({preventScroll: true});
}

function undo() {
  walk.undo();
  at("result").hidden = true;
  at("said").textContent = "";
  show();
}

function restart() {
  walk.restart();
  at("result").hidden = true;
  at("said").textContent = "";
  show();
}

function hint() {
  if (walk.won !== null) return;
  const left = walk.distances()[walk.state];
  let said;
  if (hints < level.hints.length) said = level.hints[hints];
  else if (level.shortest === null) said = "Perhaps it cannot be done. If you think so, say so.";
  else if (left === Infinity) said = `From here the goal cannot be reached any more. Undo ${tooLate()}.`;
  else {
    const move = walk.moves[walk.best()];
    said = `${left === 1 ? "One move is" : `${left} moves are`} enough from here. Next: ${level.graph.who[move.who]}.`;
  }
  hints += 1;
  at("said").textContent = `Hint: ${said}`;
}

// The move after which the goal could not be reached any more, in words.
function missed() {
  const left = walk.distances();
  const late = walk.states.findIndex((state) => left[state] === Infinity);
  const move = walk.made()[late - 1];
  return `It was out of reach from move ${late} on: ${level.graph.who[move.who]} ${move.told}.`;
}

// How many moves have to be undone until the goal can be reached again, in words.
function tooLate() {
  const left = walk.distances();
  let back = 0;
  while (left[walk.states[walk.states.length - 1 - back]] === Infinity) back += 1;
  return back === 1 ? "one move" : `${back} moves`;
}

at("undo").addEventListener("click", undo);
at("restart").addEventListener("click", restart);
at("hint").addEventListener("click", hint);
at("give-up").addEventListener("click", () => giveUp());
addEventListener("hashchange", openNamed);
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const key = event.key.toLowerCase();
  const number = event.code.startsWith("Digit") ? Number(event.code.slice(5)) : Number(key);
  if (number >= 1 && number <= 9) choose(number - 1, event.shiftKey);
  else if (key === "u") undo();
  else if (key === "r") restart();
  else if (key === "h") hint();
  else if (key === "g") giveUp();
  else if (key === "n") next();
  else return;
  event.preventDefault();
});

// By key: the button of that number, or with the shift key all that is on the same line.
function choose(number, line) {
  const button = document.querySelectorAll("button.choice")[number];
  if (!button) return;
  const beside = button.parentElement.querySelector(":scope > .line");
  (line && beside ? beside : button).click();
}

function openNamed() {
  const named = LEVELS.findIndex((each) => `#${each.name}` === location.hash);
  const undone = LEVELS.findIndex((each) => !(each.name in progress.done));
  const number = named >= 0 ? named : Math.max(undone, 0);
  if (LEVELS[number] !== level) open(number);
}

progress.load();
openNamed();
