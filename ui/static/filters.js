// Draws the filters of the left area from the server's counts, as text, and tells the server what
// is chosen. The address follows, each choice a step of the browser's history.
const askLabsFilters = (() => {
  const FEW = 8; // values of a facet that are shown at first
  const PATIENCE = 5000; // milliseconds
  const LONG = 10; // a facet with more of them can be searched
  const narrow = matchMedia("(max-width: 900px)");
  const expanded = new Set(); // facets of which all values are shown
  let box = null; // the panel
  let send = null; // tells the server
  let data = null; // the newest counts
  let sent = 0; // events that were sent, to know the answer to the last one
  let stepped = 0; // the last event that a step back or forward sent
  const waiting = []; // events that wait for the answer to the one before
  let pending = 0; // the timer of the one that is on its way
  let facts = null; // the totals of the collection
  let look = () => {}; // asks whether they still hold
  let revision = ""; // what they were of when last drawn
  let dropped = null; // the place of the chip that was taken away

  const fold = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const frame = () => box?.querySelector(".facets");
  const written = (n) => n.toLocaleString(frame().dataset.language);
  const labelOf = (row) => row[1] || row[0];

  // One event at a time: the server makes of each what was chosen before it and the event.
  function enqueue(how, what) {
    waiting.push([how, what]);
    if (!pending) next();
  }

  function next() {
    clearTimeout(pending);
    pending = 0;
    const [how, what] = waiting.shift() ?? [];
    if (!how) return;
    // An answer that never comes holds up nothing for good.
    pending = setTimeout(next, PATIENCE);
    if (what.query !== undefined) stepped = sent + 1;
    how({ ...what, turn: ++sent });
  }

  // A step back or forward: what is chosen follows the address.
  function arrived() {
    if (send && data && data.query !== part(true).join("&")) enqueue(send, { query: location.search });
  }

  function panel(element, trigger) {
    box = element;
    send = trigger;
    element.addEventListener("change", changed);
    element.addEventListener("input", (event) => event.target.matches(".find") && facet(event.target.closest(".facet")));
    element.addEventListener("click", more);
    element.addEventListener("toggle", (event) => event.target.matches(".facet") && facet(event.target), true);
    draw();
  }

  function changed({ target }) {
    const { field } = target.closest(".facet").dataset;
    if (target.matches("[type=checkbox]")) {
      enqueue(send, { field, value: target.dataset.value, on: target.checked });
    } else if (target.matches("select")) {
      const ends = [...target.closest(".range").querySelectorAll("select")];
      // The end that was not touched goes along with one that passed it.
      if (ends.every((e) => e.value) && Number(ends[0].value) > Number(ends[1].value))
        ends.forEach((e) => (e.value = target.value));
      enqueue(send, { field, value: ends.map((e) => e.value).join("-"), on: true, only: true });
    }
  }

  function more({ target }) {
    if (target.matches(".show")) return unfold(), document.getElementById("unfold").focus();
    if (!target.matches(".more")) return;
    const { field } = target.closest(".facet").dataset;
    expanded.has(field) ? expanded.delete(field) : expanded.add(field);
    facet(target.closest(".facet"));
  }

  // New counts have come. Those for an event before the last one would undo what was chosen since.
  function show(text) {
    const found = JSON.parse(text || "null");
    if (found?.turn === sent && pending) next();
    if (!found || (found.turn !== null && found.turn < sent)) return;
    data = found;
    draw();
    follow();
  }

  function draw() {
    if (!frame() || !data) return;
    frame().querySelectorAll(".facet").forEach(facet);
    const button = document.getElementById("unfold");
    if (data.chosen) button.dataset.chosen = written(data.chosen);
    else delete button.dataset.chosen;
    updateButton();
    frame().querySelector(".show").textContent = data.show;
  }

  function facet(place) {
    if (!data) return;
    const rows = data.rows[place.dataset.field];
    const chosen = rows.filter((row) => row[3] === 1).length;
    place.hidden = rows.length === 0;
    place.querySelector(".chosen").textContent = chosen ? written(chosen) : "";
    if (!place.open) return; // drawn when it is unfolded
    const find = place.querySelector(".find");
    find.hidden = rows.length <= LONG;
    const wanted = fold(find.hidden ? "" : find.value.trim());
    const long = rows.length > LONG && !wanted;
    const all = expanded.has(place.dataset.field);
    // Of regions the whole ones, of others those with the most reports.
    const parts = rows.some((row) => row[4]);
    const few = (row, n) => row[3] || (parts ? !row[4] : n < FEW);
    const visible = wanted ? rows.filter((row) => fold(labelOf(row)).includes(wanted)) : long && !all ? rows.filter(few) : rows;
    list(place.querySelector("ul"), visible, rows);
    const button = place.querySelector(".more");
    button.hidden = !long;
    button.textContent = all ? frame().dataset.fewer : frame().dataset.more.replace("{n}", written(rows.length));
    if (place.querySelector(".range")) range(place, rows);
  }

  // The list that is being used keeps its order, and focus with it; others are drawn anew.
  function list(ul, visible, rows) {
    if (ul.contains(document.activeElement)) {
      const now = new Map(rows.map((row) => [row[0], row]));
      for (const item of ul.children) {
        const value = item.querySelector("input").dataset.value;
        fill(item, now.get(value) ?? [value, "", 0, 0, 0]);
      }
      return;
    }
    ul.replaceChildren(...visible.map((row) => fill(item(row), row)));
    if (!visible.length) {
      ul.append(document.createElement("li"));
      ul.firstChild.className = "none";
      ul.firstChild.textContent = frame().dataset.none;
    }
  }

  function item(row) {
    const made = document.createElement("li");
    const [label, name, count] = ["label", "span", "span"].map((tag) => document.createElement(tag));
    const input = document.createElement("input");
    label.append(input, name, count);
    made.append(label);
    input.type = "checkbox";
    input.dataset.value = row[0];
    name.dir = "auto";
    name.className = "label";
    name.textContent = labelOf(row);
    count.className = "count";
    made.classList.toggle("part", Boolean(row[4]));
    return made;
  }

  function fill(made, [, , reports, on]) {
    const [input, , count] = made.firstChild.children;
    input.checked = on === 1;
    input.indeterminate = on === 2;
    count.textContent = written(reports);
    made.classList.toggle("zero", reports === 0);
    return made;
  }

  function range(place, rows) {
    place.querySelectorAll("select").forEach((select, end) => {
      const names = ["", ...rows.map((row) => row[0])];
      const options = names.map((name) => new Option(name || frame().dataset.any, name));
      select.replaceChildren(...options);
      select.value = String(data.years[end] ?? "");
    });
  }

  // The parts of an address that are filters, or those that are not ours and stay.
  function part(isOurs) {
    const keys = frame().dataset.keys.split(" ");
    return location.search.slice(1).split("&").filter((pair) => pair && keys.includes(pair.split("=")[0]) === isOurs);
  }

  function follow() {
    if (part(true).join("&") === data.query) return;
    const query = [...part(false), data.query].filter(Boolean).join("&");
    const address = location.pathname + (query && `?${query}`) + location.hash;
    if (data.turn === null || data.turn === stepped) history.replaceState(history.state, "", address);
    else history.pushState(null, "", address);
  }

  function mountChips(element, trigger) {
    element.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      dropped = [...element.querySelectorAll("button")].indexOf(button);
      enqueue(trigger, { ...button.dataset, on: false });
    });
  }

  // The collection may have grown meanwhile: looked at when the page is, and after an answer of
  // another state of it.
  const revisionOf = (place) => place?.querySelector("[data-revision]")?.dataset.revision;

  function mountFacts(element, trigger) {
    facts = element;
    look = () => trigger({ revision: revisionOf(facts), turn: sent });
    document.addEventListener("visibilitychange", () => document.hidden || look());
  }

  function answered(thread) {
    const last = thread.querySelector("article:last-of-type")?.dataset.revision;
    if (last && revisionOf(facts) && last !== revisionOf(facts)) look();
  }

  // Whether the totals are of another state of the collection than those before.
  function factsDrawn() {
    const before = revision;
    revision = revisionOf(facts);
    return Boolean(before) && before !== revision;
  }

  // The chips have been drawn anew: who used the keyboard goes on from the one that was next.
  function chipsDrawn(element) {
    if (dropped === null) return;
    const buttons = element.querySelectorAll("button");
    const next = buttons[Math.min(dropped, buttons.length - 1)] ?? document.querySelector("#question textarea");
    dropped = null;
    next.focus({ preventScroll: true });
  }

  async function copy(text) {
    if (!text) return;
    const { query, done, byHand, error } = JSON.parse(text);
    if (error) return window.alert(error);
    const link = `${location.origin}${location.pathname}?${query}`;
    const share = document.activeElement?.closest(".share");
    const button = share ?? document.getElementById("copy-link");
    try {
      await navigator.clipboard.writeText(link);
    } catch {
      // Without https a page may not write there: the visitor does.
      window.prompt(byHand, link);
      return;
    }
    const label = button.dataset.label ?? button.textContent;
    button.dataset.label = label;
    button.textContent = done;
    setTimeout(() => (button.textContent = label), 2000);
  }

  // Narrow, the filters unfold under their button; wide, the whole area folds to a strip.
  function unfold() {
    const [where, name] = narrow.matches ? ["filters", "unfolded"] : ["desk", "folded"];
    document.getElementById(where).classList.toggle(name);
    updateButton();
  }

  function updateButton() {
    const open = narrow.matches
      ? document.getElementById("filters").classList.contains("unfolded")
      : !document.getElementById("desk").classList.contains("folded");
    const button = document.getElementById("unfold");
    button.setAttribute("aria-expanded", String(open));
    button.setAttribute("aria-controls", "filters");
  }

  narrow.addEventListener("change", () => document.getElementById("unfold") && updateButton());
  return { arrived, enqueue, panel, draw, show, mountChips, chipsDrawn, mountFacts, factsDrawn, answered, copy, unfold };
})();
