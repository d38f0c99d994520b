// Keeps a draft in this tab, or on this device if that is ticked, and a timer that can be paused and sends nothing.
// Words that are typed after "Send" was pressed, while the page waits for its answer, stay a draft.
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
  const pressed = (key) => `${key} as sent`; // under it stands what the box held when "Send" was pressed
  const drop = (key) => [key, pressed(key)].forEach(forget);
  const read = (key) => quietly(() => tab.getItem(key));

  // What was typed since, alone where it stands behind what was sent.
  function unsent(key) {
    const [now, then] = [read(key), read(pressed(key))];
    if (now === null || then === null || now === then) return "";
    return now.startsWith(then) ? now.slice(then.length).trim() : now;
  }

  const sent = document.querySelector("[data-sent]");
  if (sent) {
    const key = `draft ${sent.dataset.sent}`;
    const rest = unsent(key);
    const onDevice = quietly(() => device.getItem(key)) !== null;
    drop(key);
    if (rest) {
      quietly(() => tab.setItem(key, rest));
      if (onDevice) quietly(() => device.setItem(key, rest));
      document.getElementById("unsent").hidden = false;
    }
  }

  const box = document.getElementById("words");
  if (!box) return;
  const key = `draft ${box.dataset.draft}`;
  const keep = document.getElementById("keep-here");
  const said = document.getElementById("draft-said");

  function save() {
    if (!box.value) return drop(key);
    quietly(() => tab.setItem(key, box.value));
    if (keep.checked) quietly(() => device.setItem(key, box.value));
    else quietly(() => device.removeItem(key));
  }

  const kept = quietly(() => device.getItem(key));
  keep.checked = kept !== null;
  // Where it could not be noted, the page shows what was sent: what was typed since is in the draft.
  if (!box.value || box.value === read(pressed(key))) box.value = read(key) ?? kept ?? box.value;
  save();
  box.form.addEventListener("submit", () => quietly(() => tab.setItem(pressed(key), box.value)));
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
    drop(key);
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
