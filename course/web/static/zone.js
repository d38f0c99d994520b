// Chooses the visitor's time zone in the form, where the browser knows it. Without this script they choose it themselves.
"use strict";

(() => {
  const select = document.getElementById("timezone");
  if (!select || select.value) return;
  let zone = new Intl.DateTimeFormat().resolvedOptions().timeZone || "";
  if (zone.startsWith("Etc/")) zone = "UTC";
  if (!/^(UTC|[A-Z][A-Za-z]+\/[A-Za-z0-9_+/-]+)$/.test(zone)) return;
  if (![...select.options].some((option) => option.value === zone)) {
    // An older spelling, like Asia/Calcutta: the server knows it too.
    select.add(new Option(zone.split("/").pop().replaceAll("_", " "), zone), select.options[1]);
  }
  select.value = zone;
})();
