// The views of the page, kept in the address, and what is done in Explore: choosing on the
// map and the bars, sorting and unfolding. Everything is drawn on the server; what a browser makes
// itself are copies of rows that stand there, with text put in as text.
const askViews = (() => {
  const root = document.documentElement;
  const VIEWS = ["ask", "survey", "explore", "brief", "quality"];
  const BUTTON = "button[data-field]";
  const left = {}; // view -> how far it was scrolled when it was left
  const opened = new Set(); // fields whose bars are all shown
  const sorted = { column: -1, down: false }; // the column that the table is sorted by
  const order = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });
  let sendFind = null; // asks the server for what has the words of the address
  let found = ""; // those that it was asked for last
  let drawView = {}; // view -> asks the server to draw it
  let send = {};
  let area = null; // the element of Explore
  let data = { rows: [], rest: {} };
  let drawnRows = 0;
  let arranged = false; // whether the filters are those of the address
  let touched = null; // what was chosen last, for who uses the keyboard

  const wanted = () => {
    const name = location.hash.replace(/^#\//, "").split("?")[0];
    return VIEWS.includes(name) ? name : "ask";
  };
  const scrollers = () => [
    document.scrollingElement,
    ...["talk", "sources", "survey", "explore", "brief", "quality"].map((id) => document.getElementById(id)),
  ];

  // The page's base has no query: followed as it stands, a link would load the page anew.
  function followed(event) {
    const link = event.target.closest?.("#views a, a[href^='#/survey']");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    askSurvey.lead(link.hash, "replace" in link.dataset);
  }

  // The address has changed, by a link of the page or by a step back or forward.
  function go() {
    askLabsFilters.arrived();
    askReading.arrived();
    const [before, view] = [root.dataset.view, wanted()];
    if (view === "explore") find();
    if (before === view) return view === "survey" && draw();
    left[before] = scrollers().map((e) => e?.scrollTop ?? 0);
    root.dataset.view = view;
    mark();
    scrollers().forEach((e, i) => e && (e.scrollTop = left[view]?.[i] ?? 0));
    draw();
  }

  // Ask the server to draw the view that is shown; it doesn't where that is drawn so already.
  const draw = (anew = false) => (arranged || root.dataset.view !== "survey") && drawView[root.dataset.view]?.(anew);

  // The filters have changed, first to those of the address: no survey is made before.
  function narrowed() {
    arranged = true;
    if (["explore", "survey"].includes(root.dataset.view)) draw(true);
    if (root.dataset.view === "explore") find(true);
  }

  // The search by words in Explore: its words stand in the address.
  const finds = (trigger) => (sendFind = trigger);

  function find(anew = false) {
    const words = new URLSearchParams(location.hash.split("?")[1]).get("find") ?? "";
    const box = document.querySelector(".find-form input");
    if (!sendFind || (words === found && !(anew && words))) return;
    found = words;
    if (box && box !== document.activeElement) box.value = words;
    sendFind({ words });
  }

  document.addEventListener("submit", (event) => {
    if (!event.target.matches(".find-form")) return;
    event.preventDefault();
    const words = event.target.querySelector("input").value.trim();
    location.hash = words ? `#/explore?${new URLSearchParams({ find: words })}` : "#/explore";
  });

  // Say in the navigation and in the window's title which view is shown.
  function mark() {
    for (const link of document.querySelectorAll("#views a")) {
      const here = link.dataset.view === root.dataset.view;
      if (here) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
      const name = "Ask the Labs";
      if (here) document.title = link.dataset.view === "ask" ? name : `${link.firstChild.textContent} · ${name}`;
    }
  }

  // `events` tell the server which view is to be drawn.
  function start(events) {
    drawView = events;
    mark();
    draw();
  }

  // Explore has its place on the page; `to` sends what is chosen, or asked about, to the server.
  function mount(element, to) {
    area = element;
    send = to;
    element.addEventListener("click", clicked);
    element.addEventListener("keydown", typed);
    for (const name of ["pointerover", "focusin"]) element.addEventListener(name, pointed);
    element.addEventListener("pointerleave", pointed);
  }

  function clicked(event) {
    const at = (where) => event.target.closest(where);
    const value = at("[data-field][data-value]");
    if (value) choose(value, event.shiftKey || value.matches(".ask-about"));
    else if (at(".ask-about")) askAbout({ report: at("tr").querySelector(".open-report").dataset.report });
    else if (at(".all")) unfold(at(".bars"), !opened.has(at(".bars").dataset.field));
    else if (at(".more")) more();
    else if (at("th button")) sort(at("th").cellIndex);
  }

  function choose(element, asks) {
    const { field, value } = element.dataset;
    if (asks) return askAbout({ field, value });
    const where = element.matches(".place") ? ".map" : `.bars[data-field="${field}"]`;
    touched = { where, value };
    askLabsFilters.enqueue(send.choose, { field, value, on: element.getAttribute("aria-pressed") !== "true" });
  }

  function askAbout(target) {
    location.hash = "#/";
    send.ask(target);
  }

  function typed(event) {
    const place = event.target.closest(".place");
    if (!place) return;
    if (event.key === "Enter" || event.key === " ") choose(place, event.shiftKey);
    else if (event.key.startsWith("Arrow")) step(place, event.key.slice(5));
    else return;
    event.preventDefault();
  }

  // The nearest country in the direction of an arrow key.
  function step(from, way) {
    const middle = (e) => {
      const box = (e.querySelector("circle") ?? e).getBoundingClientRect();
      return [box.left + box.width / 2, box.top + box.height / 2];
    };
    const [x, y] = middle(from);
    const across = way === "Left" || way === "Right";
    const sign = way === "Right" || way === "Down" ? 1 : -1;
    let [best, least] = [null, Infinity];
    for (const place of area.querySelectorAll(".place")) {
      const [px, py] = middle(place);
      const ahead = sign * (across ? px - x : py - y);
      const aside = Math.abs(across ? py - y : px - x);
      const far = ahead + 2 * aside;
      if (place !== from && ahead > 0 && far < least) [best, least] = [place, far];
    }
    if (best) focusPlace(best);
  }

  // One country of the map at a time is a stop of the tab key.
  function focusPlace(place) {
    reach(place);
    place.focus({ preventScroll: true });
  }

  function reach(place) {
    area.querySelectorAll('.place[tabindex="0"]').forEach((e) => e.setAttribute("tabindex", "-1"));
    place?.setAttribute("tabindex", "0");
  }

  function pointed(event) {
    const line = area.querySelector(".pointed");
    const place = event.type !== "pointerleave" && event.target.closest(".place");
    if (!line) return;
    line.textContent = place ? place.getAttribute("aria-label") : line.dataset.idle;
    line.classList.toggle("some", Boolean(place));
  }

  function unfold(section, all) {
    const { field, most } = section.dataset;
    const [list, button] = [section.querySelector("ol"), section.querySelector(".all")];
    if (!button) return;
    opened[all ? "add" : "delete"](field);
    list.querySelectorAll("li.copy").forEach((item) => item.remove());
    if (all) {
      const first = list.querySelector("li");
      list.append(...data.rest[field].map((pair) => bar(first, pair, most)));
    }
    button.setAttribute("aria-expanded", String(all));
    button.textContent = all ? button.dataset.few : button.dataset.every;
  }

  function bar(first, [name, n, label], most) {
    const item = first.cloneNode(true);
    const [button, asks] = item.querySelectorAll(BUTTON);
    item.className = "copy";
    item.style.setProperty("--share", n / most);
    for (const one of [button, asks]) one.dataset.value = name;
    button.setAttribute("aria-pressed", "false");
    button.querySelector(".label").textContent = label;
    button.querySelector(".n").textContent = n.toLocaleString(root.lang || undefined);
    const title = `${asks.textContent.trim()}: ${label}`;
    for (const key of ["aria-label", "title"]) asks.setAttribute(key, title);
    return item;
  }

  function sort(column) {
    sorted.down = sorted.column === column && !sorted.down;
    sorted.column = column;
    arrange(Number(area.querySelector(".reports").dataset.step));
  }

  const more = () => arrange(drawnRows + Number(area.querySelector(".reports").dataset.step));

  // Draw so many rows in the order that was asked for; empty cells come last in any order.
  function arrange(count) {
    const section = area.querySelector(".reports");
    if (!section) return;
    const [body, at] = [section.querySelector("tbody"), sorted.column + 1];
    const rows = [...data.rows];
    if (at)
      rows.sort((a, b) => {
        const [x, y] = [a[at], b[at]];
        if (!x || !y) return (x ? 0 : 1) - (y ? 0 : 1);
        return order.compare(x, y) * (sorted.down ? -1 : 1);
      });
    drawnRows = Math.min(count, rows.length);
    const first = body.rows[0].cloneNode(true);
    body.replaceChildren(...rows.slice(0, drawnRows).map((cells) => row(first, cells)));
    section.querySelectorAll("th").forEach((head, i) => {
      const way = sorted.down ? "descending" : "ascending";
      head.setAttribute("aria-sort", i === sorted.column ? way : "none");
    });
    section.querySelector(".more").hidden = drawnRows === rows.length;
    const of = section.querySelector(".of");
    const values = { n: drawnRows, all: rows.length };
    const spelled = (_, name) => values[name].toLocaleString(root.lang || undefined);
    of.textContent = of.dataset.template.replace(/\{(n|all)\}/g, spelled);
  }

  function row(first, [report, ...cells]) {
    const copy = first.cloneNode(true);
    copy.querySelector(".open-report").dataset.report = report;
    cells.forEach((text, i) => ((copy.cells[i].querySelector("button") ?? copy.cells[i]).textContent = text));
    return copy;
  }

  // The server has drawn Explore anew: bring back what was unfolded, sorted and in focus.
  function drawn() {
    const held = area.querySelector(".data");
    if (!held) return;
    data = JSON.parse(held.textContent);
    drawnRows = area.querySelectorAll("tbody tr").length;
    reach(area.querySelector('.place[aria-pressed="true"]') ?? area.querySelector(".place"));
    area.querySelectorAll(".bars").forEach((e) => opened.has(e.dataset.field) && unfold(e, true));
    if (sorted.column >= 0) arrange(drawnRows);
    refocus();
  }

  function refocus() {
    if (!touched) return;
    const { where, value } = touched;
    touched = null;
    const [section, now] = [area.querySelector(where), document.activeElement];
    if (now !== document.body && !area.contains(now)) return;
    const same = [...(section?.querySelectorAll(".place, .bar") ?? [])].find((e) => e.dataset.value === value);
    if (same?.matches(".place")) reach(same);
    same?.focus({ preventScroll: true });
  }

  root.dataset.view = wanted();
  addEventListener("popstate", go);
  document.addEventListener("click", followed);
  return { start, finds, mark, mount, drawn, narrowed };
})();
