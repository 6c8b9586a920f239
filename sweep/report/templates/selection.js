"use strict";
// One trial is picked on the whole page. Whoever shows trials asks for one with the event "pick" and hears of the one
// that is picked with the event "trial"; its detail is the trial's number as text, "" for none.
(() => {
  const clear = document.querySelector("#selection button");

  function mark(trial) {
    for (const element of document.querySelectorAll("[data-trial]")) {
      const picked = element.dataset.trial === trial;
      element.classList.toggle("picked", picked);
      if (element.tagName === "TR") element.setAttribute("aria-selected", String(picked));
    }
  }

  function pick(trial) {
    if (trial) document.body.dataset.selectedTrial = trial;
    else delete document.body.dataset.selectedTrial;
    clear.hidden = !trial;
    document.dispatchEvent(new CustomEvent("trial", { detail: trial }));
    mark(trial);
  }

  document.addEventListener("pick", (event) => pick(event.detail));
  document.addEventListener("click", (event) => {
    const shown = event.target.closest("[data-trial]");
    if (!shown || event.target.closest("a, summary, input") || String(getSelection())) return;
    pick(shown.dataset.trial);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && document.body.dataset.selectedTrial) pick("");
  });
  clear.addEventListener("click", () => pick(""));

  // ---- the section in view is marked in the contents

  const links = new Map([...document.querySelectorAll(".contents a")].map((link) => [link.hash.slice(1), link]));
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      for (const link of links.values()) link.removeAttribute("aria-current");
      links.get(entry.target.id)?.setAttribute("aria-current", "true");
    }
  }, { rootMargin: "-30% 0px -65% 0px" });
  for (const section of document.querySelectorAll("main > section")) seen.observe(section);
})();
