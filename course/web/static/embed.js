// Builds the sign-up form on a page of another site, where its script tag stands or in data-target. The form is posted as
// any form is, so nothing is asked of our server before somebody presses the button. Its style cannot touch the page, nor
// the page's style the form: it lives in a shadow root. No style is written inline, so no page needs to allow that.
((offered) => {
  "use strict";

  const script = document.currentScript;
  if (!script) return;
  const { course: wantedCourse, locale: wantedLocale, hour, locales, target, ref } = script.dataset;
  const name = Object.hasOwn(offered.courses, wantedCourse) ? wantedCourse : offered.first;
  const locale = chosen(Object.keys(offered.courses[name]));
  const words = offered.courses[name][locale];
  // Our pages let nobody frame them: from inside a frame they open beside it.
  const goes = window.top === window.self ? "_self" : "_blank";

  const STYLE = `
    :host { all: initial !important; display: block !important; }
    .card { box-sizing: border-box; max-width: 36rem; margin: 1rem auto; padding: 1.5rem min(1.5rem, 5vw); border: 1px solid #e6ddcf;
      border-radius: 14px; background: #fffdf9; color: #2c2a31; font: 1.0625rem/1.55 system-ui, sans-serif;
      text-align: start; overflow-wrap: break-word; color-scheme: light dark; }
    h2 { margin: 0 0 .4rem; font: 1.4rem/1.25 Georgia, serif; }
    p { margin: 0 0 1rem; }
    label { display: block; font-weight: 600; }
    .hint { margin: 0 0 .3rem; font-size: .95rem; color: #57525f; }
    input[type=email], input[type=text], select { box-sizing: border-box; width: 100%; min-height: 48px; padding: .5rem .8rem;
      border: 1.5px solid #8a8178; border-radius: 8px; background: transparent; color: inherit; font: inherit; }
    [dir=rtl] input[type=email] { direction: ltr; text-align: right; }
    .field { margin-bottom: 1.1rem; }
    .tick, .more { margin-top: 1rem; }
    .more { margin-bottom: 0; }
    .tick { display: grid; grid-template-columns: 44px 1fr; align-items: start; }
    .tick input { width: 26px; height: 26px; margin: 9px; margin-inline-start: 0; accent-color: #24594a; }
    .tick label { padding-top: .45rem; font-weight: 400; }
    .extra { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
    button { min-height: 48px; padding: .6rem 1.5rem; border: 1.5px solid #24594a; border-radius: 8px;
      background: #24594a; color: #fff; font: inherit; font-weight: 700; cursor: pointer; }
    a { display: inline-flex; align-items: center; min-height: 44px; margin-inline-end: 1.25rem; color: #24594a; }
    :focus-visible { outline: 3px solid #24594a; outline-offset: 3px; }
    @media (prefers-color-scheme: dark) {
      .card { background: #252329; color: #ece7df; border-color: #3a3640; }
      .hint { color: #bdb6c4; }
      a { color: #a8d5c1; }
      button { background: #a8d5c1; border-color: #a8d5c1; color: #14231c; }
      .tick input { accent-color: #a8d5c1; }
      :focus-visible { outline-color: #a8d5c1; }
    }`;

  function chosen(locales) {
    const wishes = [wantedLocale, document.documentElement.lang, ...(navigator.languages || [])].filter(Boolean);
    for (const wish of wishes) {
      const same = locales.find((one) => one.toLowerCase() === wish.toLowerCase());
      const near = locales.find((one) => one.split("-")[0] === wish.toLowerCase().split("-")[0]);
      if (same || near) return same || near;
    }
    return locales[0];
  }

  function element(tag, attributes, ...children) {
    const made = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }

  function field(id, label, hint, attributes) {
    return element("div", { class: "field" },
      element("label", { for: id }, label),
      element("p", { class: "hint", id: `${id}-hint` }, hint),
      element("input", { id, name: id, "aria-describedby": `${id}-hint`, ...attributes }));
  }

  function choice(id, label, options, value) {
    const list = element("select", { id, name: id }, ...options.map(([key, said]) => new Option(said, key)));
    list.value = value;
    return element("div", { class: "field" }, element("label", { for: id }, label), list);
  }

  function hours() {
    const said = new Intl.DateTimeFormat(locale, { hour: "numeric", minute: "2-digit", timeZone: "UTC" });
    return [...Array(24).keys()].map((one) => [String(one), said.format(Date.UTC(2000, 0, 1, one))]);
  }

  // What people may choose here if the page that has the form asks for it: data-hour, data-locales.
  function choices() {
    const language = (one) => new Intl.DisplayNames(one, { type: "language" }).of(one);
    const all = Object.keys(offered.courses[name]).map((one) => [one, language(one)]);
    const at = /^([01]?\d|2[0-3])$/.test(hour) ? String(Number(hour)) : words.at;
    return [...(hour === undefined ? [] : [choice("send_hour", words.hour, hours(), at)]),
      ...(locales === undefined ? hidden("locale", locale) : [choice("locale", words.locale, all, locale)])];
  }

  function hidden(key, value) {
    return value ? [element("input", { type: "hidden", name: key, value })] : [];
  }

  function link(path, label) {
    return element("a", { href: offered.site + path, target: goes, rel: "noopener" }, label);
  }

  function form() {
    const zone = new Intl.DateTimeFormat().resolvedOptions().timeZone || "";
    const about = `/?course=${name}&locale=${locale}` + (ref ? `&ref=${encodeURIComponent(ref)}` : "");
    return element("form",
      { method: "post", action: `${offered.site}/courses/${name}?locale=${locale}`, target: goes, rel: "noopener" },
      field("email", words.email, words.emailHint,
        { type: "email", autocomplete: "email", autocapitalize: "off", required: "", maxlength: "254" }),
      field("name", words.name, words.nameHint, { type: "text", autocomplete: "given-name", maxlength: "80" }),
      ...choices(),
      element("div", { class: "extra", "aria-hidden": "true" },
        element("label", { for: "website" }, words.trap),
        element("input", { id: "website", name: "website", type: "text", tabindex: "-1", autocomplete: "off" })),
      element("div", { class: "tick" },
        element("input", { id: "consent", name: "consent", type: "checkbox", value: words.mark, required: "" }),
        element("label", { for: "consent" }, words.consent)),
      element("p", {},
        link(`/privacy?locale=${locale}`, words.privacy),
        link(`/young?locale=${locale}`, words.young)),
      ...hidden("timezone", zone.startsWith("Etc/") ? "UTC" : zone), ...hidden("ref", ref),
      element("button", {}, words.button),
      element("p", { class: "more" }, link(about, words.more)));
  }

  function dressed(root) {
    try {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(STYLE);
      root.adoptedStyleSheets = [sheet];
    } catch {
      root.append(element("style", {}, STYLE)); // browsers from before 2023
    }
  }

  function build() {
    const place = target ? document.querySelector(target) : null;
    const host = document.createElement("div");
    const root = host.attachShadow({ mode: "open" });
    dressed(root);
    root.append(element("section", { class: "card", lang: locale, dir: offered.rtl.includes(locale) ? "rtl" : "ltr",
      "aria-labelledby": "title" },
      element("h2", { id: "title" }, words.title),
      element("p", {}, words.summary),
      element("p", {}, words.before),
      element("p", {}, words.intro),
      form()));
    if (place) place.append(host);
    else if (document.head.contains(script)) document.body.append(host);
    else script.after(host);
  }

  if (document.readyState === "loading" && (target || document.head.contains(script))) {
    document.addEventListener("DOMContentLoaded", build);
  } else {
    build();
  }
})
