// Reads the exercise aloud by the browser's own voices, where it has one for this language. Without this script, or without
// such a voice, the text stands alone. Only voices of this machine are used: the text is sent to nobody.
"use strict";

(() => {
  const box = document.getElementById("speak"), script = document.getElementById("script");
  const speech = window.speechSynthesis;
  if (!box || !script || !speech || !window.SpeechSynthesisUtterance) return;
  const [on, rest, off] = ["speak-on", "speak-rest", "speak-off"].map((id) => document.getElementById(id));
  const wanted = script.lang.toLowerCase(), language = wanted.split("-")[0];
  const parts = [...script.querySelectorAll("h2, p, li")];
  let voice = null, round = 0;

  const look = () => {
    const near = speech.getVoices().filter((one) => one.localService && one.lang.toLowerCase().split(/[-_]/)[0] === language);
    voice = near.find((one) => one.lang.toLowerCase().replace("_", "-") === wanted) || near[0] || null;
    box.hidden = !voice;
  };
  const show = (reading) => {
    on.hidden = reading;
    rest.hidden = off.hidden = !reading;
    rest.textContent = rest.dataset.rest;
  };
  const stop = () => {
    round += 1;
    speech.cancel();
    parts.forEach((part) => part.classList.remove("heard"));
    show(false);
  };
  const read = (at, mine) => {
    if (mine !== round) return;
    if (at === parts.length) { stop(); on.focus(); return; }
    const said = new SpeechSynthesisUtterance(parts[at].textContent);
    said.voice = voice;
    said.lang = voice.lang;
    said.rate = 0.85;
    said.onstart = () => parts.forEach((part, place) => part.classList.toggle("heard", place === at));
    said.onend = () => window.setTimeout(read, 1200, at + 1, mine);
    said.onerror = () => { if (mine === round) stop(); };
    speech.speak(said);
  };

  on.addEventListener("click", () => { stop(); show(true); off.focus(); read(0, round); });
  off.addEventListener("click", () => { stop(); on.focus(); });
  rest.addEventListener("click", () => {
    const resting = speech.paused;
    if (resting) speech.resume(); else speech.pause();
    rest.textContent = resting ? rest.dataset.rest : rest.dataset.on;
  });
  window.addEventListener("pagehide", stop);
  speech.addEventListener?.("voiceschanged", look);
  look();
})();
