// What is shown when a level is over: what has happened, the fix, the same order on the mended code, and what is proved.

function win() {
  progress.finish(level.name, walk.choices.length);
  const moves = walk.choices.length;
  const shortest = level.shortest.length;
  const praise = moves === shortest ? `You did it in ${moves} moves, and fewer are not possible.`
    : `You did it in ${moves} moves. The shortest way takes ${shortest}.`;
  over("You did it", [
    element("p", {class: "verdict", text: level.won}), element("p", {text: praise}), ...moral(),
    ...mended(walk.made().map((move) => level.graph.who[move.who])), ...(moves > shortest ? [solution("Show the shortest way")] : []),
  ]);
}

function giveUp() {
  if (walk.won !== null) return;
  if (level.shortest === null) {
    progress.finish(level.name, walk.choices.length);
    over("You are right: it cannot be done", [
      element("p", {class: "verdict", text: `Proved: ${states(level.graph)}.`}),
      element("p", {text: `Every order of all steps was explored; in none of them is the goal reached.`}),
      ...moral(), ...difference(level.before, "What keeps you from it"), ...command(),
    ]);
  } else {
    over("It can be done", [
      element("p", {text: `The shortest way takes ${level.shortest.length} moves. Have a look at it, or go on trying.`}),
      solution("Show the shortest way"),
    ]);
  }
}

const states = (graph) => `${graph.states.length.toLocaleString("en")} states`;

function over(title, content) {
  const number = LEVELS.indexOf(level);
  const last = number + 1 === LEVELS.length;
  at("result").replaceChildren(element("h3", {id: "result-title", text: title}), ...content,
    last ? ending() : element("button", {class: "next", onclick: next}, `Next: ${LEVELS[number + 1].title}`));
  at("result").hidden = false;
  showLevels();
  at("result").focus();
  at("result").scrollIntoView({block: "nearest", behavior: "auto"});
}

const moral = () => level.moral ? [emphasised(level.moral)] : [];

// A paragraph in which *these words* are emphasised and `these` are code.
function emphasised(text, name = "p") {
  return element(name, {class: name === "p" ? "moral" : ""}, ...text.split(/(\*[^*]+\*|`[^`]+`)/).map((part) => (
    part.startsWith("*") ? element("em", {text: part.slice(1, -1)})
      : part.startsWith("`") ? element("code", {text: part.slice(1, -1)}) : part)));
}

function difference(lines, title) {
  if (!lines) return [];
  return [element("h4", {text: title}), element("p", {text: level.fix}), showDiff(lines)];
}

function mended(order) {
  if (!level.mended) return command();
  const again = Walk.follow(level.mended.graph, order);
  const log = element("ol", {class: "again"});
  showLog(log, level.mended.graph, again.made(), again.asked);
  return [
    ...difference(level.mended.diff, "The fix"),
    element("details", {}, element("summary", {text: "Your order of moves on the mended code: it ends well"}), log,
      element("p", {text: "Where one of yours could not go on, he was left out; the rest ran to its end."})),
    element("p", {class: "verdict", text: `Proved of the mended code: ${states(level.mended.graph)}, and no order of ` +
      "them breaks it."}),
    ...command(),
  ];
}

function command() {
  const said = walk.won === null ? "" : ` (it says: ${walk.won})`;
  return [element("p", {class: "command"}, "Ask the tool itself: ", element("code", {text: level.command}), said)];
}

function solution(title) {
  return element("button", {onclick: () => {
    walk.restart();
    at("result").hidden = true;
    playOn(level.shortest, 0);
  }}, title);
}

// Plays choices one after the other, so that they can be followed with the eye; any choice of the player ends it.
function playOn(choices, step) {
  if (step > 0) walk.take(choices[step - 1]);
  show();
  if (step === choices.length) {
    at("said").textContent = `That was the shortest way, in ${step} moves. Read it on the right, undo, or start over.`;
    return;
  }
  const expected = walk.choices.length;
  const played = level;
  setTimeout(() => {
    if (level === played && walk.choices.length === expected && walk.won === null) playOn(choices, step + 1);
  }, 350);
}

function next() {
  const number = LEVELS.indexOf(level);
  if (number + 1 < LEVELS.length) {
    open(number + 1);
    scrollTo(0, 0);
    at("level").focus({preventScroll: true});
  }
}

function ending() {
  return element("div", {class: "ending"}, element("h4", {text: "Now break your own agent"}),
    element("p", {text: "The tool that has explored these levels explores your code, too:"}),
    element("pre", {tabindex: "0", text: at("own").textContent}));
}
