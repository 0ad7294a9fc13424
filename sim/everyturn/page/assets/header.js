/* What stands above and below the workbench: the words, the answers, the runs, the marked steps, the link. */

function fillHeader(player) {
  const { story } = player;
  const { kind, title, sentence, claims, words = [] } = story.data;
  const [plain, exact] = kind === "log" ? [title, sentence] : [sentence, title];
  byId("title").textContent = plain;
  byId("exact").textContent = exact;
  byId("words").hidden = !words.length;
  byId("words").lastElementChild.replaceChildren(...words.map((line) => element("li", {}, line)));
  refill(
    "claims",
    claims.map((claim) => claimCard(player, claim)),
  );
  refill(
    "stories",
    STORIES.length < 2
      ? []
      : [
          `${STORIES.length} in this page; one is shown below:`,
          element(
            "ol",
            {},
            STORIES.map((each, place) =>
              element("li", {}, storyButton(player, each, `${place + 1}. ${each.data.title}`)),
            ),
          ),
        ],
  );
  const marks = [
    ...new Map(
      [...Array(player.run.end + 1).keys()].flatMap((step) =>
        marksAt(player.run, step).map((mark) => [`${mark.kind} ${step}`, { step, ...mark }]),
      ),
    ).values(),
  ];
  refill(
    "jumps",
    marks.map(({ step, sign, text }) =>
      button(`${sign} ${step >= player.run.steps.length ? "rest" : step}`, () => player.go(step), {
        title: text,
        "aria-label": `${stepName(player.run, step)}: ${text}`,
      }),
    ),
  );
}

function storyButton(player, each, text) {
  const shown = each === player.story;
  return button(text, () => player.tell(each), { title: each.data.title, "aria-current": shown ? "true" : null });
}

function claimCard(player, { question, answer, steps, places, code }) {
  const { story } = player;
  const jumps = (steps ?? []).map((step) => button(stepName(story.found, step), () => player.jump(story.found, step)));
  return element(
    "section",
    { class: places?.length ? "claim wide" : "claim" },
    element("h2", {}, question),
    element("p", {}, answer),
    places?.length ? element("div", { class: "excerpts" }, excerptsOf(story, places)) : [],
    code ? element("details", { open: "" }, element("summary", {}, "The change"), changeOf(code)) : [],
    jumps.length ? element("p", { class: "jumps" }, jumps) : [],
  );
}

/** Code, in which lines that begin with a sign go or come. */
function changeOf(code) {
  const kinds = { "-": "del", "+": "ins" };
  const lines = code.split("\n").map((line) => element(kinds[line[0]] ?? "span", {}, `${line}\n`));
  return element("pre", { class: "change", tabindex: 0 }, lines);
}

function fillRuns(player) {
  const { story, run } = player;
  const names = [["this run", story.found], ...story.others.map((other) => ["a run without it", other])];
  if (run.name === "own") names.push(["your run", run]);
  refill(
    "runs",
    names.map(([text, each]) =>
      button(text, () => player.show(each, Math.min(player.step, each.end)), { "aria-pressed": String(each === run) }),
    ),
  );
}

function fillBeside(player) {
  const { story, run } = player;
  const other = run.name === "own" ? story.found : story.others[0];
  if (!other) return refill("beside");
  const heading = element("h2", { id: "beside-name" }, "The nearest run in which this does not happen, beside this one");
  return refill("beside", heading, besideTable(player, story.found, story.others[0] ?? run));
}

function fillAbout({ story, address }) {
  const { commands } = story.data;
  refill(
    "about",
    element("p", {}, "A link to this step of this run: ", element("a", { id: "link", href: address }, address)),
    commands?.length ? [element("p", {}, "In a terminal:"), element("pre", { tabindex: 0 }, commands.join("\n"))] : [],
    element(
      "p",
      { class: "dim" },
      "Keys: ← → a step; where the steps are in sight ↑ ↓, too, Page Up and Page Down ten, Home and End; 1 to 9 who goes ",
      "next. ",
      `Made by ${CONTENTS.made}; this page fetches nothing.`,
    ),
  );
}
