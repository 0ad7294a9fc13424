/* What is told of one step: each panel is a heading and what it shows of a run at a step. */

const PANELS = [
  ["step", "This step", stepPanel],
  ["source", "The code", sourcePanel],
  ["choices", "You are the scheduler: who goes next?", choicesPanel],
  ["waiting", "Who waits for whom", waitingPanel],
  ["state", "What changed", statePanel],
  ["rules", "What must hold", rulesPanel],
  ["watch", "Watch an expression", watchPanel],
];

/** The panels of a player, made once; `filled` fills them anew. */
function panels() {
  return PANELS.map(([name, heading]) =>
    element(
      "section",
      { id: name, "aria-labelledby": `${name}-name` },
      element("h2", { id: `${name}-name` }, heading),
      element("div", { id: `${name}-in` }),
    ),
  );
}

function fillPanels(player) {
  for (const [name, , fill] of PANELS) refill(`${name}-in`, fill(player));
}

// this step ------------------------------------------------------------------------------------------------------

function stepPanel({ run, step }) {
  const act = run.steps[step]?.act;
  const parts = [element("p", { class: "told" }, run.told(step))];
  for (const { invariant, sentence } of brokenAt(run, step)) {
    parts.push(element("p", { class: "broken" }, element("b", {}, `✗ ${invariant}: `), sentence));
  }
  if (act?.deeds?.length) {
    const rows = act.deeds.map((deed) =>
      element(
        "li",
        {},
        element("code", {}, deed.text),
        deed.lane ? null : ` ${placeName(run.story, deed.place)}`,
        deed.result ? [" gives ", element("code", {}, deed.result)] : null,
      ),
    );
    parts.push(element("ul", { class: "deeds", "aria-label": "Operations" }, rows));
  }
  const marks = marksAt(run, step);
  if (marks.length) parts.push(element("p", { class: "marks" }, marks.map(({ text }) => text).join(" · ")));
  return parts;
}

function brokenAt(run, step) {
  return [...run.broken]
    .filter(([, found]) => found.step === step)
    .map(([invariant, found]) => ({ invariant, ...found }));
}

/** What is to be marked at a step. */
function marksAt(run, step) {
  const { marks, others } = run.story.data;
  const found = [];
  if (run.name === "found") {
    const place = (marks.pair ?? []).indexOf(step);
    if (place >= 0)
      found.push({
        sign: "①②"[place],
        kind: "pair",
        text: `${place ? "second" : "first"} of the two whose order decided`,
      });
    if (marks.too_late === step) found.push({ sign: "⚑", kind: "late", text: "after this step it is too late" });
    if (others?.[0]?.step === step)
      found.push({ sign: "◇", kind: "differs", text: "here the nearest run in which this does not happen does something else" });
  }
  if (run.name.startsWith("passing") && others?.[0]?.step === step) {
    found.push({ sign: "◇", kind: "differs", text: "here it differs from the run that fails" });
  }
  if (brokenAt(run, step).length) found.push({ sign: "✗", kind: "bad", text: "the violation" });
  if (run.loop && (step === run.loop[0] || step === run.loop[1])) {
    found.push({
      sign: "↺",
      kind: "loop",
      text: step === run.loop[0] ? "from here on it goes round" : "back to where the loop began",
    });
  }
  return found;
}

// the code -------------------------------------------------------------------------------------------------------

function sourcePanel({ run, step }) {
  const places = (run.steps[step]?.act.deeds ?? []).map((deed) => deed.place).filter((place) => place !== undefined);
  if (!places.length) return element("p", { class: "dim" }, "No line of code runs here.");
  return excerptsOf(run.story, places);
}

/** The lines at some places with their neighbours, those of one function in one piece. */
function excerptsOf(story, numbers) {
  const pieces = new Map();
  for (const number of numbers) {
    const place = story.place(number);
    const key = `${place.source.file} ${place.function}`;
    pieces.set(key, [...(pieces.get(key) ?? []), place]);
  }
  return [...pieces.values()].map(excerpt);
}

