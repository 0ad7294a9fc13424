/* Expressions of the reader's own, watched along a run. */

/** What the names of expressions mean after a step. */
function namesAt(run, step) {
  const { story } = run;
  const state = run.after(step);
  const names = Object.create(null);
  story.data.columns.forEach((column, number) => {
    names[column.name] = story.value(state, number);
  });
  const of = (read) => Object.fromEntries(story.tasks.map((task, thread) => [task.name, read(thread)]));
  names.all = { ...names };
  names.step = step;
  names.next = of((thread) => story.stand(state, thread).waits ?? null);
  names.can = of((thread) => story.canGoOn(state, thread) ?? null);
  return names;
}

/** What an expression is after each step, from the start on. */
function along(run, meaning) {
  const values = [];
  for (let step = -1; step <= run.end; step += 1) values.push(meaning(namesAt(run, step)));
  return values;
}

function watchPanel(player) {
  const { watched, story } = player;
  const plain = story.data.columns.map((column) => column.name).filter((name) => /^[A-Za-z_]\w*$/.test(name));
  const known = [...plain, "all", "step", "next", "can"].join(", ");
  const example = story.data.columns.some((column) => column.name === "queue") ? "len(queue) > 0" : "step > 3";
  const field = element("input", {
    id: "expression",
    type: "text",
    maxlength: 300,
    placeholder: example,
    "aria-label": "Expression",
    "aria-describedby": "names",
    spellcheck: "false",
    autocomplete: "off",
  });
  const add = (event) => {
    event.preventDefault();
    player.watch(field.value);
  };
  return [
    element("form", { on: { submit: add } }, field, " ", element("button", { type: "submit" }, "Watch")),
    element(
      "p",
      { id: "names", class: "dim" },
      `Names: ${known}. Texts stand in quotes. Signs: == != < <= > >= in not and or + - len( ) . [ ]`,
    ),
    element(
      "ul",
      { class: "watched" },
      watched.map((text, at) => watchedLine(player, text, at)),
    ),
  ];
}

function watchedLine(player, text, at) {
  const drop = button("×", () => player.unwatch(at), { "aria-label": `Do not watch ${text}` });
  try {
    const values = along(player.run, parsed(text));
    const changes = values
      .map((value, place) => ({ value, step: place - 1 }))
      .filter(({ value }, place) => place === 0 || !same(value, values[place - 1]));
    const now = element("output", {}, brief(values[player.step + 1]));
    const history = changes.map(({ value, step }) =>
      button(`${step < 0 ? "start" : stepName(player.run, step)}: ${brief(value)}`, () => player.go(step), {
        class: "change",
      }),
    );
    return element(
      "li",
      {},
      drop,
      " ",
      element("code", {}, text),
      " = ",
      now,
      element("div", { class: "history" }, history),
    );
  } catch (error) {
    return element(
      "li",
      {},
      drop,
      " ",
      element("code", {}, text),
      element("span", { class: "bad" }, ` ${error instanceof WrongExpression ? error.message : "cannot be computed"}`),
    );
  }
}
