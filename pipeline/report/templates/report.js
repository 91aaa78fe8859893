
"use strict";
for (const filter of document.querySelectorAll(".filter")) {
  const input = filter.querySelector("input");
  const shown = filter.querySelector("output");
  const items = [...document.querySelectorAll(input.dataset.items)];
  let texts = null;
  const apply = () => {
    texts ??= items.map((item) => item.textContent.toLowerCase());
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    items.forEach((item, place) => {
      const fits = words.every((word) => texts[place].includes(word));
      if (item.hidden === fits) item.hidden = !fits;
      count += fits;
    });
    shown.textContent = `${count} of ${items.length}`;
  };
  input.addEventListener("input", apply);
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { input.value = ""; apply(); }
  });
  shown.textContent = `${items.length} of ${items.length}`;
  filter.hidden = false;
}
const reveal = () => {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (let part = target; part; part = part.parentElement) {
    if (part instanceof HTMLDetailsElement) { part.hidden = false; part.open = true; }
  }
  target?.scrollIntoView();
};
addEventListener("hashchange", reveal);
reveal();
let closed = [];
addEventListener("beforeprint", () => {
  closed = [...document.querySelectorAll("details:not([open])")];
  for (const one of closed) one.open = true;
});
addEventListener("afterprint", () => {
  for (const one of closed) one.open = false;
});
