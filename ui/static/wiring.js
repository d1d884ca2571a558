// What each part of the page does in the browser once it is there, and when its value changes:
// by the name that `wired` gives it in ui/web/layout.py.
const askParts = (() => {
  const ROW = ["again", "wider", "deeper", "vote", "restore", "freeze"];
  /**
   * @typedef {{element: HTMLElement, trigger: (event: string, data?: object) => void,
   *   watch: (name: string, changed: () => void) => void, props: {value: string},
   *   upload: (file: File) => Promise<{path: string}>}} Part
   */
  /** @param {Part} part */
  const clicks = ({ element, trigger }, handler, event) =>
    element.addEventListener("click", (e) => handler(e, (at) => trigger(event, at)));
  /** @param {Part} part */
  const reports = ({ element, trigger }) => askReading.wire(element, trigger, ["report"]);
  /** @param {Part} part */
  const examples = (part) => clicks(part, askLabs.suggested, "example");
  /** @param {Part} part */
  const grows = (part) => {
    part.watch("value", askLabs.grew);
    clicks(part, askLabs.clicked, "cite");
  };

  /** @type {Record<string, (part: Part) => void>} */
  return {
    brief({ element, trigger, watch }) {
      askBrief.mount(element, (what) => trigger("brief", what));
      watch("value", askBrief.arrived);
    },
    chips({ element, trigger, watch }) {
      askLabsFilters.mountChips(element, (what) => trigger("choose", what));
      watch("value", () => askLabsFilters.chipsDrawn(element));
    },
    counted: ({ watch, props }) => watch("value", () => askSurvey.counted(props.value)),
    explore(part) {
      const { element, trigger, watch } = part;
      askViews.mount(element, { choose: (at) => trigger("choose", at), ask: (at) => trigger("ask", at) });
      watch("value", askViews.drawn);
      reports(part);
    },
    exports: (part) => clicks(part, askLabsExports.clicked, "export"),
    facts({ element, trigger, watch }) {
      askLabsFilters.mountFacts(element, (what) => trigger("look", what));
      watch("value", () => askLabsFilters.factsDrawn() && askViews.narrowed());
    },
    facets: ({ watch, props }) => watch("value", () => askLabsFilters.show(props.value)),
    found(part) {
      askViews.finds((what) => part.trigger("find", what));
      reports(part);
    },
    greeting: examples,
    history({ element, trigger, watch }) {
      const send = { open: (at) => trigger("open", at), fresh: () => trigger("fresh"), resend: (at) => trigger("resend", at) };
      watch("value", () => askHistory.start(element, send));
    },
    live: grows,
    message: ({ watch, props }) => watch("value", () => askHistory.receive(props.value)),
    panel({ element, trigger, watch }) {
      askLabsFilters.panel(element, (what) => trigger("choose", what));
      watch("value", askLabsFilters.draw);
    },
    report: ({ element, watch }) => watch("value", () => askReading.opened(element)),
    sources(part) {
      part.watch("value", askLabs.shown);
      reports(part);
      clicks(part, askReading.translating, "translate");
    },
    survey(part) {
      const { element, trigger, watch } = part;
      askSurvey.mount(element, {
        survey: (at) => trigger("survey", at),
        stop: () => trigger("stop"),
        save: (at) => trigger("export", at),
        summarise: () => trigger("summarise"),
      });
      watch("value", askSurvey.drawn);
      reports(part);
    },
    thread(part) {
      const { element, trigger, watch } = part;
      examples(part);
      grows(part);
      clicks(part, askLabs.chosen, "chip");
      watch("value", () => askReading.drawn(element));
      watch("value", () => askLabsFilters.answered(element));
      askReading.wire(element, trigger, [...ROW, "report"]);
      watch("value", () => askSurvey.answered(element, (at) => trigger("count", at)));
      askBrief.answers((at) => trigger("pin", at));
    },
    uploaded(part) {
      part.watch("value", () => askUploads.updated(part.element));
      reports(part);
    },
    uploads: ({ element, trigger, upload }) => askUploads.mount(element, upload, (files) => trigger("sent", { files })),
    views({ trigger, watch }) {
      const draw = { explore: () => trigger("explored"), quality: () => trigger("measured") };
      askViews.start({ ...draw, brief: askBrief.arrived, survey: askSurvey.go });
      watch("value", askViews.mark);
    },
    voted: ({ element, watch }) => watch("value", () => askReading.voteSaved(element)),
  };
})();
