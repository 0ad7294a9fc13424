// A walk through the states of one program. All states and moves were found by the explorer; nothing is made up here.

class Walk {
  constructor(graph) {
    this.graph = graph;
    this.choices = [];
    this.states = [0];
  }

  get state() {
    return this.states[this.states.length - 1];
  }

  get moves() {
    return this.won === null ? this.graph.moves[this.state] : [];
  }

  // What is said of the goal, once it is reached; null before.
  get won() {
    const length = this.choices.length;
    if (length > 0) {
      const before = this.states[length - 1];
      const move = this.graph.moves[before][this.choices[length - 1]];
      if (move.wins !== null) return move.wins;
    }
    return this.graph.rests[this.state] ?? null;
  }

  get atRest() {
    return this.graph.moves[this.state].length === 0;
  }

  take(place) {
    const move = this.graph.moves[this.state][place];
    this.choices.push(place);
    this.states.push(move.target);
    return move;
  }

  undo() {
    if (this.choices.length === 0) return;
    this.choices.pop();
    this.states.pop();
  }

  restart() {
    this.choices = [];
    this.states = [0];
  }

  // Each move that was made, in order.
  made() {
    return this.choices.map((place, step) => this.graph.moves[this.states[step]][place]);
  }

  // How many moves are left to the goal from each state, at least; Infinity: it cannot be reached from there.
  distances() {
    if (this.left !== undefined) return this.left;
    const before = this.graph.moves.map(() => []);
    const left = this.graph.moves.map(() => Infinity);
    let open = [];
    const reach = (state, steps) => {
      if (left[state] <= steps) return;
      left[state] = steps;
      (open[steps] ??= []).push(state);
    };
    this.graph.moves.forEach((moves, state) => {
      for (const move of moves) before[move.target].push(state);
      if (moves.some((move) => move.wins !== null)) reach(state, 1);
    });
    for (const state of Object.keys(this.graph.rests)) reach(Number(state), 0);
    for (let steps = 0; steps < open.length; steps += 1) {
      for (const state of open[steps] ?? []) {
        if (left[state] === steps) for (const earlier of before[state]) reach(earlier, steps + 1);
      }
    }
    this.left = left;
    return left;
  }

  // The place of a move that is on a shortest way to the goal; -1: there is none.
  best() {
    const left = this.distances();
    const steps = left[this.state];
    if (steps === Infinity) return -1;
    return this.graph.moves[this.state].findIndex(
      (move) => (move.wins !== null ? 1 : left[move.target] + 1) === steps);
  }

  // A shortest way to the goal from the beginning.
  solution() {
    const way = new Walk(this.graph);
    way.left = this.distances();
    while (way.won === null) {
      const place = way.best();
      if (place < 0) return null;
      way.take(place);
    }
    return way.choices;
  }

  // The same threads, by their names, in the same order on another program, as far as they can go; then whoever can, to the end.
  static follow(graph, order) {
    const walk = new Walk(graph);
    for (const who of order) {
      const place = walk.moves.findIndex((move) => graph.who[move.who] === who);
      if (place >= 0) walk.take(place);
    }
    walk.asked = walk.choices.length;
    while (walk.moves.length > 0 && walk.choices.length < 10000) walk.take(0);
    return walk;
  }
}

// The graph as the page carries it, unpacked: moves as objects.
function unpacked(graph) {
  return {
    ...graph,
    moves: graph.moves.map((moves) => moves.map(([who, told, target, wins]) => (
      {who, told: graph.told[told], target, wins}))),
  };
}
