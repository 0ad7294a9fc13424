/* The chart: filters, names of lanes, the drawing, and the steps in words beside it. */

function kindsOf(story) {
  return [...new Set(story.data.acts.flatMap((act) => (act.seen ?? []).map((seen) => seen.kind)))].sort();
}

function fillFilters(player) {
  const { story, filters } = player;
  const chosen = (name, label, all, options) =>
    element(
      "label",
      {},
      `${label} `,
      element(
        "select",
        { id: `filter-${name}`, on: { change: (event) => refilter(player, name, event.target.value) } },
        [["", all], ...options].map(([value, text]) =>
          element("option", { value, selected: filters[name] === value }, text),
        ),
      ),
    );
  const objects = story.data.lanes.filter((lane) => lane.kind === "object").map((lane) => [lane.name, lane.name]);
  refill(
    "filters",
    element("input", {
      id: "search",
      type: "search",
      placeholder: "search",
      "aria-label": "Search in the steps",
      on: { input: (event) => refilter(player, "text", event.target.value) },
    }),
    chosen(
      "prompt",
      "who",
      "everybody",
      story.tasks.map((task) => [task.name, task.name]),
    ),
    chosen("object", "object", "all", objects),
    chosen("kind", "kind", "all", [
      ["told", "worth telling"],
      ["locks", "locks"],
      ["changes", "changes"],
      ["reads", "reads"],
      ...kindsOf(story).map((kind) => [kind, kind]),
    ]),
    element(
      "label",
      {},
      element("input", {
        type: "checkbox",
        id: "all-lanes",
        checked: filters.all,
        on: { change: (event) => refilter(player, "all", event.target.checked) },
      }),
      " all objects",
    ),
    element("output", { id: "shown" }),
  );
}

function refilter(player, name, value) {
  player.filters[name] = value;
  player.draw();
}

/** Whether a step passes the filters; rest always does. */
function passes({ filters, story }, run, step) {
  const made = run.steps[step];
  if (!made) return true;
  const { act } = made;
  const deeds = act.deeds ?? [];
  const seen = act.seen ?? [];
  const text = filters.text.toLowerCase();
  if (
    text &&
    ![
      run.told(step),
      run.who(step),
      ...deeds.map((deed) => `${deed.text} ${deed.result ?? ""}`),
      ...seen.map((each) => each.text),
    ].some((each) => each.toLowerCase().includes(text))
  )
    return false;
  if (
    filters.prompt &&
    story.tasks[made.thread].name !== filters.prompt &&
    !seen.some((each) => each.prompt === filters.prompt)
  )
    return false;
  if (filters.object && !deeds.some((deed) => deed.lane === filters.object)) return false;
  if (!filters.kind) return true;
  if (filters.kind === "told") return !act.plain || marksAt(run, step).length > 0;
  return (
    deeds.some((deed) => deed.verb.replace("unlocks", "locks") === filters.kind) ||
    seen.some((each) => each.kind === filters.kind)
  );
}

/** The lanes that are shown: of the objects those that several hold or that decided, or all. */
function lanesShown({ story, filters }, run) {
  const deciding = new Set(
    (story.data.marks.pair ?? []).flatMap((step) =>
      (story.found.steps[step]?.act.deeds ?? []).map((deed) => deed.lane),
    ),
  );
  const touched = new Set(run.steps.flatMap(({ act }) => (act.deeds ?? []).map((deed) => deed.lane)));
  return story.data.lanes.filter((lane) => {
    if (lane.kind !== "object") return true;
    if (filters.all || filters.object === lane.name) return true;
    if (story.data.kind === "log") return true;
    return (
      touched.has(lane.name) && (lane.column !== undefined || deciding.has(lane.name) || story.data.kind !== "agent")
    );
  });
}

/** So many pixels of a drawing have room below its heading on a sheet of paper. */
const PRINTED_HEIGHT = 840;

function fillChart(player) {
  const { run, story } = player;
  const steps = [...Array(run.end + 1).keys()].filter((step) => passes(player, run, step));
  const lanes = lanesShown(player, run);
  const narrow = NARROW.matches;
  const left = narrow ? 30 : 0;
  const room = byId("chart").clientWidth - 16 - left;
  const lane = narrow
    ? Math.max(26, Math.min(64, room / lanes.length))
    : Math.max(44, Math.min(72, (room * 0.4) / lanes.length));
  const size = narrow ? { row: 46, lane, left, dot: 34 } : { row: 26, lane, left, dot: 13 };
  const diagram = new Diagram(run, steps, lanes, size);
  const chart = byId("chart");
  chart.style.setProperty("--row", `${size.row}px`);
  chart.style.setProperty("--left", `${size.left}px`);
  chart.style.setProperty("--lane", `${size.lane}px`);
  chart.style.setProperty("--drawing", `${diagram.width}px`);
  chart.style.setProperty("--on-paper", String(Math.max(0.55, Math.min(1, PRINTED_HEIGHT / diagram.height))));
  refill("drawing", diagram.picture());
  refill(
    "lanes",
    lanes.map((each) => laneName(story, each, size)),
  );
  refill(
    "steps",
    steps.map((step) => stepRow(player, run, step)),
  );
  byId("shown").textContent = `${steps.length} of ${run.end + 1} steps`;
  fillLegend(story);
}

function laneName(story, lane, size) {
  const sign =
    lane.kind === "object"
      ? null
      : drawn("svg", { width: 14, height: 14 }, signOf(story, lane.prompt ?? lane.name, 7, 7));
  return element("span", { class: `lane ${lane.kind}`, title: lane.note }, sign, element("i", {}, lane.name));
}

function stepRow(player, run, step) {
  const marks = marksAt(run, step);
  const signs = marks.map(({ sign, kind, text }) => element("span", { class: `mark ${kind}`, title: text }, sign));
  const act = run.steps[step]?.act;
  const who = run.who(step);
  const told = run.told(step);
  const words = who && !told.startsWith(who) ? `${who}: ${told}` : told;
  const number = step >= run.steps.length ? "" : String(step);
  const row = element(
    "button",
    { type: "button", tabindex: -1, class: act?.plain ? "plain" : null, on: { click: () => player.go(step) } },
    element("span", { class: "number" }, number),
    signs,
    element("span", { class: "words", title: words }, words),
  );
  return element("li", { "data-step": step, class: marks.map(({ kind }) => `is-${kind}`).join(" ") || null }, row);
}

function fillLegend(story) {
  const lines = [
    ...story.data.prompts.map((name) => [
      drawn("svg", { width: 16, height: 16, "aria-hidden": "true" }, signOf(story, name, 8, 8)),
      ` ${name}`,
    ]),
    ["① ②: the two accesses whose order decided"],
    ["⚑: after this step it is too late, whatever comes"],
    ["◇: where the nearest run in which this does not happen does something else"],
    ["✗: a violation; ↺: a loop"],
    [
      "arrow to an object: changes it; from it: reads it; thick: a client is told; dashed: something is handed over",
    ],
    ["thick bar: who holds the object, or is in it; dotted: a client waits; red and dashed: a task that cannot go on"],
  ];
  byId("legend").lastElementChild.replaceChildren(
    element(
      "ul",
      {},
      lines.map((line) => element("li", {}, line)),
    ),
  );
}
