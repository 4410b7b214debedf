// Makes the page quick: the same links without a reload, keys, the slider, and what is new.
// Without it every link works by itself.
"use strict";

(() => {
  const root = document.documentElement;
  const html = new DOMParser();
  let busy = false;
  let returned = false; // Whether somebody went back or on while a page was on its way.
  let wanted = null; // The latest place of the slider, while another one is on its way.
  let stream = null;

  const theme = localStorage.getItem("theme");
  if (theme) root.dataset.theme = theme;

  const typing = (target) =>
    target.closest("input, textarea, select, [contenteditable]") !== null;

  // Put the parts of a page in the place of those that are there.
  const show = (text) => {
    const page = html.parseFromString(text, "text/html");
    const focused = document.activeElement && document.activeElement.id;
    for (const part of page.querySelectorAll("[data-part]")) {
      const old = document.querySelector(`[data-part="${part.dataset.part}"]`);
      if (old) old.replaceWith(document.adoptNode(part));
    }
    document.title = page.title;
    const slider = document.getElementById("slider");
    const moved = page.getElementById("slider");
    if (slider && moved) {
      if (document.activeElement !== slider || wanted === null) slider.value = moved.value;
      Object.assign(slider.dataset, moved.dataset);
    }
    if (focused && document.activeElement.id !== focused) {
      const again = document.getElementById(focused);
      if (again) again.focus({ preventScroll: true });
    }
    markLive();
  };

  const go = async (address, how) => {
    if (busy) {
      // Back and forward have changed the address already.
      returned ||= how === "none";
      return false;
    }
    busy = true;
    try {
      const answer = await fetch(address, { headers: { Accept: "text/html" } });
      const text = await answer.text();
      if (!answer.ok || !text.includes('data-part="main"')) {
        location.assign(address);
        return false;
      }
      if (how === "push") history.pushState(null, "", address);
      if (how === "replace") history.replaceState(null, "", address);
      show(text);
    } catch {
      location.assign(address);
    } finally {
      busy = false;
    }
    if (returned) {
      returned = false;
      return go(location.pathname + location.search, "none");
    }
    return true;
  };

  // Links within the page of an event; others are followed as they are.
  document.addEventListener("click", (event) => {
    const anchor = event.target.closest("a[href]");
    if (!anchor || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const href = anchor.getAttribute("href");
    if (anchor.id === "live") {
      event.preventDefault();
      follow(stream === null);
    } else if (/^\/s\/[^/]+\/event\/\d+(\?|$)/.test(href) && document.getElementById("slider")) {
      event.preventDefault();
      if (anchor.closest("#news")) anchor.remove();
      go(href, "push");
    }
  });

  document.addEventListener("submit", (event) => {
    if (event.target.id !== "setting") return;
    event.preventDefault();
    const asked = new URL(event.target.action);
    asked.search = new URLSearchParams(new FormData(event.target)).toString();
    go(asked.pathname + asked.search, "push");
  });

  addEventListener("popstate", () => go(location.pathname + location.search, "none"));

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape" && typing(event.target)) event.target.blur();
    if (typing(event.target)) return;
    if (event.key === "/") {
      const field = document.getElementById("goto");
      if (field) {
        event.preventDefault();
        field.focus();
      }
    } else if (event.key === "t") {
      const dark = matchMedia("(prefers-color-scheme: dark)").matches;
      const now = root.dataset.theme || (dark ? "dark" : "light");
      root.dataset.theme = now === "dark" ? "light" : "dark";
      localStorage.setItem("theme", root.dataset.theme);
    } else {
      const step = document.querySelector(`a[data-key="${CSS.escape(event.key)}"]`);
      if (!step) return;
      event.preventDefault();
      // A held key goes on when the page is there, and never queues.
      go(step.getAttribute("href"), event.repeat ? "replace" : "push");
    }
  });

  // The slider, on the scale of the strip.
  const eventAt = (x, data) => {
    const [past, total, split] = [data.past, data.total, data.split].map(Number);
    const behind = total - past;
    const number =
      x < split || past === total
        ? Math.floor((past * x) / Math.max(split, 1))
        : past + Math.floor((behind * (x - split)) / Math.max(1000 - split, 1));
    return Math.min(Math.max(number, 1), total);
  };

  const slide = async () => {
    while (wanted !== null) {
      const address = wanted;
      if (!(await go(address, "replace"))) return;
      if (wanted === address) wanted = null;
    }
  };

  document.addEventListener("input", (event) => {
    if (event.target.id !== "slider") return;
    const slider = event.target;
    const number = eventAt(Number(slider.value), slider.dataset);
    wanted = slider.dataset.address.replace("/event/0", `/event/${number}`);
    if (!busy) slide();
  });

  // What a run writes.
  const markLive = () => {
    const live = document.getElementById("live");
    if (!live) return;
    live.setAttribute("role", "button");
    live.setAttribute("aria-pressed", String(stream !== null));
  };

  const follow = (on) => {
    const live = document.getElementById("live");
    if (stream) stream.close();
    stream = null;
    if (on && live) {
      stream = new EventSource(live.dataset.stream);
      stream.onmessage = (event) => {
        tell(JSON.parse(event.data));
        // Turned off and on again, it goes on from there.
        const now = document.getElementById("live");
        const known = `known=${event.lastEventId}`;
        if (now) now.dataset.stream = now.dataset.stream.replace(/known=\d+/, known);
      };
      stream.onerror = () => {
        if (stream && stream.readyState === EventSource.CLOSED) follow(false);
      };
    }
    markLive();
  };

  const tell = (told) => {
    const counts = document.getElementById("counts");
    if (counts) counts.textContent = told.counts;
    const slider = document.getElementById("slider");
    if (slider) {
      slider.dataset.past = told.scale.past;
      slider.dataset.total = told.scale.total;
      slider.dataset.split = told.scale.split;
    }
    const news = document.getElementById("news");
    for (const flag of told.flags) {
      const anchor = document.createElement("a");
      anchor.href = flag.address;
      anchor.textContent = flag.text;
      news.prepend(anchor);
      while (news.children.length > 5) news.lastChild.remove();
    }
  };

  const live = document.getElementById("live");
  if (live) follow(live.dataset.on === "yes");
})();
