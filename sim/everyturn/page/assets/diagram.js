/* The space-time diagram: time goes down, a lane for each task, each client who waits, and each shared object. */

const SIGNS = {
  circle: (x, y) => drawn("circle", { cx: x, cy: y, r: 5 }),
  square: (x, y) => drawn("rect", { x: x - 4.5, y: y - 4.5, width: 9, height: 9 }),
  triangle: (x, y) => drawn("path", { d: `M${x} ${y - 6}l6 10.5h-12z` }),
  diamond: (x, y) => drawn("path", { d: `M${x} ${y - 6.5}l6.5 6.5l-6.5 6.5l-6.5 -6.5z` }),
};
const SIGN_OF = ["circle", "square", "triangle", "diamond", "circle", "square", "triangle"];

/** The sign of a prompt or thread, in its colour. */
function signOf(story, name, x, y) {
  const hue = story.hue(name);
  const sign = SIGNS[SIGN_OF[hue] ?? "circle"](x, y);
  sign.setAttribute("class", `sign hue-${hue}`);
  return sign;
}

class Diagram {
  /** `rows`: the steps that are shown, that of rest included; `lanes`: those that are shown; `size`: row, lane, top. */
  constructor(run, rows, lanes, size) {
    this.run = run;
    this.story = run.story;
    this.rows = rows;
    this.lanes = lanes;
    this.size = size;
    this.row = new Map(rows.map((step, at) => [step, at]));
    this.x = new Map(lanes.map((lane, at) => [lane.name, size.left + (at + 0.5) * size.lane]));
    this.height = rows.length * size.row + 8;
    this.width = size.left + lanes.length * size.lane;
    this.parts = { bars: [], rails: [], arrows: [], signs: [] };
  }

  y(at) {
    return at * this.size.row + this.size.dot;
  }

