"use strict";
(() => {
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const figures = read("figures");
  const curves = read("curve-data");
  const drawn = {};
  const config = {
    responsive: true,
    displayModeBar: "hover",
    displaylogo: false,
    modeBarButtons: [["toImage", "resetScale2d"]],
  };

  // ---- figures take their colours and letters from the style sheet, so they follow the theme

  function theme(layout) {
    const style = getComputedStyle(document.documentElement);
    const patch = {
      "font.color": ink(),
      "font.family": getComputedStyle(document.body).fontFamily,
      "hoverlabel.bgcolor": style.getPropertyValue("--raised").trim(),
      "hoverlabel.bordercolor": style.getPropertyValue("--rule").trim(),
      "hoverlabel.font.color": ink(),
      "modebar.bgcolor": "rgba(0,0,0,0)",
      "modebar.color": style.getPropertyValue("--muted").trim(),
      "modebar.activecolor": ink(),
    };
    for (const key of Object.keys(layout)) {
      if (/^[xy]axis\d*$/.test(key)) patch[key + ".tickfont.color"] = style.getPropertyValue("--muted").trim();
    }
    (layout.annotations || []).forEach((annotation, at) => {
      if (annotation.bgcolor) patch[`annotations[${at}].bgcolor`] = style.getPropertyValue("--veil").trim();
    });
    return patch;
  }

  function draw(box) {
    const name = box.dataset.figure;
    const figure = figures[name];
    if (!figure) return Promise.resolve();
    const bar = name.startsWith("marginal") ? { displayModeBar: false } : {};
    return Plotly.newPlot(box, figure.data, figure.layout, { ...config, ...bar })
      .then(() => Plotly.relayout(box, theme(box.layout)))
      .then(() => {
        drawn[name] = box;
        if (name === "gap" || name === "parallel") {
          box.on("plotly_click", (event) => {
            const trial = event.points[0].customdata;
            if (trial !== undefined && trial !== null) select(String(trial));
          });
        }
      });
  }

  const dark = matchMedia("(prefers-color-scheme: dark)");
  dark.addEventListener("change", () => {
    for (const box of Object.values(drawn)) Plotly.relayout(box, theme(box.layout));
    const row = table.querySelector("tr.picked");
    if (row) select(row.dataset.trial);
  });

  // ---- one trial is picked, in the table, the curves and the plane of gap and validation

  const table = document.getElementById("table");
  const choice = document.getElementById("choice");

  function select(trial) {
    if (!curves[trial]) return;
    for (const row of table.querySelectorAll("tr.trial")) {
      const picked = row.dataset.trial === trial;
      row.classList.toggle("picked", picked);
      row.setAttribute("aria-selected", String(picked));
    }
    if (choice) choice.value = trial;
    if (drawn.curves) showCurves(curves[trial]);
    const picked = document.getElementById("picked");
    if (picked) picked.textContent = curves[trial].reason;
    if (drawn.gap) ring(trial);
    if (drawn.parallel) trace(trial);
  }

  // The right column's traces follow the left one's six: three a panel, accuracy first.
  function showCurves(curve) {
    if (drawn.curves.data.length < 12) return;
    const x = [], y = [];
    for (const pair of curve.pairs) {
      const kept = curve.epochs.indexOf(curve.kept);
      x.push(curve.epochs, curve.epochs, kept < 0 ? [] : [curve.kept, curve.kept]);
      y.push(pair[0], pair[1], kept < 0 ? [] : [pair[0][kept], pair[1][kept]]);
    }
    Plotly.restyle(drawn.curves, { x, y }, [6, 7, 8, 9, 10, 11]);
    Plotly.relayout(drawn.curves, { "annotations[1].text": curve.title.replace(", ", "<br>") });
  }

  function ink() {
    return getComputedStyle(document.documentElement).getPropertyValue("--ink").trim();
  }

  function ring(trial) {
    for (const trace of drawn.gap.data) {
      const at = (trace.customdata || []).map(String).indexOf(trial);
      if (at < 0) continue;
      const shape = {
        type: "circle", xref: "x", yref: "y", xsizemode: "pixel", ysizemode: "pixel",
        xanchor: trace.x[at], yanchor: trace.y[at], x0: -12, x1: 12, y0: -12, y1: 12,
        line: { color: ink(), width: 2 },
      };
      Plotly.relayout(drawn.gap, { shapes: [shape] });
    }
  }

  // The last trace is empty until a trial is picked: then it repeats that trial's line on top of all others.
  function trace(trial) {
    const box = drawn.parallel;
    const last = box.data.length - 1;
    for (const tier of box.data.slice(0, last)) {
      const at = tier.customdata.map(String).indexOf(trial);
      if (at < 0) continue;
      const end = tier.x.indexOf(null, at);
      Plotly.restyle(box, { x: [tier.x.slice(at, end)], y: [tier.y.slice(at, end)], "line.color": ink() }, [last]);
    }
  }

  // ---- the table sorts by any heading; by rank it falls back into its tiers

  function sortBy(heading) {
    const key = heading.dataset.key;
    const rising = heading.getAttribute("aria-sort") !== "ascending";
    for (const other of table.querySelectorAll("thead th")) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", rising ? "ascending" : "descending");
    const tiers = key === "rank" && rising && table.dataset.sort === "tier";
    for (const row of table.querySelectorAll("tr.tier")) row.classList.toggle("hidden", !tiers);
    if (tiers) {
      for (const [row, body] of home) body.append(row);
    } else {
      const value = (row) => row.querySelector(`[data-key="${key}"]`).dataset.value;
      const rows = home.map(([row]) => row).sort((a, b) => compare(value(a), value(b)) * (rising ? 1 : -1));
      table.tBodies[0].append(...rows);
    }
    fold();
  }

  // ---- it shows its first rows, and a page more whenever asked to

  const page = 100;
  let unfolded = 20;

  function fold() {
    if (!more) return;
    [...table.querySelectorAll("tr.trial")].forEach((row, at) => row.classList.toggle("extra", at >= unfolded));
    const left = home.length - unfolded;
    more.hidden = left <= 0;
    more.textContent = left > page ? `Show ${page} more of ${home.length} rows` : `Show all ${home.length} rows`;
  }

  function compare(a, b) {
    const x = Number(a), y = Number(b);
    const numbers = a !== "" && b !== "" && !Number.isNaN(x) && !Number.isNaN(y);
    return numbers ? x - y : a.localeCompare(b, "en", { numeric: true });
  }

  const more = document.getElementById("more");
  const home = table ? [...table.querySelectorAll("tr.trial")].map((row) => [row, row.parentElement]) : [];

  if (table) {
    table.tHead.addEventListener("click", (event) => {
      const heading = event.target.closest("th[data-key]");
      if (heading && event.target.closest("button")) sortBy(heading);
    });
    table.addEventListener("click", (event) => {
      const row = event.target.closest("tr.trial");
      if (row) select(row.dataset.trial);
    });
    if (more) {
      table.classList.add("folded");
      more.addEventListener("click", () => {
        unfolded += page;
        fold();
      });
      fold();
    }
  }
  if (choice) choice.addEventListener("change", () => select(choice.value));

  Promise.all([...document.querySelectorAll("figure[data-figure]")].map(draw)).then(() => {
    if (choice) select(choice.value);
    document.documentElement.dataset.ready = "true";
  });
})();
