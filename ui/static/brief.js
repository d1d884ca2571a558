// The brief builder: what is pinned while reading, kept in this browser, put in order, and sent to
// the server to become a file. All text of reports is put in as text.
/**
 * @typedef {{kind: string, text?: string, report?: string, passage?: string, quotes?: string[],
 *   rows?: string[][], answer?: object, who?: string, title?: string}} Pin
 * @typedef {{format: number, title: string, author: string, items: Pin[]}} Brief
 */
const askBrief = (() => {
  const KINDS = ["heading", "note", "quote", "answer", "table"];
  const LONG = 280; // characters of a note's or an answer's text that are shown
  let root = null; // the view
  let send = null; // asks the server for a file
  let fetchAnswer = null; // asks the server for an answer to pin
  let brief = empty();

  function empty() {
    return { format: 1, title: "", author: "", items: [] };
  }

  const place = () => `asklabs-brief-${document.querySelector(".conversations")?.dataset.owner ?? ""}`;
  const words = () => JSON.parse(root.querySelector(".brief").dataset.messages);
  const say = (text) => (root.querySelector(".state").textContent = text);

  // Another tab may have pinned something since.
  function load() {
    try {
      brief = JSON.parse(localStorage.getItem(place())) ?? empty();
    } catch {
      // It stays as it is.
    }
  }

  function save() {
    try {
      localStorage.setItem(place(), JSON.stringify(brief));
    } catch {
      say(words().full);
    }
    count();
  }

  function count() {
    const badge = document.querySelector("#views .pinned");
    if (badge) badge.textContent = String(brief.items.length || "");
  }

  // Called for each click on "Pin", wherever it stands.
  function pin(button) {
    const { turn, report, passage, quotes, who, title } = button.dataset;
    const bars = button.closest(".bars");
    if (turn) fetchAnswer?.({ turn: Number(turn) });
    else if (bars) {
      const rows = [...bars.querySelectorAll("li .bar")].map((e) => [".label", ".n"].map((at) => e.querySelector(at).textContent));
      add({ kind: "table", text: button.dataset.heading, rows });
    } else add({ kind: "quote", report, passage, quotes: JSON.parse(quotes), who, title });
    const label = (button.dataset.label ??= button.textContent);
    button.textContent = button.dataset.done;
    setTimeout(() => (button.textContent = label), 1500);
  }

  /** @param {Pin} item */
  function add(item) {
    if (!KINDS.includes(item?.kind)) return;
    load();
    const same = JSON.stringify(item);
    if (!["heading", "note"].includes(item.kind) && brief.items.some((e) => JSON.stringify(e) === same)) return;
    brief.items.push(item);
    save();
    draw();
  }

  function field(item, tag, label) {
    const input = Object.assign(document.createElement(tag), { value: item.text, placeholder: label, maxLength: 20000 });
    input.setAttribute("aria-label", label);
    input.dir = "auto";
    input.addEventListener("input", () => {
      item.text = input.value;
      save();
    });
    return input;
  }

  function part(name, text) {
    const made = Object.assign(document.createElement(name === "quote" ? "blockquote" : "p"), { className: name, textContent: text });
    made.dir = "auto";
    return made;
  }

  /** @param {Pin} item */
  function shown(item) {
    if (item.kind === "heading") return [field(item, "input", words().heading)];
    if (item.kind === "note") return [field(item, "textarea", words().note)];
    if (item.kind === "quote") return [part("who", item.who), part("title", item.title), part("quote", item.quotes.join(" … "))];
    const text = item.kind === "table" ? item.rows.slice(0, 5).map((row) => row.join(": ")).join("; ") : (item.answer?.answer ?? "");
    const plain = text.replace(/ ?\[\d+\]|\*\*|^#+ .*\n|^- /gm, "");
    return [part("who", item.text), part("quote", plain.length > LONG ? `${plain.slice(0, LONG)} …` : plain)];
  }

  function draw() {
    if (!root?.querySelector(".brief")) return;
    const list = root.querySelector(".pins");
    for (const name of ["title", "author"]) {
      const input = root.querySelector(`.cover [name=${name}]`);
      if (input !== document.activeElement) input.value = brief[name];
    }
    root.querySelector(".empty").hidden = brief.items.length > 0;
    list.replaceChildren(
      ...brief.items.map((item) => {
        const row = root.querySelector("template").content.firstElementChild.cloneNode(true);
        row.className = `is-${item.kind}`;
        row.querySelector(".what").append(...shown(item));
        return row;
      }),
    );
    count();
  }

  // Move a row by one, or take it away ("").
  function move(button) {
    const row = button.closest("li");
    const at = [...row.parentNode.children].indexOf(row);
    const [item] = brief.items.splice(at, 1);
    const to = Math.max(0, Math.min(brief.items.length, at + Number(button.dataset.move)));
    if (button.dataset.move) brief.items.splice(to, 0, item);
    save();
    draw();
    const next = root.querySelectorAll(".pins > li")[button.dataset.move ? to : Math.min(at, brief.items.length - 1)];
    (next?.querySelector(`[data-move="${button.dataset.move}"]`) ?? root.querySelector("[data-add]")).focus();
  }

  const actions = {
    save: () => askLabsExports.save({ name: "brief.json", type: "application/json", text: JSON.stringify(brief) }),
    open: () => root.querySelector("input[type=file]").click(),
    clear() {
      if (!confirm(words().sure)) return;
      brief = empty();
      save();
      draw();
    },
  };

  async function opened(file) {
    const before = brief;
    try {
      const read = JSON.parse(await file.text());
      if (read.format !== 1 || !read.items.every((item) => KINDS.includes(item.kind))) throw new Error();
      brief = { ...empty(), ...read };
      draw(); // before it is kept: it can't draw what is damaged
      save();
      say("");
    } catch {
      brief = before;
      draw();
      say(words().damaged);
    }
  }

  function clicked({ target }) {
    const button = target.closest("button");
    if (!button) return;
    const { move: moves, add: adds, do: does, ending, waiting } = button.dataset;
    if (moves !== undefined) move(button);
    else if (adds) {
      add({ kind: adds, text: "" });
      root.querySelector(".pins > li:last-child :is(input, textarea)").focus();
    } else if (does) actions[does]();
    else if (ending) {
      say(waiting);
      const address = location.origin + location.pathname;
      send({ ending, brief: { ...brief, address } });
    }
  }

  function mount(element, trigger) {
    root = element;
    send = trigger;
    element.addEventListener("click", clicked);
    element.addEventListener("submit", (event) => event.preventDefault());
    element.addEventListener("input", ({ target }) => {
      if (!target.closest(".cover")) return;
      brief[target.name] = target.value;
      save();
    });
    element.addEventListener("change", ({ target }) => {
      if (target.type !== "file" || !target.files.length) return;
      opened(target.files[0]);
      target.value = "";
    });
    arrived();
  }

  // The view is shown, or drawn in the visitor's language.
  function arrived() {
    load();
    draw();
  }

  function done(file) {
    if (file.error) return say(file.error);
    say(file.warning);
    askLabsExports.save(file);
  }

  const failed = () => say(words().broken);
  const answers = (trigger) => (fetchAnswer = trigger);

  document.addEventListener("click", ({ target }) => {
    const button = target.closest?.(".pin");
    if (button) pin(button);
  });
  addEventListener("storage", (event) => event.key === place() && arrived());
  return { mount, answers, arrived, add, done, failed };
})();
