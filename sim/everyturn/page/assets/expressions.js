/*
 * Expressions over the state: a small language of its own, which can look and not do anything.
 *
 *   either  = both ("or" both)*            both  = compared ("and" compared)*
 *   compared = sum (("==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "not" "in") sum)?
 *   sum     = term (("+" | "-") term)*     term  = "not" term | "-" term | part
 *   part    = literal | name | "len" "(" either ")" | "(" either ")" | "[" either,* "]", then ".field" or "[either]"
 */

const TOKEN =
  /\s*(?:(\d+(?:\.\d+)?)|("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|([A-Za-z_$][\w$]*)|(==|!=|<=|>=|[-+<>()[\].,])|(\S))/gy;
const WORDS = { true: true, false: false, null: null, none: null };
const COMPARED = ["==", "!=", "<", "<=", ">", ">="];
const DEEPEST = 50;

class WrongExpression extends Error {}

/** What an expression means: a function of the names' values. Throws WrongExpression. */
function parsed(text) {
  return new Parser(text).whole();
}

class Parser {
  constructor(text) {
    this.tokens = [...text.matchAll(TOKEN)].map(([, number, string, name, sign, other]) => {
      if (other) throw new WrongExpression(`expected an expression, found ${other}`);
      if (number) return { kind: "literal", value: Number(number) };
      if (string) return { kind: "literal", value: string.slice(1, -1).replace(/\\(.)/g, "$1") };
      return name ? { kind: "name", value: name } : { kind: "sign", value: sign };
    });
    this.at = 0;
    this.depth = 0;
  }

  whole() {
    const meaning = this.either();
    if (this.at < this.tokens.length)
      throw new WrongExpression(`expected its end, found ${this.tokens[this.at].value}`);
    return meaning;
  }

  next(...values) {
    const token = this.tokens[this.at];
    if (!token || token.kind === "literal" || !values.includes(token.value)) return null;
    this.at += 1;
    return token.value;
  }

  expect(value) {
    if (!this.next(value))
      throw new WrongExpression(`expected ${value}, found ${this.tokens[this.at]?.value ?? "the end"}`);
  }

  either() {
    if ((this.depth += 1) > DEEPEST) throw new WrongExpression("expected fewer parentheses");
    let meaning = this.both();
    while (this.next("or")) meaning = joined(meaning, this.both(), (one, other) => one() || other());
    this.depth -= 1;
    return meaning;
  }

  both() {
    let meaning = this.compared();
    while (this.next("and")) meaning = joined(meaning, this.compared(), (one, other) => one() && other());
    return meaning;
  }

  compared() {
    const left = this.sum();
    const sign = this.next(...COMPARED);
    if (sign) return joined(left, this.sum(), (one, other) => compare(sign, one(), other()));
    if (this.next("in")) return joined(left, this.sum(), (one, other) => within(one(), other()));
    if (this.tokens[this.at]?.value === "not" && this.tokens[this.at + 1]?.value === "in") {
      this.at += 2;
      return joined(left, this.sum(), (one, other) => !within(one(), other()));
    }
    return left;
  }

  sum() {
    let meaning = this.term();
    for (let sign = this.next("+", "-"); sign; sign = this.next("+", "-")) {
      const added = sign === "+";
      meaning = joined(meaning, this.term(), (one, other) => (added ? one() + other() : one() - other()));
    }
    return meaning;
  }

  term() {
    if (this.next("not")) {
      const meaning = this.term();
      return (names) => !meaning(names);
    }
    if (this.next("-")) {
      const meaning = this.term();
      return (names) => -meaning(names);
    }
    return this.path(this.part());
  }

  part() {
    const token = this.tokens[this.at];
    if (!token) throw new WrongExpression("expected more, found the end");
    if (this.next("(")) {
      const meaning = this.either();
      this.expect(")");
      return meaning;
    }
    if (this.next("[")) return this.list();
    this.at += 1;
    if (token.kind === "literal") return () => token.value;
    if (token.kind !== "name") throw new WrongExpression(`expected a name, found ${token.value}`);
    if (Object.hasOwn(WORDS, token.value)) return () => WORDS[token.value];
    if (token.value === "len" && this.next("(")) {
      const meaning = this.either();
      this.expect(")");
      return (names) => size(meaning(names));
    }
    return (names) => {
      if (!Object.hasOwn(names, token.value)) throw new WrongExpression(`there is no ${token.value} here`);
      return names[token.value];
    };
  }

  list() {
    const parts = [];
    while (!this.next("]")) {
      parts.push(this.either());
      if (!this.next(",")) {
        this.expect("]");
        break;
      }
    }
    return (names) => parts.map((part) => part(names));
  }

  path(meaning) {
    for (;;) {
      const before = meaning;
      if (this.next(".")) {
        const field = this.tokens[this.at++]?.value;
        if (field === undefined) throw new WrongExpression("expected a name after the dot");
        meaning = (names) => inside(before(names), field);
      } else if (this.next("[")) {
        const field = this.either();
        this.expect("]");
        meaning = (names) => inside(before(names), field(names));
      } else return meaning;
    }
  }
}

const joined = (left, right, act) => (names) =>
  act(
    () => left(names),
    () => right(names),
  );

function compare(sign, one, other) {
  if (sign === "==") return same(one, other);
  if (sign === "!=") return !same(one, other);
  if (typeof one !== typeof other || typeof one === "object") return false;
  return { "<": one < other, "<=": one <= other, ">": one > other, ">=": one >= other }[sign];
}

function within(one, all) {
  if (Array.isArray(all)) return all.some((each) => same(each, one));
  if (typeof all === "string") return all.includes(String(one));
  return isObject(all) && Object.hasOwn(all, one);
}

function inside(tree, field) {
  if (tree === null || typeof tree !== "object") return null;
  return Object.hasOwn(tree, field) ? tree[field] : null;
}

function size(tree) {
  if (tree === null || tree === undefined) return 0;
  return typeof tree === "object" ? Object.keys(tree).filter((name) => name !== "$").length : String(tree).length;
}
