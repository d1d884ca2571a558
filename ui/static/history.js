// Saves conversations in this browser (IndexedDB), and lists them. The server sends what to save
// and shows what is opened; it saves nothing itself. ui/web/history.py says why, and what is exchanged.
const askHistory = (() => {
  // Who comes by a link with a question wants an answer to it, not what was open before.
  const linked = new URLSearchParams(location.search).has("q");
  const SHOWN = 5; // conversations that are listed before "Show all"
  const SEARCHED = 5; // more than this many can be searched
  const NAME = 80; // characters of a first question that make a name
  let root, send, messages, owner, db, channel;
  let current = { id: "", stamp: "" }; // the conversation on the page, as it was last read or saved
  let rows = []; // what is known of all conversations, newest first
  let all = false; // whether more than SHOWN are listed
  let editing = null; // {id, how: "renaming" | "confirming"}
  let parted = false; // whether the next write splits off from what another tab goes on with
  let begun; // settled once the list is there, or can't be
  let done = new Promise((settle) => (begun = settle)); // and each message after the one before
  const stamps = new Map(); // of conversations that were read to be opened

  const find = (where) => root.querySelector(where);
  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, key) => values[key] ?? "");
  const fold = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  const nameOf = (row) => row.name || messages.untitled;
  const why = (error) =>
    error?.name === "QuotaExceededError" ? messages.full : error?.message || error?.name || "?";

  // What is open belongs to this tab: it outlives a reload, another tab begins anew.
  const place = () => `asklabs-open-${owner}`;
  // Where a browser forbids it, a reload shows an empty page, and the list.
  function stored(work) {
    try {
      return work(sessionStorage) ?? "";
    } catch {
      return "";
    }
  }
  const remember = (id) => stored((of) => (id ? of.setItem(place(), id) : of.removeItem(place())));

  const connect = () =>
    new Promise((done, fail) => {
      const request = indexedDB.open(owner ? `asklabs-of-${owner}` : "asklabs", 1);
      request.onupgradeneeded = () => {
        request.result.createObjectStore("talks", { keyPath: "id" });
        request.result.createObjectStore("turns", { keyPath: ["id", "n"] });
      };
      request.onsuccess = () => done(request.result);
      request.onerror = () => fail(request.error);
    });

  // All of `work` is done, or nothing of it.
  const inside = (mode, work) =>
    new Promise((done, fail) => {
      const tx = db.transaction(["talks", "turns"], mode, { durability: "strict" });
      const result = {};
      tx.oncomplete = () => done(result);
      tx.onabort = () => fail(result.error ?? tx.error);
      const guarded = (step) => {
        try {
          step();
        } catch (error) {
          result.error = error;
          tx.abort();
        }
      };
      guarded(() => work(tx.objectStore("talks"), tx.objectStore("turns"), result, guarded));
    });
  const every = (id, from = 0) => IDBKeyRange.bound([id, from], [id, Infinity]);

  async function start(element, sender) {
    root = element;
    send = sender;
    const block = find(".conversations");
    if (!block || db) return;
    messages = JSON.parse(block.dataset.messages);
    owner = block.dataset.owner;
    block.open = matchMedia("(min-width: 901px)").matches;
    listen();
    try {
      db = await connect();
      channel = new BroadcastChannel(`asklabs-${owner}`);
      channel.onmessage = list;
      await list();
      const id = linked ? "" : stored((of) => of.getItem(place()));
      if (id && rows.some((row) => row.id === id)) await open(id);
    } catch (error) {
      trouble(fill(messages.closed, { why: why(error) }));
    }
    begun();
  }

  // A message of the server: JSON of ui/web/history.py.
  function receive(text) {
    if (text) done = done.then(() => handle(JSON.parse(text)));
  }

  async function handle(message) {
    if (message.do === "refused") return trouble(message.text);
    trouble("");
    if (message.do === "keep") await save(message);
    if (message.do === "opened") current = { id: message.id, stamp: stamps.get(message.id) ?? "" };
    if (message.do === "fresh") current = { id: "", stamp: "" };
    remember(current.id);
    draw();
  }

  async function save({ id, first, turns, pending }) {
    const known = current.id === id ? current.stamp : "";
    current = { id, stamp: known };
    if (!db) return trouble(fill(messages.closed, { why: "IndexedDB" }));
    const stamp = `${Date.now()}-${Math.random()}`;
    let result;
    try {
      result = await inside("readwrite", (talks, parts, result, guarded) => {
        talks.get(id).onsuccess = (event) =>
          guarded(() => {
            const old = event.target.result;
            const had = old?.turns ?? 0;
            result.gap = first > had + 1;
            result.apart = had > 0 && old.stamp !== known;
            if (result.gap || result.apart || (pending && had >= first)) return;
            turns.forEach((turn, i) => parts.put({ id, n: first + i, data: turn.data }));
            parts.delete(every(id, first + turns.length));
            const texts = turns.map((turn) => `${turn.question.slice(0, 4000)}\n${turn.text}`);
            talks.put({
              id,
              stamp,
              name: old?.name ?? turns[0].question.replace(/\s+/g, " ").trim().slice(0, NAME),
              changed: Date.now(),
              turns: first + turns.length - 1,
              // The texts to search in; the name is of stored data and stays.
              said: [...(old?.said ?? []).slice(0, first - 1), ...texts],
            });
            result.stamp = stamp;
          });
      });
    } catch (error) {
      return trouble(fill(messages.failed, { why: why(error) }), !pending);
    }
    // What is missing here, or was changed by another tab, is asked for in full.
    if (result.stamp) current.stamp = stamp;
    else if (!pending) send.resend({ apart: result.apart });
    if (parted) trouble(messages.parted, false, true);
    parted = !pending && result.apart;
    await changed();
    navigator.storage?.persist?.();
  }

  async function open(id) {
    if (writing()) return trouble(messages.busy);
    try {
      const read = await inside("readonly", (talks, turns, result) => {
        talks.get(id).onsuccess = (event) => (result.row = event.target.result);
        turns.getAll(every(id)).onsuccess = (event) => (result.turns = event.target.result);
      });
      stamps.set(id, read.row?.stamp ?? "");
      send.open({ id, turns: read.turns.map((turn) => turn.data) });
    } catch (error) {
      trouble(fill(messages.unread, { why: why(error) }));
    }
  }

  const writing = () => Boolean(document.querySelector("#live .exchange"));

  async function change(work) {
    try {
      await inside("readwrite", work);
    } catch (error) {
      return trouble(fill(messages.unchanged, { why: why(error) }));
    }
    await changed();
  }

  const renamed = (talks, name) => (event) =>
    event.target.result && talks.put({ ...event.target.result, name });
  const rename = (id, name) => change((talks) => (talks.get(id).onsuccess = renamed(talks, name)));

  async function remove(id) {
    if (id === current.id && writing()) return trouble(messages.busy);
    await change((talks, turns) => {
      talks.delete(id);
      turns.delete(every(id));
    });
    if (id === current.id && !rows.some((row) => row.id === id)) send.fresh();
  }

  const changed = () => (channel?.postMessage("changed"), list());

  async function list() {
    try {
      const read = await inside("readonly", (talks, _, result) => {
        talks.getAll().onsuccess = (event) => (result.rows = event.target.result);
      });
      rows = read.rows.sort((a, b) => b.changed - a.changed);
    } catch (error) {
      return trouble(fill(messages.unread, { why: why(error) }));
    }
    draw();
  }

  function draw() {
    const search = find(".search");
    search.hidden = rows.length <= SEARCHED;
    const wanted = search.hidden ? [] : fold(search.value).split(/\s+/).filter(Boolean);
    const text = (row) => fold([nameOf(row), ...row.said].join("\n"));
    const found = wanted.length
      ? rows.filter((row) => wanted.every((word) => text(row).includes(word)))
      : rows;
    const shown = all || wanted.length ? found : found.slice(0, SHOWN);
    redraw(shown);
    find(".conversations").hidden = !rows.length;
    find(".new").hidden = !current.id;
    const more = find(".more");
    more.hidden = shown.length === found.length;
    find(".conversations .hint").textContent = found.length ? messages.saved : messages.none;
  }

  // Draw the rows; what has the focus in one of them has it again, with what was typed.
  function redraw(shown) {
    const focused = document.activeElement;
    const held = find("ul").contains(focused) && focused;
    const id = held && held.closest("li").dataset.id;
    find("ul").replaceChildren(...shown.map(drawn));
    if (!held) return;
    const item = itemOf(id);
    (held.isConnected ? held : item?.querySelector(`.${held.classList[0]}`))?.focus();
  }

  const itemOf = (id) => [...find("ul").children].find((one) => one.dataset.id === id);

  function drawn(row) {
    const item = find("template.row").content.firstElementChild.cloneNode(true);
    const [go, rename, remove] = item.children;
    const name = nameOf(row);
    item.dataset.id = row.id;
    go.textContent = go.title = name;
    if (row.id === current.id) go.setAttribute("aria-current", "page");
    for (const [button, label] of [[rename, messages.rename], [remove, messages.delete]])
      button.title = button.ariaLabel = fill(label, { name });
    if (editing?.id !== row.id) return item;
    const before = itemOf(row.id);
    if (before?.firstElementChild.matches(`.${editing.how}`)) return before;
    const edit = find(`template.${editing.how}`).content.firstElementChild.cloneNode(true);
    if (editing.how === "renaming") edit.firstElementChild.value = name;
    else edit.firstElementChild.textContent = fill(messages.sure, { name });
    item.replaceChildren(edit);
    return item;
  }

  // Draw a row as one to edit, or as it was, and put the focus where the hand goes on.
  function edit(id, how, focus) {
    editing = how ? { id, how } : null;
    draw();
    const item = itemOf(id) ?? find("li");
    const aim = item?.querySelector(focus) ?? find(".conversations summary");
    aim.focus();
    aim.select?.();
  }

  function listen() {
    root.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      const id = button.closest("li")?.dataset.id;
      // From another view to the conversation: see views.js.
      if (button.matches(".open, .new") && location.hash.length > 2) location.hash = "#/";
      if (button.matches(".open")) id === current.id || open(id);
      if (button.matches(".new")) writing() ? trouble(messages.busy) : send.fresh();
      if (button.matches(".more")) (all = true), draw(), find("ul").querySelector(`li:nth-child(${SHOWN + 1}) button`)?.focus();
      if (button.matches(".rename")) edit(id, "renaming", "input");
      if (button.matches(".delete")) edit(id, "confirming", ".cancel");
      if (button.matches(".cancel")) edit(id, "", ".delete");
      if (button.matches(".confirm")) remove(id).then(() => edit(id, "", ".open"));
      if (button.matches(".retry, .close")) trouble("");
      if (button.matches(".retry")) send.resend({});
    });
    root.addEventListener("submit", (event) => {
      event.preventDefault();
      const { id } = event.target.closest("li").dataset;
      const name = event.target.firstElementChild.value.replace(/\s+/g, " ").trim().slice(0, 120);
      (name ? rename(id, name) : Promise.resolve()).then(() => edit(id, "", ".rename"));
    });
    root.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      const id = event.target.closest("li")?.dataset.id;
      if (editing && id) edit(id, "", editing.how === "confirming" ? ".delete" : ".rename");
      if (event.target.matches(".search")) (event.target.value = ""), draw();
    });
    root.addEventListener("input", (event) => event.target.matches(".search") && draw());
  }

  // Says what went wrong; "" takes it back. `again` offers to try keeping once more; what is `calm`
  // only tells something.
  function trouble(text, again = false, calm = false) {
    const box = find(".trouble");
    box.classList.toggle("calm", calm);
    box.hidden = !text;
    box.firstElementChild.textContent = text;
    find(".trouble .retry").hidden = !again;
  }

  // Not even that it failed could be told. Of a server that is away Gradio says so.
  async function lost() {
    const reply = await fetch("gradio_api/login_check").catch(() => null);
    if (reply?.status === 401) trouble(messages.ended);
  }

  return { start, receive, lost };
})();
