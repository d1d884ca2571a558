// What a reader does with an answer: a popover with the quote of a number, the row of buttons
// under an answer, and a whole report over the page. All text is put in as text, never as markup.
window.askReading = (() => {
  const calm = matchMedia("(prefers-reduced-motion: reduce)");

  // The popover of a number. The link carries what it says; there is one for the whole page.
  let peek = null;
  let peeked = null; // the number that it belongs to
  let wait = 0;
  let key = ""; // the last key: Escape must not open what it has just closed

  function makePeek() {
    peek = document.createElement("div");
    peek.id = "peek";
    peek.role = "tooltip";
    peek.popover = "manual";
    for (const name of ["who", "quote", "verdict"])
      peek.append(Object.assign(document.createElement("p"), { className: name }));
    peek.querySelector(".who").dir = peek.querySelector(".quote").dir = "auto";
    peek.addEventListener("pointerenter", () => clearTimeout(wait));
    peek.addEventListener("pointerleave", () => later(hide));
    document.body.append(peek);
  }

  const later = (what, after = 150) => {
    clearTimeout(wait);
    wait = setTimeout(what, after);
  };

  function show(link) {
    if (!link.isConnected || link === peeked) return;
    hide();
    if (!peek) makePeek();
    for (const name of ["who", "quote", "verdict"])
      peek.querySelector(`.${name}`).textContent = link.dataset[name];
    peek.querySelector(".quote").lang = link.dataset.lang;
    peeked = link;
    link.setAttribute("aria-describedby", "peek");
    peek.showPopover();
    place(link);
  }

  // Under its number, so that the sentence before it can be read on; where there is no room, over
  // the whole paragraph; where that begins too far up, over the line.
  function place(link) {
    const at = link.getClientRects()[0] ?? link.getBoundingClientRect();
    peek.style.left = peek.style.top = "0"; // where it was before, it could be too narrow
    const { width, height } = peek.getBoundingClientRect();
    const rightmost = document.documentElement.clientWidth - width - 8;
    const start = link.closest("p, li, td, h4")?.getBoundingClientRect() ?? at;
    const places = [at.bottom + 6, start.top - height - 6, at.top - height - 6];
    const fits = (top) => top >= 8 && top + height <= window.innerHeight - 8;
    const turned = getComputedStyle(document.documentElement).direction === "rtl";
    const left = turned ? at.right + 16 - width : at.left - 16;
    peek.style.left = `${Math.max(8, Math.min(left, rightmost))}px`;
    peek.style.top = `${places.find(fits) ?? places[0]}px`;
  }

  function hide() {
    clearTimeout(wait);
    peeked?.removeAttribute("aria-describedby");
    peeked = null;
    if (peek?.matches(":popover-open")) peek.hidePopover();
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
  document.addEventListener("focusout", ({ target }) => target === peeked && hide());
  document.addEventListener("click", ({ target }) => quoting(target) && hide());
  document.addEventListener("scroll", hide, { capture: true, passive: true });
  document.addEventListener(
    "keydown",
    (event) => {
      key = event.key;
      if (key !== "Escape" || !peeked) return;
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
    element.addEventListener("click", ({ target }) => {
      const button = target.closest(".answer-row button, .open-report");
      if (!button) return;
      const turn = Number(button.closest(".answer-row")?.dataset.turn);
      if (button.matches(".open-report")) knows("report") && openReport(button, trigger);
      else if (button.matches(".copy")) knows("again") && copy(button);
      else if (button.matches(".vote")) knows("vote") && vote(button, turn, trigger);
      else if (button.matches(".again, .wider")) {
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
      const given = row.querySelector(".vote[aria-pressed='true']");
      if (!word || !given) return void (row.querySelector(".word").hidden = true);
      trigger("vote", { turn: Number(row.dataset.turn), vote: given.dataset.vote, word });
    });
  }

  const vote = (button, turn, trigger) => trigger("vote", { turn, vote: button.dataset.vote, word: "" });

  function say(row, text) {
    const said = row.querySelector(".said");
    said.textContent = text;
  }

  async function copy(button) {
    const { text, done, failed } = button.dataset;
    say(button.closest(".answer-row"), (await copied(text)) ? done : failed);
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
      const is = document.execCommand("copy");
      area.remove();
      before?.focus({ preventScroll: true });
      return is;
    }
  }

  // The server has kept a vote, or says why it could not.
  function said(element) {
    const told = element.querySelector("p");
    const row = told && document.querySelector(`#thread .answer-row[data-turn="${told.dataset.turn}"]`);
    if (!row) return;
    say(row, told.textContent);
    const { vote: given, word } = told.dataset;
    if (!given) return;
    row.querySelectorAll(".vote").forEach((e) => e.setAttribute("aria-pressed", String(e.dataset.vote === given)));
    row.querySelector(".word").hidden = Boolean(word);
    if (word) row.querySelector(".word input").value = "";
  }

  // A whole report. The one that is here already need not be fetched again.
  let opener = null;

  function openReport(button, trigger) {
    const { report, passage, turn, n } = button.dataset;
    opener = button;
    const here = document.querySelector("#report dialog");
    if (here?.dataset.key === [report, passage, turn, n].join("|")) return reveal(here);
    button.setAttribute("aria-busy", "true");
    trigger("report", { report, passage, turn: Number(turn), n: Number(n) });
  }

  function opened(element) {
    const dialog = element.querySelector("dialog");
    opener?.removeAttribute("aria-busy");
    // Somebody has left what asked for it, or has not asked at all.
    if (!dialog || !opener) return;
    dialog.querySelector(".close").addEventListener("click", () => dialog.close());
    dialog.addEventListener("click", ({ target }) => target === dialog && dialog.close());
    dialog.addEventListener("close", closed);
    reveal(dialog);
  }

  function reveal(dialog) {
    dialog.showModal();
    dialog.querySelector(".text").focus({ preventScroll: true });
    const mark = dialog.querySelector(".text mark") ?? dialog.querySelector(".here");
    mark?.scrollIntoView({ block: "center" });
  }

  // Browsers give the focus back to what had it, if it is still there.
  function closed() {
    if (!opener) return; // The close of a dialog that was drawn anew.
    const { report, n } = opener.dataset;
    const same = `.open-report[data-report="${CSS.escape(report)}"][data-n="${CSS.escape(n)}"]`;
    (opener.isConnected ? opener : document.querySelector(same))?.focus({ preventScroll: true });
    opener = null;
  }

  return { wire, drawn, said, opened };
})();
