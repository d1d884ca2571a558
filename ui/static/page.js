// Links the numbers of an answer to the source cards, and follows an answer while it grows.
// Works on what is on the page; only the sources of an older answer are asked of the server.
const askLabs = (() => {
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  /** @returns {{behavior: ScrollBehavior}} */
  const smooth = () => ({ behavior: calm.matches ? "auto" : "smooth" });
  let wanted = null; // the citation that waits for its card: {turn, n}
  let followed = ""; // the question that is kept in view while its answer grows
  let following = false;
  let touched = null; // the chip that asked the question again: its data

  const unmark = (where) =>
    document.querySelectorAll(`${where} [aria-current="true"]`).forEach((e) => e.removeAttribute("aria-current"));

  function open(turn, n) {
    const card = document.getElementById(`source-${turn}-${n}`);
    if (!card) return false;
    unmark("#desk");
    card.open = true;
    card.setAttribute("aria-current", "true");
    document
      .querySelectorAll(`.cite[data-turn="${turn}"][data-n="${n}"]`)
      .forEach((e) => e.setAttribute("aria-current", "true"));
    card.querySelector("summary").focus({ preventScroll: true });
    card.scrollIntoView({ block: "start", ...smooth() });
    const mark = card.querySelector("mark");
    const below = mark && mark.getBoundingClientRect().bottom - card.getBoundingClientRect().top;
    if (below > window.innerHeight * 0.7) mark.scrollIntoView({ block: "center", ...smooth() });
    return true;
  }

  // Called for every click inside the conversation; `trigger` asks the server for sources.
  function clicked(event, trigger) {
    const link = event.target.closest("a[data-turn]");
    if (!link) return;
    event.preventDefault();
    const turn = Number(link.dataset.turn);
    const n = Number(link.dataset.n);
    if (n ? open(turn, n) : shownTurn() === turn && toPanel()) return;
    wanted = { turn, n };
    trigger(wanted);
  }

  // Called for every click on what stands before the first question; `trigger` asks the example.
  function suggested(event, trigger) {
    const button = event.target.closest("button[data-question]");
    if (button) trigger({ ...button.dataset });
  }

  // Past the filters: the page's base has no query, so following the link would load it anew.
  function skipped(event) {
    if (!event.target.closest?.(".skip")) return;
    event.preventDefault();
    document.querySelector("#question textarea").focus();
  }

  // Called for every click inside the conversation; `trigger` asks the last question again with
  // one of its chips removed or taken back.
  function chosen(event, trigger) {
    const button = event.target.closest(".scope button");
    if (!button) return;
    // A second click would ask twice.
    button.closest(".scope").querySelectorAll("button").forEach((e) => (e.disabled = true));
    const sent = (touched = { ...button.dataset, turn: Number(button.dataset.turn) });
    // The page passes over a click before the last answer's event has ended: send it again until drawn.
    const send = (tries = 20) => {
      if (touched !== sent || !tries) return;
      trigger(sent);
      setTimeout(send, 150, tries - 1);
    };
    send();
  }

  // The chip that asked again is drawn anew: who used the keyboard goes on from it.
  function refocus() {
    const article = touched && document.getElementById(`turn-${touched.turn}`);
    if (!article?.closest("#thread")) return;
    const buttons = [...article.querySelectorAll(".scope button")];
    if (buttons.some((e) => e.disabled)) return; // not drawn anew yet
    const same = ({ dataset: d }) => d.field === touched.field && d.value === touched.value;
    const next = buttons.find(same) ?? buttons[0] ?? article;
    touched = null;
    if (document.activeElement === document.body) next.focus({ preventScroll: true });
  }

  // Enter while an answer is written asks what is typed after it.
  const waits = (on) => document.documentElement.classList.toggle("next-waits", on);

  function entered(event) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    const typed = event.target.matches?.("#question textarea") && event.target.value.trim();
    if (typed && document.querySelector("#live .exchange")) waits(true);
  }

  function askNext(tries = 20) {
    if (!document.documentElement.classList.contains("next-waits")) return;
    // A click before the answer's event has ended would be passed over.
    const isAsked = !document.querySelector("#question textarea").value.trim();
    if (isAsked || !tries) return waits(false);
    document.querySelector("#go")?.click();
    setTimeout(askNext, 150, tries - 1);
  }

  const shownTurn = () => Number(document.querySelector("#sources .panel")?.dataset.turn);

  function toPanel() {
    const panel = document.getElementById("sources");
    panel.scrollTo({ top: 0, ...smooth() });
    panel.scrollIntoView({ block: "nearest", ...smooth() });
    panel.querySelector(".panel").focus({ preventScroll: true });
    if (panel.getBoundingClientRect().top > window.innerHeight * 0.5)
      panel.scrollIntoView({ block: "start", ...smooth() });
    return true;
  }

  // The sources panel has been drawn anew.
  function shown() {
    unmark("#desk");
    if (!wanted || shownTurn() !== wanted.turn) return;
    const { turn, n } = wanted;
    wanted = null;
    if (n) open(turn, n);
    else toPanel();
  }

  function back(event) {
    const link = event.target.closest("a.back");
    if (link) event.preventDefault();
    const card = link?.closest(".source") ?? document.activeElement?.closest?.("#sources .source[id]");
    if (!card || (!link && event.key !== "Escape")) return;
    const { turn, n } = card.dataset;
    const cite = document.querySelector(`.cite[data-turn="${turn}"][data-n="${n}"]`);
    cite?.closest("details")?.setAttribute("open", "");
    cite?.focus({ preventScroll: true });
    cite?.scrollIntoView({ block: "center", ...smooth() });
  }

  // Keep up with a growing answer, but never push its question out of view, and let go as
  // soon as the reader scrolls. Waits for the frame in which all parts have been drawn.
  const grew = () => requestAnimationFrame(follow);

  function follow() {
    const talk = document.getElementById("talk");
    const page = getComputedStyle(talk).overflowY === "visible" ? document.scrollingElement : talk;
    const growing = document.querySelector("#live .exchange");
    if (growing && growing.id !== followed) {
      followed = growing.id;
      following = true;
      const letGo = () => (following = false);
      for (const name of ["wheel", "touchmove", "keydown"])
        addEventListener(name, letGo, { once: true, passive: true });
    }
    if (!growing) refocus(), askNext();
    const article = growing ?? (followed && document.getElementById(followed));
    if (!growing) followed = "";
    // Out of sight while another view is shown: there is nothing to keep up with.
    if (!article || !following || !article.getClientRects().length) return;
    const top = page === talk ? talk.getBoundingClientRect().top : 0;
    page.scrollTop += article.getBoundingClientRect().top - top - 16;
  }

  // The page is drawn for all languages alike; the masthead tells which one the visitor has.
  function setLanguage() {
    const { language, direction, shares, writes } = document.querySelector("[data-language]").dataset;
    document.documentElement.classList.toggle("shares", shares !== undefined);
    document.documentElement.classList.toggle("writes", writes !== undefined);
    document.documentElement.lang = language;
    document.documentElement.dir = direction;
  }

  // Where the system has no flags, a flag is two letters or boxes: twice as wide as one.
  function drawsFlags() {
    const canvas = document.createElement("canvas").getContext("2d");
    canvas.font = "16px sans-serif";
    const width = (text) => canvas.measureText(text).width;
    return width("\u{1F1F5}\u{1F1EA}") < 1.5 * width("\u{1F1F5}");
  }
  document.documentElement.classList.toggle("no-flags", !drawsFlags());

  document.addEventListener("click", back);
  document.addEventListener("click", skipped);
  document.addEventListener("keydown", entered, true);
  document.addEventListener("keydown", (event) => event.key === "Escape" && back(event));
  return { chosen, clicked, shown, suggested, grew, setLanguage };
})();