function excerpt(places) {
  const { source, function: name } = places[0];
  const marked = new Set(places.map(({ line }) => line));
  const near = (line) => [...marked].some((each) => Math.abs(each - line) <= 3);
  const lines = Object.keys(source.lines)
    .map(Number)
    .filter(near)
    .sort((one, other) => one - other);
  const indents = lines.map((line) => source.lines[line].search(/\S/)).filter((indent) => indent >= 0);
  const common = indents.length ? Math.min(...indents) : 0;
  const rows = lines.map((line, at) => [
    at && line !== lines[at - 1] + 1 ? element("span", { class: "gap" }, "⋮\n") : null,
    element(
      marked.has(line) ? "mark" : "span",
      {},
      element("i", {}, String(line).padStart(4)),
      `${marked.has(line) ? " ▶ " : "   "}${source.lines[line].slice(common)}\n`,
    ),
  ]);
  const caption = `${source.file}:${[...marked].join(", ")}, in ${name}`;
  return element(
    "figure",
    {},
    element("figcaption", {}, caption),
    element("pre", { tabindex: 0, "aria-label": caption }, rows),
  );
}

// choices --------------------------------------------------------------------------------------------------------

function choicesPanel(player) {
  const { run, step, story } = player;
  const state = run.after(step);
  const moves = story.moves(state);
  const parts = [];
  if (story.data.kind === "log") return [element("p", {}, story.data.carried)];
  if (moves === null) {
    parts.push(element("p", {}, "This page does not carry what can follow here. ", commandsOf(story)));
  } else if (!moves.length) {
    parts.push(element("p", {}, "Nobody can go on: the run is at rest."), verdictOf(run));
  } else {
    const taken = run.way[step + 1];
    parts.push(
      element(
        "ol",
        { class: "choices" },
        moves.map((move, place) => choice(player, move, place, place === taken)),
      ),
    );
  }
  const stuck = story.tasks.filter((task, thread) => story.waits(state, thread));
  if (stuck.length)
    parts.push(element("p", { class: "dim" }, `Cannot go on now: ${stuck.map((task) => task.name).join(", ")}.`));
  if (run.name !== "found")
    parts.push(
      element(
        "p",
        {},
        button("Back to the run that was found", () => player.show(story.found, Math.min(step, story.found.end))),
      ),
    );
  if (moves?.length)
    parts.push(
      element(
        "p",
        {},
        button("Let it run on from here", () => player.runOn(), {
          title: "The first thread that can go on always does",
        }),
      ),
    );
  parts.push(element("p", { class: "dim" }, story.data.carried ?? ""));
  return parts;
}

function choice(player, [thread, number], place, taken) {
  const { story } = player;
  const name = story.tasks[thread].name;
  const act = story.act(number);
  const told = act.text.startsWith(name) ? act.text : `${name}: ${act.text}`;
  const sign = drawn("svg", { width: 16, height: 16, "aria-hidden": "true" }, signOf(story, name, 8, 8));
  const bad = act.broken?.length ? element("span", { class: "bad" }, ` ✗ ${act.broken[0].invariant}`) : null;
  return element(
    "li",
    {},
    button(
      [sign, " ", told, bad, taken ? element("small", {}, " – as in this run") : null].filter(Boolean),
      () => player.choose(place),
      { class: taken ? "taken" : null, "data-place": place },
    ),
  );
}

function verdictOf(run) {
  if (!run.broken.size) return element("p", { class: "good" }, "✓ Nothing is violated in this run.");
  return element("p", { class: "bad" }, `✗ Violated: ${[...run.broken.keys()].join(", ")}`);
}

function commandsOf(story) {
  const commands = story.data.commands ?? [];
  return commands.length ? ["To go on there: ", element("code", {}, commands[0])] : [];
}

// who waits ------------------------------------------------------------------------------------------------------

function waitingPanel({ run, step, story }) {
  const state = run.after(step);
  const parts = [];
  const queue = story.data.columns.findIndex((column) => column.name === "queue");
  if (queue >= 0) {
    const standing = story.owners(state, queue).join(", ") || brief(story.value(state, queue));
    parts.push(element("p", {}, element("b", {}, "Queue: "), standing));
  }
  const lines = story.tasks.map((task, thread) => element("li", {}, waitOf(story, state, task, thread)));
  const clients = story.data.lanes.filter((lane) => lane.kind === "client");
  parts.push(
    element(
      "ul",
      { class: "waits" },
      lines,
      clients.map((lane) => element("li", {}, clientOf(run, step, lane))),
    ),
  );
  return parts;
}

