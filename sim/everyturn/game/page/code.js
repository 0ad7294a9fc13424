// The code of a level: each line with those who stand there, and the access that comes next underlined.

const WORDS = /("[^"]*"|'[^']*')|(#.*$)|\b(async|await|def|class|return|if|else|elif|while|for|in|not|and|or|is|try|except|finally|with|as|raise|pass|None|True|False|lambda|nonlocal|break|continue)\b/g;

function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key === "class") made.className = value;
    else if (key === "text") made.textContent = value;
    else if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value !== undefined && value !== null && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children);
  return made;
}

// Pieces of a line: [text, class].
function pieces(line) {
  const found = [];
  let from = 0;
  for (const match of line.matchAll(WORDS)) {
    if (match.index > from) found.push([line.slice(from, match.index), ""]);
    found.push([match[0], match[1] ? "string" : match[2] ? "comment" : "word"]);
    from = match.index + match[0].length;
  }
  found.push([line.slice(from), ""]);
  return found;
}

// A line's text as spans; `marks` are [first, last, class] of columns to underline.
function codeText(line, marks) {
  const out = element("code");
  out.style.setProperty("--indent", `${line.search(/\S|$/) + 2}ch`);
  let column = 0;
  for (const [text, kind] of pieces(line)) {
    let rest = text;
    while (rest.length > 0) {
      const cuts = marks.flatMap(([first, last]) => [first, last]).filter((cut) => cut > column);
      const until = Math.min(column + rest.length, ...cuts);
      const here = marks.filter(([first, last]) => first <= column && column < last).map(([, , name]) => name);
      out.append(element("span", {class: [kind, ...here].join(" ").trim(), text: rest.slice(0, until - column)}));
      rest = rest.slice(until - column);
      column = until;
    }
  }
  return out;
}

// `stands`: for each of `who`, where it stands.
function showCode(place, lines, who, stands) {
  const rows = lines.map((line, index) => {
    const here = stands.map((stand, number) => [stand, number]).filter(([stand]) => stand.line === index + 1);
    const marks = here.filter(([stand]) => stand.last > 0)
      .map(([stand, number]) => [stand.first, stand.last, `at at-${number}`]);
    const chips = here.map(([, number]) => chip(who, number));
    return element("li", {class: here.length > 0 ? "here" : ""},
      element("span", {class: "chips"}, ...chips), codeText(line, marks));
  });
  place.replaceChildren(element("ol", {class: "lines", tabindex: "0", "aria-label": "The code, line by line"}, ...rows));
}

function chip(who, number) {
  return element("span", {class: `chip who-${number}`, text: who[number]});
}

// A diff as lines with + and -; each also says so to who cannot see the colours.
function showDiff(lines) {
  return element("pre", {class: "diff", tabindex: "0", "aria-label": "What the fix changes"}, ...lines.map((line) => {
    const kind = line.startsWith("+") ? "plus" : line.startsWith("-") ? "minus" : "same";
    return element("span", {class: kind, text: `${line}\n`});
  }));
}
