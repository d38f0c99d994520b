// Looks for new mail every few seconds. Without this script there is the link "Look again".
"use strict";

(() => {
  const list = document.getElementById("letters");
  const news = document.getElementById("news");
  if (!list || !news) return;

  async function look() {
    if (document.hidden) return;
    const answer = await fetch("/mailbox" + (location.search.includes("locale=") ? location.search : ""));
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("letters");
    if (!fresh || (fresh.dataset.newest === list.dataset.newest && fresh.dataset.count === list.dataset.count)) return;
    const known = new Set([...list.querySelectorAll("a")].map((link) => link.getAttribute("href")));
    for (const link of fresh.querySelectorAll(".letters a")) {
      if (!known.has(link.getAttribute("href"))) link.parentElement.classList.add("new");
    }
    Object.assign(list.dataset, fresh.dataset);
    list.replaceChildren(...fresh.childNodes);
    news.textContent = news.dataset.words;
  }

  setInterval(() => look().catch(() => {}), 3000);
})();
