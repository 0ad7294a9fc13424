/* Two runs side by side: what is the same in both stands in one row, what is in one alone is marked. */

/** Pairs of steps of two runs, null where one has none: a longest sequence of acts that both have, in order. */
function aligned(one, other) {
  const [left, right] = [one.steps, other.steps];
  const alike = (at, place) => left[at].thread === right[place].thread && left[at].number === right[place].number;
  const best = Array.from({ length: left.length + 1 }, () => new Uint16Array(right.length + 1));
  for (let at = left.length - 1; at >= 0; at -= 1) {
    for (let place = right.length - 1; place >= 0; place -= 1) {
      best[at][place] = alike(at, place)
        ? best[at + 1][place + 1] + 1
        : Math.max(best[at + 1][place], best[at][place + 1]);
    }
  }
  const pairs = [];
  let [at, place] = [0, 0];
  while (at < left.length || place < right.length) {
    if (at < left.length && place < right.length && alike(at, place)) pairs.push([at++, place++]);
    else if (place >= right.length || (at < left.length && best[at + 1][place] >= best[at][place + 1]))
      pairs.push([at++, null]);
    else pairs.push([null, place++]);
  }
  return pairs;
}

/** The table of two runs, from where they part. */
function besideTable(player, one, other) {
  const pairs = aligned(one, other);
  const parts = pairs.findIndex(([left, right]) => left === null || right === null);
  const shown = pairs
    .slice(Math.max(0, parts - 1))
    .filter(
      ([left, right]) => worthTelling(one, left) || worthTelling(other, right) || left === null || right === null,
    );
  const rows = shown.map(([left, right]) =>
    element(
      "tr",
      { class: left === null || right === null ? "differs" : null },
      cell(player, one, left),
      cell(player, other, right),
    ),
  );
  const ends = element("tr", { class: "ends" }, endCell(one), endCell(other, one));
  return element(
    "table",
    {},
    element("caption", {}, `The same up to step ${Math.max(0, parts - 1)}; marked: what only one of them does.`),
    element(
      "thead",
      {},
      element(
        "tr",
        {},
        element("th", { scope: "col" }, "this run"),
        element("th", { scope: "col" }, "the nearest run in which this does not happen"),
      ),
    ),
    element("tbody", {}, rows, ends),
  );
}

function worthTelling(run, step) {
  return step !== null && !run.steps[step].act.plain;
}

function cell(player, run, step) {
  if (step === null) return element("td", { class: "absent" });
  const who = run.who(step);
  const told = run.told(step);
  return element(
    "td",
    {},
    button(`${step}`, () => player.show(run, step), { "aria-label": `Step ${step}` }),
    ` ${told.startsWith(who) ? "" : `${who}: `}${told}`,
  );
}

/** How a run ends; ``beside``: the one that it is compared with, of which it must not break the same. */
function endCell(run, beside = null) {
  if (!run.rests && !run.broken.size) return element("td", {}, "it goes on");
  const spared = beside === null ? [] : [...beside.broken.keys()].filter((name) => !run.broken.has(name));
  if (spared.length && run.broken.size) {
    const others = [...run.broken.keys()].join(", ");
    return element("td", { class: "good" }, `✓ ${spared.join(", ")} (✗ ${others}: another matter)`);
  }
  return run.broken.size
    ? element("td", { class: "bad" }, `✗ ${[...run.broken.keys()].join(", ")}`)
    : element("td", { class: "good" }, "✓ nothing is violated");
}
