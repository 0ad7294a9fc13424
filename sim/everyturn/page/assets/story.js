/* The contents of the page, and the runs that can be made of them. Numbers are those of the contents' tables. */

const CONTENTS = JSON.parse(document.getElementById("contents").textContent);

/** States in full: each is written as an earlier one, and what differs from that. */
function inFull(written) {
  const states = [];
  for (const [first, ...rest] of written) {
    if (!states.length) {
      states.push([first, ...rest]);
      continue;
    }
    const state = states[first].slice();
    for (let at = 0; at < rest.length; at += 2) state[rest[at]] = rest[at + 1];
    states.push(state);
  }
  return states;
}

/** One counterexample. */
class Story {
  constructor(data) {
    this.data = data;
    this.states = inFull(data.states);
    this.tasks = data.lanes.filter((lane) => lane.kind === "task");
    this.found = new Run(this, "found", data.way);
    this.others = (data.others ?? []).map((other, at) => new Run(this, `passing${at || ""}`, other.way));
  }

  /** What can be done in a state: triples of thread, act, next state; null where the page does not carry it. */
  moves(state) {
    return this.data.moves[state];
  }

  act(number) {
    return this.data.acts[number];
  }

  /** The value of a column, by its number, in a state. */
  value(state, column) {
    return this.data.columns[column].values[this.states[state][column]];
  }

  /** The prompts or threads that hold a column's value, or are in it. */
  owners(state, column) {
    return this.data.columns[column].owners?.[this.states[state][column]] ?? [];
  }

  /** Where a thread stands. */
  stand(state, thread) {
    return this.data.stands[this.states[state][this.data.columns.length + thread]];
  }

  /** Whether a thread can go on in a state; undefined where that is not known. */
  canGoOn(state, thread) {
    return this.moves(state)?.some((move) => move[0] === thread);
  }

  /** Whether a thread has to wait in a state. */
  waits(state, thread) {
    const stand = this.stand(state, thread);
    return stand.waits !== undefined && (stand.blocked ?? this.canGoOn(state, thread) === false);
  }

  /** The colour and the sign of a prompt or thread: its place among the prompts, or none. */
  hue(name) {
    const prompt = this.data.lanes.find((lane) => lane.name === name)?.prompt ?? name;
    const place = this.data.prompts.indexOf(prompt);
    return place < 0 ? "none" : String(place % 7);
  }

  place(number) {
    const [file, line, name] = this.data.places[number];
    return { source: this.data.sources[file], line, function: name };
  }
}

/** A way through the states of a story: `way` has, for each step, the place of its move among those of its state. */
class Run {
  constructor(story, name, way) {
    this.story = story;
    this.name = name;
    this.way = [];
    this.states = [0];
    this.steps = [];
    for (const place of way) {
      const move = story.moves(this.states.at(-1))?.[place];
      if (!move) break;
      this.way.push(place);
      this.steps.push({ thread: move[0], number: move[1], act: story.act(move[1]) });
      this.states.push(move[2]);
    }
    const onwards = story.moves(this.states.at(-1));
    this.rests = onwards !== null && onwards.length === 0;
    this.unknown = onwards === null;
    this.loop = this.#loop();
    this.broken = this.#broken();
  }

  /** The last place of the cursor: that of rest, if it comes to it. */
  get end() {
    return this.steps.length - (this.rests ? 0 : 1);
  }

  /** The state after a step; before the first one: -1. */
  after(step) {
    return this.states[Math.min(step + 1, this.steps.length)];
  }

  /** What a step does, in words. */
  told(step) {
    if (step < 0) return "Nothing has happened yet.";
    return step < this.steps.length ? this.steps[step].act.text : "Nothing can move any more.";
  }

  /** The name of the thread that makes a step; nothing at rest. */
  who(step) {
    return step < 0 || step >= this.steps.length ? "" : this.story.tasks[this.steps[step].thread].name;
  }

  /** The same up to a step, and then another move; what comes after it is not decided. */
  turned(step, place, name = "own") {
    return new Run(this.story, name, [...this.way.slice(0, step + 1), place]);
  }

  /** The same, and then on as if nothing interferes: the first thread that can go on, its first outcome. */
  onwards(most = 2000) {
    const way = this.way.slice();
    const seen = new Set(this.states);
    let state = this.states.at(-1);
    while (way.length < most && this.story.moves(state)?.length) {
      way.push(0);
      state = this.story.moves(state)[0][2];
      if (seen.has(state)) break;
      seen.add(state);
    }
    return new Run(this.story, this.name, way);
  }

  #loop() {
    const seen = new Map();
    for (const [at, state] of this.states.entries()) {
      if (seen.has(state)) return [seen.get(state), at - 1];
      seen.set(state, at);
    }
    return null;
  }

  /** Invariant → the step at which it is violated, and how. */
  #broken() {
    const found = new Map();
    const note = (all, step) => {
      for (const { invariant, sentence } of all ?? []) {
        if (!found.has(invariant)) found.set(invariant, { step, sentence });
      }
    };
    this.steps.forEach(({ act }, step) => note(act.broken, step));
    if (this.rests) note(this.story.data.rests[this.states.at(-1)], this.steps.length);
    return found;
  }
}
