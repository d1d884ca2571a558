// Sends the files that a reader chooses, one after the other, then their names to the server.
const askUploads = (() => {
  let area = null;

  const box = () => area.querySelector(".upload-form");
  const setStatus = (text) => (area.querySelector(".sending").textContent = text);
  const setBusy = (on) => (area.querySelector(".choose").disabled = on);
  const format = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

  function mount(element, upload, send) {
    area = element;
    element.addEventListener("click", ({ target }) => {
      if (target.matches(".choose")) element.querySelector("input").click();
    });
    element.addEventListener("change", ({ target }) => {
      const files = [...target.files];
      target.value = ""; // so that the same file can be chosen again
      if (files.length) sendAll(files, upload, send);
    });
  }

  async function sendAll(files, upload, send) {
    const messages = { ...box().dataset };
    const large = files.find((file) => file.size > Number(messages.largest));
    if (large) return setStatus(format(messages.large, { name: large.name, n: Number(messages.largest) / 1e6 }));
    setBusy(true);
    const sent = [];
    for (const file of files) {
      setStatus(format(messages.sending, { n: sent.length + 1, all: files.length }));
      try {
        sent.push({ name: file.name, path: (await upload(file)).path });
      } catch {
        setBusy(false);
        return setStatus(format(messages.failed, { name: file.name }));
      }
    }
    setStatus("");
    send(sent);
  }

  // The server has drawn the progress or the result.
  function updated(element) {
    if (element.querySelector(".result")) setBusy(false);
  }

  function failed() {
    setBusy(false);
    setStatus(box().dataset.broken);
  }

  return { mount, updated, failed };
})();
