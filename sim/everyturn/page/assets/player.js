/* Who holds the run, the step and the filters, draws them, and listens to keys, slider, choices and addresses. */

const NARROW = window.matchMedia("(max-width: 46rem)");
const STORIES = CONTENTS.stories.map((data) => new Story(data));

class Player {
  constructor() {
    this.story = STORIES[0];
    this.run = this.story.found;
    this.step = -1;
    this.everything = false;
    this.watched = [];
    this.filters = { text: "", prompt: "", object: "", kind: "", all: false };
  }

  // what the reader does -----------------------------------------------------------------------------------------

  go(step) {
    this.step = Math.max(-1, Math.min(this.run.end, step));
    this.#atStep();
  }

  /** Go to a step that is named far above, where the steps are out of sight. */
  jump(run, step) {
    this.show(run, step);
    bringWorkbench();
  }

  /** Go to the next step that the filters show, from the last one to the first. */
  toNextShown() {
    const shown = [...byId("steps").children].map((row) => Number(row.dataset.step));
    const next = shown.find((step) => step > this.step && step < this.run.end) ?? shown[0];
    if (next !== undefined) this.go(next);
  }

  show(run, step) {
    this.run = run;
    this.step = Math.max(-1, Math.min(run.end, step));
    this.draw();
  }

  choose(place) {
    const step = this.step;
    if (this.run.way[step + 1] === place) this.go(step + 1);
    else this.show(this.run.turned(step, place), step + 1);
  }

  runOn() {
    const run =
      this.run.way.length > this.step + 1 ? new Run(this.story, "own", this.run.way.slice(0, this.step + 1)) : this.run;
    const whole = run.onwards();
    whole.name = "own";
    this.show(whole, whole.end);
  }

  toggle() {
    this.everything = !this.everything;
    this.#atStep();
    byId("everything").focus();
  }

  watch(text) {
    if (text.trim() && !this.watched.includes(text.trim())) this.watched.push(text.trim());
    this.#atStep();
    byId("expression").focus();
  }

  unwatch(at) {
    this.watched.splice(at, 1);
    this.#atStep();
  }

  tell(story) {
    this.story = story;
    this.filters = { text: "", prompt: "", object: "", kind: "", all: false };
    fillFilters(this);
    this.show(story.found, -1);
  }

  // the address --------------------------------------------------------------------------------------------------

  get address() {
    const parts = new URLSearchParams();
    if (STORIES.length > 1) parts.set("story", STORIES.indexOf(this.story) + 1);
    if (this.run.name !== "found") parts.set("run", this.run.name === "own" ? this.run.way.join(".") : this.run.name);
    parts.set("step", this.step);
    return `#${parts}`;
  }

