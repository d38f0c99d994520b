// Keeps a draft in this tab, or on this device if that is ticked, and a timer that can be paused and sends nothing.
// Without this script there are a box and a button.
"use strict";

(() => {
  // A browser may forbid either store; then there is no draft, and everything else works.
  const quietly = (act) => {
    try {
      return act();
    } catch {
      return null;
    }
  };
  const stores = [quietly(() => window.sessionStorage), quietly(() => window.localStorage)];
  const [tab, device] = stores;
  const forget = (key) => stores.forEach((store) => quietly(() => store.removeItem(key)));

  const sent = document.querySelector("[data-sent]");
  if (sent) forget(`draft ${sent.dataset.sent}`);

  const box = document.getElementById("words");
  if (!box) return;
  const key = `draft ${box.dataset.draft}`;
  const keep = document.getElementById("keep-here");
  const said = document.getElementById("draft-said");

  function save() {
    if (!box.value) return forget(key);
    quietly(() => tab.setItem(key, box.value));
    if (keep.checked) quietly(() => device.setItem(key, box.value));
    else quietly(() => device.removeItem(key));
  }

  const kept = quietly(() => device.getItem(key));
  keep.checked = kept !== null;
  if (!box.value) box.value = quietly(() => tab.getItem(key)) ?? kept ?? "";
  save();
  document.getElementById("device").hidden = false;
  keep.addEventListener("change", save);
  box.addEventListener("input", () => {
    said.textContent = "";
    save();
  });
  document.getElementById("clear").addEventListener("click", (event) => {
    event.preventDefault();
    box.value = "";
    keep.checked = false;
    forget(key);
    said.textContent = said.dataset.cleared;
    box.focus();
  });

  const timer = document.getElementById("timer");
  const button = document.getElementById("timer-button");
  const left = document.getElementById("timer-left");
  const over = document.getElementById("timer-said");
  const whole = Number(timer.dataset.seconds) * 1000;
  let rest = whole;
  let since = null; // when it was last started; null while it rests

  const remaining = () => Math.max(0, since === null ? rest : rest - (Date.now() - since));

  function show() {
    const seconds = Math.ceil(remaining() / 1000);
    left.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    if (since !== null && seconds === 0) {
      since = null;
      rest = whole;
      button.textContent = timer.dataset.start;
      over.textContent = timer.dataset.over;
    }
  }

  button.addEventListener("click", () => {
    over.textContent = "";
    if (since === null) {
      since = Date.now();
      button.textContent = timer.dataset.pause;
    } else {
      rest = remaining();
      since = null;
      button.textContent = timer.dataset.goOn;
    }
    show();
  });
  setInterval(show, 500);
  show();
  timer.hidden = false;
})();
