// Sends the files that a reader chooses, one after the other, and tells the server which they are.
window.askAdding = (() => {
  let area = null;

  const box = () => area.querySelector(".adding");
  const say = (text) => (area.querySelector(".sending").textContent = text);
  const busy = (is) => (area.querySelector(".choose").disabled = is);
  const put = (text, given) => text.replace(/\{(\w+)\}/g, (_, name) => given[name]);

  function mount(element, upload, tell) {
    area = element;
    element.addEventListener("click", ({ target }) => {
      if (target.matches(".choose")) element.querySelector("input").click();
    });
    element.addEventListener("change", ({ target }) => {
      const files = [...target.files];
      target.value = ""; // so that the same file can be chosen again
      if (files.length) send(files, upload, tell);
    });
  }

  async function send(files, upload, tell) {
    const said = { ...box().dataset };
    const large = files.find((file) => file.size > Number(said.largest));
    if (large) return say(put(said.large, { name: large.name, n: Number(said.largest) / 1e6 }));
    busy(true);
    const sent = [];
    for (const file of files) {
      say(put(said.sending, { n: sent.length + 1, all: files.length }));
      try {
        sent.push({ name: file.name, path: (await upload(file)).path });
      } catch {
        busy(false);
        return say(put(said.failed, { name: file.name }));
      }
    }
    say("");
    tell(sent);
  }

  // The server has said how far it is, or what came of it.
  function told(element) {
    if (element.querySelector(".result")) busy(false);
  }

  function failed() {
    busy(false);
    say(box().dataset.broken);
  }

  return { mount, told, failed };
})();