  /** Go where the address of the page says; nothing that it says can do more than that. */
  follow(address) {
    const parts = new URLSearchParams(address.replace(/^#/, ""));
    this.story = STORIES[Number(parts.get("story") ?? 1) - 1] ?? this.story;
    const name = parts.get("run");
    const own = /^\d+(\.\d+)*$/.test(name ?? "") ? new Run(this.story, "own", name.split(".").map(Number)) : null;
    this.run = own ?? this.story.others.find((run) => run.name === name) ?? this.story.found;
    const step = Number(parts.get("step") ?? -1);
    this.step = Number.isInteger(step) ? Math.max(-1, Math.min(this.run.end, step)) : -1;
  }

  // drawing ------------------------------------------------------------------------------------------------------

  draw() {
    fillHeader(this);
    fillRuns(this);
    fillChart(this);
    fillBeside(this);
    const slider = byId("slider");
    slider.min = -1;
    slider.max = this.run.end;
    this.#atStep();
  }

  #atStep() {
    const { run, step } = this;
    const told = run.told(step);
    const who = run.who(step);
    const spoken = `${step < 0 ? "Start" : step >= run.steps.length ? "Rest" : `Step ${step}`}: ${told}`;
    const slider = byId("slider");
    slider.value = step;
    slider.setAttribute("aria-valuetext", spoken);
    byId("where").textContent =
      step < 0 ? `start, then ${run.steps.length} steps` : `${stepName(run, step)} of ${run.steps.length - 1}`;
    byId("said").textContent = spoken;
    byId("back").disabled = byId("first").disabled = step <= -1;
    byId("forward").disabled = byId("last").disabled = step >= run.end;
    for (const row of byId("steps").children) {
      const here = Number(row.dataset.step) === step;
      row.firstChild.setAttribute("aria-current", here ? "step" : "false");
      if (here) bringIntoView(row);
    }
    fillPanels(this);
    fillAbout(this);
    remember(this.address);
    document.body.dataset.who = who;
    byId("panels").classList.toggle("at-start", step < 0);
  }
}

/** Put the address where it can be copied from; a page inside another one (a notebook's) has none. */
function remember(address) {
  if (location.protocol !== "about:") history.replaceState(null, "", address);
}

/** Whether the steps are what the reader looks at. */
function workbenchInSight() {
  return byId("controls").getBoundingClientRect().top < window.innerHeight / 2;
}

function bringWorkbench() {
  if (!workbenchInSight()) byId("controls").scrollIntoView({ block: "start" });
}

/** Scroll a row into sight within its own column, and not the page. */
function bringIntoView(row) {
  const [box, inside] = [byId("chart").getBoundingClientRect(), row.getBoundingClientRect()];
  const top = byId("lanes").getBoundingClientRect().bottom;
  if (inside.top < Math.max(top, box.top)) byId("chart").scrollTop += inside.top - Math.max(top, box.top) - 40;
  else if (inside.bottom > box.bottom - 30) byId("chart").scrollTop += inside.bottom - box.bottom + 60;
}

// listening ------------------------------------------------------------------------------------------------------

const PLAYER = new Player();

/** How far a key goes; to a step by its number if it is Home or End. */
const KEYS = {
  ArrowRight: () => PLAYER.step + 1,
  ArrowDown: () => PLAYER.step + 1,
  ArrowLeft: () => PLAYER.step - 1,
  ArrowUp: () => PLAYER.step - 1,
  PageDown: () => PLAYER.step + 10,
  PageUp: () => PLAYER.step - 10,
  Home: () => -1,
  End: () => PLAYER.run.end,
};

/** Keys that scroll the page as long as something else is looked at. */
const SCROLLS = ["ArrowDown", "ArrowUp", "PageDown", "PageUp", "Home", "End"];

function listens(event) {
  const typing = event.target.closest("input[type=text], input[type=search], select, textarea");
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (SCROLLS.includes(event.key) && !workbenchInSight()) return;
  const place = /^[1-9]$/.test(event.key) ? Number(event.key) - 1 : null;
  if (place !== null && PLAYER.story.moves(PLAYER.run.after(PLAYER.step))?.[place]) PLAYER.choose(place);
  else if (Object.hasOwn(KEYS, event.key)) PLAYER.go(KEYS[event.key]());
  else return;
  bringWorkbench();
  event.preventDefault();
}

function begin() {
  byId("panels").replaceChildren(...panels());
  byId("first").addEventListener("click", () => PLAYER.go(-1));
  byId("back").addEventListener("click", () => PLAYER.go(PLAYER.step - 1));
  byId("forward").addEventListener("click", () => PLAYER.go(PLAYER.step + 1));
  byId("last").addEventListener("click", () => PLAYER.go(PLAYER.run.end));
  byId("filters").addEventListener("submit", (event) => {
    event.preventDefault();
    PLAYER.toNextShown();
  });
  byId("slider").addEventListener("input", (event) => PLAYER.go(Number(event.target.value)));
  document.addEventListener("keydown", listens);
  window.addEventListener("hashchange", () => {
    PLAYER.follow(location.hash);
    fillFilters(PLAYER);
    PLAYER.draw();
  });
  window.addEventListener("resize", () => fillChart(PLAYER) ?? PLAYER.go(PLAYER.step));
  PLAYER.follow(location.hash);
  fillFilters(PLAYER);
  PLAYER.draw();
  if (PLAYER.step >= 0) bringWorkbench();
}

begin();
