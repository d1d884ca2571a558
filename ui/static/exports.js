// The export menu: asks the server for a file, says that it is being made, and saves it.
const askLabsExports = (() => {
  const menu = () => document.querySelector(".exports");

  function say(words, kind) {
    const state = menu()?.querySelector(".state");
    if (!state) return;
    state.textContent = words;
    state.className = `state ${kind}`;
  }

  const close = () => menu()?.querySelector("details")?.removeAttribute("open");

  // Called for every click inside the menu; `trigger` asks the server for the file.
  function clicked(event, trigger) {
    const button = event.target.closest("button[data-ending]");
    if (!button || menu().classList.contains("busy")) return;
    menu().classList.add("busy");
    close();
    menu().querySelector("summary").focus({ preventScroll: true });
    say(button.dataset.waiting, "waiting");
    trigger({ ending: button.dataset.ending, last: menu().querySelector("input[value=last]").checked });
  }

  function done(file) {
    menu()?.classList.remove("busy");
    if (file.error) return say(file.error, "failed");
    say("", "");
    save(file);
  }

  /**
   * Save a file: `data` is base64 of what the server has made, `text` what the browser has itself.
   * @param {{name: string, type: string, data?: string, text?: string}} file
   */
  function save({ name, type, data, text }) {
    const content = text ?? Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([content], { type }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  function failed() {
    menu()?.classList.remove("busy");
    say(menu()?.dataset.broken ?? "", "failed");
  }

  document.addEventListener("click", (event) => {
    if (!event.target.closest(".exports details")) close();
  });
  document.addEventListener("keydown", (event) => {
    const open = event.key === "Escape" && menu()?.querySelector("details[open]");
    if (!open) return;
    close();
    open.querySelector("summary").focus({ preventScroll: true });
  });
  return { clicked, done, failed, save };
})();