  picture() {
    this.lanes.forEach((lane) => this.#rail(lane));
    this.rows.forEach((step, at) => this.#step(step, at));
    this.#handOvers();
    const { bars, rails, arrows, signs } = this.parts;
    const counted = `${this.rows.length} steps in ${this.lanes.length} lanes`;
    const label = `${this.story.data.title}: ${counted}; the list beside it says the same in words`;
    return drawn(
      "svg",
      {
        width: this.width,
        height: this.height,
        viewBox: `0 0 ${this.width} ${this.height}`,
        role: "img",
        "aria-label": label,
      },
      drawn("g", { class: "bars" }, bars),
      drawn("g", { class: "rails" }, rails),
      drawn("g", { class: "arrows" }, arrows),
      drawn("g", {}, signs),
    );
  }

  // lanes ------------------------------------------------------------------------------------------------------

  #rail(lane) {
    if (lane.kind === "task") this.#taskRail(lane);
    else if (lane.kind === "client") this.#clientRail(lane);
    else {
      this.#line("rails", lane.name, 0, this.rows.length, "rail");
      if (lane.column !== undefined) this.#owned(lane);
    }
  }

  /** A task: thin while it can go on, dashed while it has to wait, none before it is seen and after it has ended. */
  #taskRail(lane) {
    const thread = this.story.tasks.indexOf(lane);
    this.rows.forEach((step, at) => {
      const state = this.run.after(step);
      const stand = this.story.stand(state, thread);
      if (stand.waits === undefined) return;
      const blocked = this.story.waits(state, thread);
      this.#line(
        "rails",
        lane.name,
        at,
        at + 1,
        blocked ? "rail blocked" : `rail going hue-${this.story.hue(lane.name)}`,
      );
    });
  }

  /** A client: dotted while he waits; if nobody ever tells him, to the end and beyond. */
  #clientRail(lane) {
    let since = null;
    this.rows.forEach((step, at) => {
      for (const seen of this.run.steps[step]?.act.seen ?? []) {
        if (seen.prompt !== lane.prompt || !seen.client) continue;
        if (seen.client === "waits") since = at;
        else if (seen.client === "told" && since !== null) {
          this.#line("rails", lane.name, since, at, "rail waits");
          since = null;
        }
      }
    });
    if (since === null) return;
    const ever = lane.ever ?? this.run.rests;
    this.#line("rails", lane.name, since, this.rows.length, ever ? "rail waits ever" : "rail waits");
    if (ever) this.parts.signs.push(this.#text("✗", this.x.get(lane.name), this.y(this.rows.length - 1) + 5, "bad"));
  }

  /** An object: a bar for each prompt or thread that holds it, or is in it. */
  #owned(lane) {
    const width = Math.max(4, Math.min(9, this.size.lane / 5));
    this.rows.forEach((step, at) => {
      const owners = this.story.owners(this.run.after(step), lane.column);
      owners.forEach((owner, place) => {
        const left = this.x.get(lane.name) + (place - owners.length / 2) * (width + 1);
        this.parts.bars.push(
          drawn("rect", {
            x: left,
            y: this.y(at),
            width,
            height: this.size.row,
            class: `bar hue-${this.story.hue(owner)}`,
          }),
        );
      });
    });
  }

  // steps ------------------------------------------------------------------------------------------------------

  #step(step, at) {
    const made = this.run.steps[step];
    if (!made) return;
    const task = this.story.tasks[made.thread];
    const x = this.x.get(task.name);
    const y = this.y(at);
    for (const deed of made.act.deeds ?? []) this.#deed(deed, x, y);
    for (const seen of made.act.seen ?? []) this.#client(seen, x, y);
    if (x !== undefined) this.parts.signs.push(signOf(this.story, task.name, x, y));
  }

  /** An operation: towards the object if it changes it, towards the task if it only reads. */
  #deed(deed, x, y) {
    const there = this.x.get(deed.lane);
    if (there === undefined || x === undefined) return;
    if (deed.verb === "reads") this.#arrow(there, y, x, y, "read");
    else this.#arrow(x, y, there, y, deed.verb === "changes" ? "change" : deed.verb);
    this.parts.signs.push(drawn("circle", { cx: there, cy: y, r: 2.5, class: "touch" }));
  }

  #client(seen, x, y) {
    const there = seen.client && this.x.get(`${seen.prompt}'s client`);
    if (there === undefined || !there || x === undefined) return;
    if (seen.client === "waits") this.#arrow(there, y, x, y, "call");
    else {
      this.#arrow(x, y, there, y, seen.client === "told" ? "told" : "lost");
      this.parts.signs.push(
        this.#text(seen.client === "told" ? "✓" : "✗", there, y + 5, seen.client === "told" ? "good" : "bad"),
      );
    }
  }

  /** Who takes a lock that he waited for, from whom; whose prompt another thread begins, or folds; who wakes whom. */
  #handOvers() {
    let unlocked = null;
    const queued = new Map();
    const woken = new Map();
    this.rows.forEach((step, at) => {
      const made = this.run.steps[step];
      if (!made) return;
      const waited = step > 1 && this.story.waits(this.run.after(step - 2), made.thread);
      const name = this.story.tasks[made.thread].name;
      for (const deed of made.act.deeds ?? []) {
        if (deed.verb === "locks" && waited && unlocked) this.#between(unlocked, [name, at], "lock");
        if (deed.verb === "unlocks") unlocked = [name, at];
      }
      if (woken.has(name)) this.#between(woken.get(name), [name, at], "hand-off");
      woken.delete(name);
      for (const seen of made.act.seen ?? []) {
        if (seen.kind === "Wakes") woken.set(seen.prompt, [name, at]);
        if (seen.kind === "Queued") queued.set(seen.prompt, [name, at]);
        const handed = ["TurnStarted", "Folded"].includes(seen.kind) && queued.get(seen.prompt);
        if (handed && seen.prompt !== name) this.#between(handed, [name, at], "hand-off");
      }
    });
  }

  #between([from, begin], [to, end], kind) {
    const [left, right] = [this.x.get(from), this.x.get(to)];
    if (left !== undefined && right !== undefined) this.#arrow(left, this.y(begin), right, this.y(end), kind);
  }

  // shapes -----------------------------------------------------------------------------------------------------

  #line(layer, lane, begin, end, kind) {
    const x = this.x.get(lane);
    const last = Math.min(this.y(end), this.height);
    this.parts[layer].push(drawn("line", { x1: x, y1: this.y(begin), x2: x, y2: last, class: kind }));
  }

  #arrow(x1, y1, x2, y2, kind) {
    const length = Math.hypot(x2 - x1, y2 - y1);
    if (length < 1) return;
    const [dx, dy] = [(x2 - x1) / length, (y2 - y1) / length];
    const [tipX, tipY] = [x2 - dx * 6, y2 - dy * 6];
    const [backX, backY] = [tipX - dx * 7, tipY - dy * 7];
    this.parts.arrows.push(
      drawn("line", { x1: x1 + dx * 6, y1: y1 + dy * 6, x2: backX, y2: backY, class: `arrow ${kind}` }),
      drawn("path", {
        d: `M${tipX} ${tipY}L${backX - dy * 3.5} ${backY + dx * 3.5}L${backX + dy * 3.5} ${backY - dx * 3.5}z`,
        class: `tip ${kind}`,
      }),
    );
  }

  #text(text, x, y, kind) {
    return drawn("text", { x, y, class: kind, "text-anchor": "middle" }, text);
  }
}
