// The Survey view. The server draws it from what stands after "#/survey?" in the address; links
// and forms of the view lead from one such address to another.
const askSurvey = (() => {
  const HERE = "#/survey";
  let area = null; // the element that the server draws
  let send = null; // tells the server
  let sent = null; // the address that it was told last
  let touched = ""; // what had the focus then

  const query = () => (location.hash.startsWith(`${HERE}?`) ? location.hash.slice(HERE.length + 1) : "");
  const box = () => document.querySelector(".survey-form input");

  // The view is shown, or its address has changed; `anew`: the filters have changed, too.
  function go(anew = false) {
    if (!send || !location.hash.startsWith(HERE) || (sent === query() && !anew)) return;
    sent = query();
    const topic = new URLSearchParams(sent).get("topic");
    if (topic && box()) box().value = topic;
    touched = area.contains(document.activeElement) ? document.activeElement.dataset.key : "";
    // Whoever comes back from another view finds the survey again.
    document.querySelector("#views a[data-view=survey]").hash = location.hash;
    send({ query: sent });
  }

  // Lead to an address; some are no step of the browser's history.
  function lead(hash, replaces) {
    if (!replaces) return (location.hash = hash);
    history.replaceState(null, "", location.pathname + location.search + hash);
    go();
  }

  function change(name, values) {
    const asked = new URLSearchParams(query());
    asked.delete(name);
    asked.delete("rows");
    values.filter(Boolean).forEach((value) => asked.append(name, value));
    lead(`${HERE}?${asked}`, true);
  }

  function mount(element, to) {
    area = element;
    send = to.survey;
    element.addEventListener("click", ({ target }) => {
      const { step } = target.closest("[data-step]")?.dataset ?? {};
      if (step) to.survey({ query: query(), step });
      const { ending } = target.closest(".save button")?.dataset ?? {};
      if (ending) to.save({ ending });
      if (target.closest(".stop")) to.stop();
      if (target.closest(".summarise")) (location.hash = "#/"), to.summarise();
    });
    element.addEventListener("change", ({ target }) => {
      const { name } = target;
      if (target.closest("form")) return; // which sends it
      if (target.type !== "checkbox") return name && change(name, [target.value]);
      change(name, [...area.querySelectorAll(`[name=${name}]:checked`)].map((e) => e.value));
    });
  }

  // Drawn anew: who used the keyboard goes on from the same place.
  function drawn() {
    const same = touched && area.querySelector(`[data-key="${CSS.escape(touched)}"]`);
    if (same && document.activeElement === document.body) same.focus({ preventScroll: true });
  }

  // A list by a tag says how many reports speak of it in their text, once that is counted: of the
  // last answer it is, as soon as the answer is there.
  const inText = {}; // what is known, by the answer's question and scope

  function answered(element, count) {
    const places = [...element.querySelectorAll(".in-text")];
    places.forEach((e) => (e.textContent = inText[e.dataset.key] ?? ""));
    const last = places.at(-1);
    if (!last?.closest(".exchange:last-child") || last.dataset.key in inText) return;
    inText[last.dataset.key] = "";
    count({ turn: Number(last.dataset.turn) });
  }

  function counted(text) {
    const { key, words } = JSON.parse(text || "{}");
    inText[key] = words;
    document.querySelectorAll(".in-text").forEach((e) => e.dataset.key === key && (e.textContent = words));
  }

  const done = (file) => file.data && askLabsExports.done(file);
  const failed = () => askLabsExports.failed();

  document.addEventListener("submit", (event) => {
    if (!event.target.matches(".survey-form, #survey .line")) return;
    event.preventDefault();
    const { name, value } = event.target.querySelector("input");
    const asked = new URLSearchParams(name === "topic" ? "" : query());
    name === "columns" ? asked.append(name, value.trim()) : asked.set(name, value.trim());
    if (value.trim()) lead(`${HERE}?${asked}`, false);
  });
  return { answered, counted, drawn, go, lead, mount, done, failed };
})();
