// What a reader does with an answer: a popover with the quote of a number, the row of buttons
// under an answer, and a whole report over the page. All text is put in as text, never as markup.
const askReading = (() => {
  const calm = matchMedia("(prefers-reduced-motion: reduce)");

  // The popover of a number. The link carries what it says; there is one for the whole page.
  let popover = null;
  let anchor = null; // the number that it belongs to
  let wait = 0;
  let key = ""; // the last key: Escape must not open what it has just closed

  function makePopover() {
    popover = document.createElement("div");
    popover.id = "popover";
    popover.role = "tooltip";
    popover.popover = "manual";
    for (const name of ["who", "quote", "verdict"])
      popover.append(Object.assign(document.createElement("p"), { className: name }));
    popover.querySelector(".who").dir = popover.querySelector(".quote").dir = "auto";
    popover.addEventListener("pointerenter", () => clearTimeout(wait));
    popover.addEventListener("pointerleave", () => later(hide));
    document.body.append(popover);
  }

  const later = (what, after = 150) => {
    clearTimeout(wait);
    wait = setTimeout(what, after);
  };

  function show(link) {
    if (!link.isConnected || link === anchor) return;
    hide();
    if (!popover) makePopover();
    for (const name of ["who", "quote", "verdict"])
      popover.querySelector(`.${name}`).textContent = link.dataset[name];
    popover.querySelector(".quote").lang = link.dataset.lang;
    anchor = link;
    link.setAttribute("aria-describedby", "popover");
    popover.showPopover();
    place(link);
  }

  // Under its number, so that the sentence before it can be read on; where there is no room, over
  // the whole paragraph; where that begins too far up, over the line.
  function place(link) {
    const at = link.getClientRects()[0] ?? link.getBoundingClientRect();
    popover.style.left = popover.style.top = "0"; // where it was before, it could be too narrow
    const { width, height } = popover.getBoundingClientRect();
    const rightmost = document.documentElement.clientWidth - width - 8;
    const start = link.closest("p, li, td, h4")?.getBoundingClientRect() ?? at;
    const places = [at.bottom + 6, start.top - height - 6, at.top - height - 6];
    const fits = (top) => top >= 8 && top + height <= window.innerHeight - 8;
    const turned = getComputedStyle(document.documentElement).direction === "rtl";
    const left = turned ? at.right + 16 - width : at.left - 16;
    popover.style.left = `${Math.max(8, Math.min(left, rightmost))}px`;
    popover.style.top = `${places.find(fits) ?? places[0]}px`;
  }

  function hide() {
    clearTimeout(wait);
    anchor?.removeAttribute("aria-describedby");
    anchor = null;
    if (popover?.matches(":popover-open")) popover.hidePopover();
  }

  const quoting = (target) => target.closest?.("#desk .cite[data-quote]");

  // A finger opens the source itself: only a mouse hovers.
  document.addEventListener("pointerover", (event) => {
    const link = event.pointerType === "mouse" && quoting(event.target);
    if (link) later(() => show(link));
  });
  document.addEventListener("pointerout", (event) => {
    if (event.pointerType === "mouse" && quoting(event.target)) later(hide);
  });
  document.addEventListener("focusin", ({ target }) => {
    const link = quoting(target);
    if (link?.matches(":focus-visible") && key !== "Escape") show(link);
    else hide();
  });
  document.addEventListener("focusout", ({ target }) => target === anchor && hide());
  document.addEventListener("click", ({ target }) => quoting(target) && hide());
  document.addEventListener("scroll", hide, { capture: true, passive: true });
  document.addEventListener(
    "keydown",
    (event) => {
      key = event.key;
      if (key !== "Escape" || !anchor) return;
      hide();
      event.stopImmediatePropagation();
    },
    true,
  );

  let pressed = null; // the button that asked again: {turn, name}

  // The row is drawn anew with its answer: who used the keyboard goes on from there.
  function drawn(element) {
    const article = pressed && element.querySelector(`#turn-${pressed.turn}`);
    if (!article) return;
    const button = article.querySelector(`.answer-row .${pressed.name}`);
    pressed = null;
    if (document.activeElement === document.body) (button ?? article).focus({ preventScroll: true });
  }

  // The row under an answer, and the buttons that open a report.
  function wire(element, trigger, names) {
    const knows = (name) => names.includes(name);
    if (knows("report")) fetchReport ??= trigger;
    element.addEventListener("click", ({ target }) => {
      const button = target.closest(".answer-row button, .open-report, .restore");
      if (!button) return;
      const turn = Number(button.closest(".answer-row")?.dataset.turn);
      if (button.matches(".open-report")) knows("report") && openReport(button);
      else if (button.matches(".restore")) knows("restore") && restore(button, trigger);
      else if (button.matches(".copy")) knows("again") && copy(button);
      else if (button.matches(".share")) knows("freeze") && trigger("freeze", { turn });
      else if (button.matches(".vote")) knows("vote") && vote(button, turn, trigger);
      else if (button.matches(".again, .wider, .deeper")) {
        const name = button.classList[0];
        if (!knows(name)) return;
        // A second click would ask twice.
        button.closest(".answer-row").querySelectorAll("button").forEach((e) => (e.disabled = true));
        pressed = { turn, name };
        trigger(name, { turn });
      }
    });
    element.addEventListener("submit", (event) => {
      const row = event.target.closest(".answer-row");
      if (!row || !knows("vote")) return;
      event.preventDefault();
      const word = row.querySelector(".word input").value.trim();
      const pressedVote = row.querySelector(".vote[aria-pressed='true']");
      if (!word || !pressedVote) return void (row.querySelector(".word").hidden = true);
      trigger("vote", { turn: Number(row.dataset.turn), vote: pressedVote.dataset.vote, word });
    });
  }

  const vote = (button, turn, trigger) => trigger("vote", { turn, vote: button.dataset.vote, word: "" });

  // The answer is drawn anew with the sentence in it.
  function restore(button, trigger) {
    const { turn, n } = button.dataset;
    pressed = { turn, name: "copy" };
    trigger("restore", { turn: Number(turn), n: Number(n) });
  }

  function showResult(row, text) {
    row.querySelector(".result").textContent = text;
  }

  async function copy(button) {
    const { text, done, failed } = button.dataset;
    showResult(button.closest(".answer-row"), (await copied(text)) ? done : failed);
  }

  // Browsers give the clipboard to pages over https or on this machine only; elsewhere a
  // selection is copied as people do it by hand.
  async function copied(text) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const area = document.createElement("textarea");
      area.value = text;
      area.className = "away";
      const before = document.activeElement;
      document.getElementById("desk").append(area);
      area.select();
      const succeeded = document.execCommand("copy");
      area.remove();
      before?.focus({ preventScroll: true });
      return succeeded;
    }
  }

  // The server has saved a vote, or says why it could not.
  function voteSaved(element) {
    const result = element.querySelector("p");
    const row = result && document.querySelector(`#thread .answer-row[data-turn="${result.dataset.turn}"]`);
    if (!row) return;
    showResult(row, result.textContent);
    const { vote: choice, word } = result.dataset;
    if (!choice) return;
    row.querySelectorAll(".vote").forEach((e) => e.setAttribute("aria-pressed", String(e.dataset.vote === choice)));
    row.querySelector(".word").hidden = Boolean(word);
    if (word) row.querySelector(".word input").value = "";
  }

  // A whole report is a step of the browser's history, with an address of its own.
  let opener = null; // the button that opened it
  let wanted = null; // {report, passage, turn, n} of what is shown, or is to be
  const wired = new WeakSet(); // dialogs that are listened to
  let leaving = false; // whether a step back closes what is open
  let fetchReport = null; // asks the server

  const named = () => new URLSearchParams(location.search).get("report");

  // The address with a report, or without one (""). All else in it stays as it is written.
  function address(report) {
    const others = location.search.slice(1).split("&").filter((pair) => pair && !pair.startsWith("report="));
    const query = [...others, ...(report ? [`report=${encodeURIComponent(report)}`] : [])].join("&");
    return location.pathname + (query && `?${query}`) + location.hash;
  }

  function openReport(button) {
    const { report, passage, turn, n } = button.dataset;
    const at = { report, passage, turn: Number(turn), n: Number(n) };
    if (!button.closest("dialog")) opener = button;
    history.pushState({ report: at, depth: (history.state?.depth ?? 0) + 1 }, "", address(report));
    showReport(at);
  }

  // The one that is here already need not be fetched again.
  function showReport(at) {
    wanted = at;
    const here = document.querySelector("#report dialog");
    if (here?.dataset.key === Object.values(at).join("|")) return reveal(here);
    opener?.setAttribute("aria-busy", "true");
    fetchReport("report", at);
  }

  // Called for every click in the sources; `trigger` asks the model for a translation.
  function translating(event, trigger) {
    const button = event.target.closest(".translate");
    if (!button) return;
    button.disabled = true;
    button.dataset.label = button.textContent;
    button.textContent = button.dataset.waiting;
    trigger({ turn: Number(button.dataset.turn), n: Number(button.dataset.n) });
  }

  // Without a `text` nothing was translated: it can be asked for again.
  function translated(text) {
    if (!text) {
      for (const button of document.querySelectorAll(".translate:disabled"))
        (button.disabled = false), (button.textContent = button.dataset.label);
      return;
    }
    const { turn, n, language, text: said, by, error } = JSON.parse(text);
    const button = document.querySelector(`#source-${turn}-${n} .translate`);
    if (!button) return;
    const quote = Object.assign(document.createElement("p"), { textContent: error ?? said, lang: language, dir: "auto" });
    const note = Object.assign(document.createElement("small"), { textContent: error ? "" : by });
    const made = Object.assign(document.createElement("div"), { className: "translation" });
    made.setAttribute("role", "status");
    made.append(quote, note);
    button.replaceWith(made);
  }

  // The page was opened at this address, or a step back or forward led to it.
  function arrived() {
    const here = document.querySelector("#report dialog[open]");
    if (leaving) {
      leaving = false;
      if (named()) history.replaceState(null, "", address(""));
    } else if (!named()) {
      wanted = null;
      here?.close();
    } else if (here?.dataset.key.split("|")[0] !== named() && fetchReport) showReport(history.state?.report ?? { report: named(), passage: "", turn: 0, n: 0 });
  }

  function opened(element) {
    const dialog = element.querySelector("dialog");
    opener?.removeAttribute("aria-busy");
    // Somebody has left what asked for it, or has not asked at all.
    if (!dialog || !wanted) return;
    // What is drawn anew may be the same element.
    if (!wired.has(dialog)) {
      wired.add(dialog);
      dialog.addEventListener("close", closed);
      dialog.addEventListener("click", (event) => pressedIn(dialog, event));
    }
    reveal(dialog);
  }

  function reveal(dialog) {
    if (!dialog.open) dialog.showModal();
    dialog.querySelector(".text").focus({ preventScroll: true });
    const marks = [...dialog.querySelectorAll(".text mark")];
    const mark = dialog.querySelector(".here mark") ?? marks[0] ?? dialog.querySelector(".here");
    dialog.querySelector(".text").scrollTop = 0;
    mark?.scrollIntoView({ block: "center" });
    if (marks.length > 1) step(dialog, marks, marks.indexOf(mark));
  }

  // Go to the quote of that number, from 0, of all in the report.
  function step(dialog, marks, n) {
    const place = dialog.querySelector(".quotes");
    const of = place?.querySelector(".of");
    if (!of) return;
    const at = (n + marks.length) % marks.length;
    place.hidden = false;
    place.dataset.at = at;
    of.textContent = of.dataset.template.replace("{n}", at + 1).replace("{all}", marks.length);
    marks[at].scrollIntoView({ block: "center" });
  }

  // What a report's page offers: its contents, its quotes one by one, and questions about it.
  function pressedIn(dialog, event) {
    const at = (where) => event.target.closest(where);
    if (event.target === dialog || at(".close")) dialog.close();
    else if (at("a[href^='#']")) {
      // The page's base has no query: followed as it stands, the link would load the page anew.
      event.preventDefault();
      dialog.querySelector(at("a").hash)?.scrollIntoView();
    } else if (at("[data-step]")) {
      const by = Number(at("[data-step]").dataset.step);
      step(dialog, [...dialog.querySelectorAll(".text mark")], Number(dialog.querySelector(".quotes").dataset.at) + by);
    } else if (at(".ask-this")) {
      const { question, begin } = at(".ask-this").dataset;
      const box = document.querySelector("#question textarea");
      dialog.close();
      // Closing is a step back, which the way to the question must follow.
      setTimeout(() => {
        location.hash = "#/";
        box.value = question ?? begin;
        box.dispatchEvent(new Event("input", { bubbles: true }));
        box.focus();
        if (question) setTimeout(() => document.querySelector("#go")?.click(), 100);
      }, 150);
    } else if (at(".open-report")) openReport(at(".open-report"));
  }

  // Browsers give the focus back to what had it, if it is still there.
  function closed() {
    wanted = null;
    // Past all reports that were opened one from the other.
    leaving = Boolean(named() && history.state?.depth);
    if (leaving) history.go(-history.state.depth);
    else if (named()) history.replaceState(null, "", address(""));
    if (!opener) return;
    const { report, n } = opener.dataset;
    const same = `.open-report[data-report="${CSS.escape(report)}"][data-n="${CSS.escape(n)}"]`;
    (opener.isConnected ? opener : document.querySelector(same))?.focus({ preventScroll: true });
    opener = null;
  }

  return { translating, translated, arrived, wire, drawn, voteSaved, opened };
})();
