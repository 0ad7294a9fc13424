/* Values as the reader sees them, and what differs inside of them. */

/** A value in one line. */
function brief(tree) {
  if (tree === null || tree === undefined) return "none";
  if (Array.isArray(tree)) return tree.length ? `[${tree.map(brief).join(", ")}]` : "empty";
  if (typeof tree !== "object") return String(tree);
  const parts = Object.entries(tree).filter(([name]) => name !== "$");
  return `${tree.$ ?? ""}{${parts.map(([name, value]) => `${name}: ${brief(value)}`).join(", ")}}`;
}

function same(one, other) {
  return JSON.stringify(one) === JSON.stringify(other);
}

function isObject(tree) {
  return tree !== null && typeof tree === "object" && !Array.isArray(tree);
}

/** A value with what differs from an earlier one marked inside of it. */
function differing(before, after) {
  if (same(before, after)) return element("span", { class: "same" }, brief(after));
  if (Array.isArray(before) && Array.isArray(after)) return listDiffering(before, after);
  if (isObject(before) && isObject(after) && before.$ === after.$) return objectDiffering(before, after);
  return element("span", {}, gone(before), " → ", come(after));
}

const gone = (tree) => element("del", {}, brief(tree));
const come = (tree) => element("ins", {}, brief(tree));

function objectDiffering(before, after) {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((name) => name !== "$");
  const parts = names.map((name) => {
    const value = !Object.hasOwn(after, name)
      ? gone(before[name])
      : !Object.hasOwn(before, name)
        ? come(after[name])
        : differing(before[name], after[name]);
    return element("li", {}, element("b", {}, `${name}: `), value);
  });
  return element("ul", { class: "fields" }, parts);
}

/** A list: what is the same at its beginning and at its end, and what came and went between. */
function listDiffering(before, after) {
  let begin = 0;
  while (begin < Math.min(before.length, after.length) && same(before[begin], after[begin])) begin += 1;
  let end = 0;
  const room = Math.min(before.length, after.length) - begin;
  while (end < room && same(before.at(-1 - end), after.at(-1 - end))) end += 1;
  const kept = (tree) => element("span", { class: "same" }, brief(tree));
  const parts = [
    ...after.slice(0, begin).map(kept),
    ...before.slice(begin, before.length - end).map(gone),
    ...after.slice(begin, after.length - end).map(come),
    ...after.slice(after.length - end).map(kept),
  ];
  return element(
    "span",
    {},
    "[",
    parts.map((part, at) => (at ? [", ", part] : part)),
    "]",
  );
}

/** A value with all that is in it, as a list that unfolds. */
function whole(tree) {
  if (!isObject(tree)) return element("span", {}, brief(tree));
  const parts = Object.entries(tree).filter(([name]) => name !== "$");
  return element(
    "ul",
    { class: "fields" },
    parts.map(([name, value]) => element("li", {}, element("b", {}, `${name}: `), whole(value))),
  );
}
