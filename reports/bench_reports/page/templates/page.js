"use strict";
(() => {
  const said = document.getElementById("said");
  const say = (text) => { said.textContent = text; };

  // Tables: the heads become buttons that sort. A cell without a key has no value, and comes last either way.
  const keyOf = (row, at) => {
    const cell = row.cells[at];
    if (cell.tagName === "TH") return cell.textContent;
    if (!("key" in cell.dataset)) return null;
    const number = Number(cell.dataset.key);
    return Number.isNaN(number) ? cell.dataset.key : number;
  };
  const compare = (a, b) =>
    typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true });
  const sort = (table, head, order) => {
    const body = table.tBodies[0];
    const sign = order === "ascending" ? 1 : -1;
    const keyed = [...body.rows].map((row) => [keyOf(row, head.cellIndex), row]);
    keyed.sort(([a], [b]) => (a === null || b === null ? (a === null) - (b === null) : sign * compare(a, b)));
    body.append(...keyed.map(([, row]) => row));
    for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", order);
    say(`Sorted by ${head.textContent.trim()}, ${order}.`);
  };
  for (const table of document.querySelectorAll("table.board")) {
    for (const head of table.tHead.querySelectorAll("th[data-first]")) {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      button.addEventListener("click", () => {
        const opposite = { ascending: "descending", descending: "ascending" };
        sort(table, head, opposite[head.getAttribute("aria-sort")] || head.dataset.first);
      });
      head.append(button);
    }
  }

  for (const form of document.querySelectorAll("form.filters")) {
    const rows = [...document.getElementById(form.dataset.for).tBodies[0].rows];
    const find = form.querySelector("input");
    const choice = form.querySelector("select");
    const filter = () => {
      const wanted = find.value.trim().toLowerCase();
      for (const row of rows) {
        const text = row.querySelector("th").textContent.toLowerCase();
        const group = !choice.value || row.dataset.groups.split(" ").includes(choice.value);
        row.hidden = !(group && text.includes(wanted));
      }
      const shown = rows.filter((row) => !row.hidden).length;
      form.querySelector("output").textContent = shown < rows.length ? `${shown} of ${rows.length} rows` : "";
    };
    form.addEventListener("input", filter);
    form.addEventListener("submit", (event) => event.preventDefault());
    form.hidden = false;
    filter();
  }

  // Figures: what is seen without this script gives way to one that answers, when it comes into view.
  const animate = async (figure) => {
    const live = figure.querySelector(".live");
    const still = figure.querySelector(".still");
    const spec = JSON.parse(figure.querySelector("script").textContent);
    live.hidden = false;
    try {
      const options = { renderer: "svg", actions: false, logLevel: 1, tooltip: { theme: "custom" } };
      await vegaEmbed(live, spec, options);
      const drawing = live.querySelector("svg");
      drawing.setAttribute("aria-hidden", "true"); // the summary and the table say it better
      still.classList.add("replaced");
      figure.classList.add("is-live");
      if (live.scrollWidth > live.clientWidth + 1) {
        live.tabIndex = 0;
        live.setAttribute("role", "region");
        live.setAttribute("aria-label", figure.querySelector("h4").textContent);
      }
    } catch (error) {
      live.hidden = true; // the still one stays
      console.error(error);
    }
  };
  if (typeof vegaEmbed === "function" && "IntersectionObserver" in window) {
    const seen = new IntersectionObserver(
      (entries) => {
        for (const entry of entries) {
          if (!entry.isIntersecting) continue;
          seen.unobserve(entry.target);
          animate(entry.target);
        }
      },
      { rootMargin: "200px" },
    );
    for (const figure of document.querySelectorAll("figure.plot")) seen.observe(figure);
  }
})();