function waitOf(story, state, task, thread) {
  const stand = story.stand(state, thread);
  if (stand.waits === undefined)
    return stand.ended === "not begun" ? `${task.name} has not begun` : `${task.name} has ended (${stand.ended})`;
  const where = stand.place === undefined ? "" : ` at ${placeName(story, stand.place)}`;
  if (!story.waits(state, thread)) return `${task.name} can go on with ${stand.waits}${where}`;
  const holders = stand.holder === undefined ? (stand.tasks ?? []) : story.owners(state, stand.holder);
  const held = holders.length && stand.waits !== holders.join(" and ") ? `, waits for ${holders.join(", ")}` : "";
  return element("span", { class: "blocked" }, `${task.name} waits: ${stand.waits}${held}${where}`);
}

function placeName(story, number) {
  const { source, line } = story.place(number);
  return `${source.file}:${line}`;
}

/** Whether the client of a lane waits at a step, and since when. */
function clientOf(run, step, lane) {
  let said = `${lane.name} has not called yet`;
  let waits = false;
  run.steps.slice(0, step + 1).forEach(({ act }, at) => {
    for (const seen of act.seen ?? []) {
      if (seen.prompt !== lane.prompt || !seen.client) continue;
      waits = seen.client !== "told" && (waits || seen.client === "waits");
      if (seen.client === "waits") said = `${lane.name} waits to be told, since step ${at}`;
      if (seen.client === "told") said = `${lane.name} was told at step ${at}`;
      if (seen.client === "lost") said += `; what was to tell him at step ${at} was lost`;
    }
  });
  const ever = waits && (lane.ever ?? run.rests) && step >= run.end;
  if (ever) return element("b", { class: "bad" }, `${said}: for ever`);
  return waits ? element("span", { class: "blocked" }, said) : said;
}

// the state ------------------------------------------------------------------------------------------------------

function statePanel(player) {
  const { run, step, story, everything } = player;
  const before = run.after(step - 1);
  const state = run.after(step);
  const rows = story.data.columns
    .map((column, number) => ({
      column,
      old: step < 0 ? undefined : story.value(before, number),
      now: story.value(state, number),
    }))
    .filter(({ old, now }) => everything || (old !== undefined && !same(old, now)));
  const toggle = element(
    "label",
    {},
    element("input", {
      type: "checkbox",
      id: "everything",
      checked: everything,
      on: { change: () => player.toggle() },
    }),
    " the whole state",
  );
  const list = rows.map(({ column, old, now }) => [
    element("dt", { title: column.note }, column.name, element("small", {}, ` ${column.note}`)),
    element("dd", {}, old === undefined || same(old, now) ? whole(now) : differing(old, now)),
  ]);
  return [
    element("p", {}, toggle),
    rows.length ? element("dl", {}, list) : element("p", { class: "dim" }, "Nothing that is shared."),
  ];
}

// what must hold -------------------------------------------------------------------------------------------------

function rulesPanel({ run, step, story }) {
  const rules = story.data.rules.map((rule) => {
    const found = run.broken.get(rule.name);
    const broken = found && found.step <= step;
    const sign = rule.note ? "–" : broken ? "✗" : "✓";
    const said = rule.note
      ? `not judged: ${rule.note}`
      : broken
        ? `violated at ${stepName(run, found.step)}: ${found.sentence}`
        : "not violated so far";
    const jump = broken ? [" ", button(`go to ${stepName(run, found.step)}`, () => PLAYER.go(found.step))] : [];
    return element(
      "li",
      { class: rule.note ? "dim" : broken ? "bad" : "good" },
      element("b", {}, `${sign} ${rule.name}`),
      ` – ${said}`,
      jump,
      element("small", {}, rule.sentence),
    );
  });
  return element("ul", { class: "rules" }, rules);
}

function stepName(run, step) {
  return step >= run.steps.length ? "rest" : `step ${step}`;
}
