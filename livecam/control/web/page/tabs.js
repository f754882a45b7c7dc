// Sections of the page, one at a time, by the address's fragment: a reload and the back button keep the place.

const PAGES = ["live", "figures", "devices", "doctor", "console"];

/** Shows the section that the address names; `onShow(name, listen)` calls `listen` whenever that one is shown. */
export function startTabs() {
  const listeners = new Map(PAGES.map((name) => [name, []]));
  const shown = () => (PAGES.includes(location.hash.slice(1)) ? location.hash.slice(1) : "live");

  function show() {
    const name = shown();
    for (const page of PAGES) {
      document.getElementById(page).hidden = page !== name;
      const link = document.querySelector(`.tabs a[href="#${page}"]`);
      page === name ? link.setAttribute("aria-current", "page") : link.removeAttribute("aria-current");
    }
    listeners.get(name).forEach((listen) => listen());
    scrollTo(0, 0);
  }

  addEventListener("hashchange", show);
  show();
  return {
    shown,
    go: (name) => {
      location.hash = name;
    },
    onShow: (name, listen) => {
      listeners.get(name).push(listen);
      if (shown() === name) {
        listen();
      }
    },
  };
}
