"use strict";
// Figures are drawn when they come near the window, and take their colours and letters from the style sheet.
(() => {
  const parsed = {};
  const written = (id) => document.getElementById(id).textContent;
  const read = (id) => (parsed[id] ??= JSON.parse(written(id)));
  const heights = read("figure-heights");
  const boxes = new Map([...document.querySelectorAll(".plot")].map((box) => [box.dataset.figure, box]));
  const drawn = new Map();
  const SOON = 150_000; // characters of figures that are drawn before anybody has scrolled to them
  const NARROW = 560;
  const PAPER = { wide: 660, beside: 410 }; // pixels on A4, alone and beside the shares of a field
  let loading;

  // plotly.js lies packed in the page: unpacking it takes as long as drawing, and readers of words never need it.
  function library() {
    loading ??= (async () => {
      const packed = Uint8Array.from(atob(written("plotly")), (byte) => byte.charCodeAt(0));
      const unpacked = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
      const script = document.createElement("script");
      script.textContent = await new Response(unpacked).text();
      document.head.append(script);
      return window.Plotly;
    })();
    return loading;
  }

  // ---- drawing

  const ofScreen = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const fine = matchMedia("(pointer: fine)");
  const picked = () => document.body.dataset.selectedTrial || "";

  const PRINTED = { "--ink": "#000", "--muted": "#444", "--veil": "rgba(255, 255, 255, .82)" };

  function theme(layout, printed) {
    const styled = (name) => printed?.[name] ?? ofScreen(name);
    const patch = {
      "font.color": styled("--ink"),
      "font.family": getComputedStyle(document.body).fontFamily,
      "hoverlabel.bgcolor": styled("--raised"),
      "hoverlabel.bordercolor": styled("--rule"),
      "hoverlabel.font.color": styled("--ink"),
      "hoverlabel.font.family": getComputedStyle(document.body).fontFamily,
    };
    for (const key of Object.keys(layout)) {
      if (/^[xy]axis\d*$/.test(key)) patch[`${key}.tickfont.color`] = styled("--muted");
    }
    (layout.annotations || []).forEach((annotation, at) => {
      if (annotation.bgcolor) patch[`annotations[${at}].bgcolor`] = styled("--veil");
    });
    return patch;
  }

  // On a phone the two columns of curves stand below each other.
  function stacked(layout) {
    const heights = [[0.8, 0.965], [0.285, 0.45], [0.56, 0.725], [0.045, 0.21]];
    heights.forEach((domain, at) => {
      const end = at ? at + 1 : "";
      layout[`xaxis${end}`].domain = [0, 1];
      Object.assign(layout[`yaxis${end}`], { domain, showticklabels: true });
    });
    layout.yaxis2.title = layout.yaxis.title;
    layout.yaxis4.title = layout.yaxis3.title;
    layout.annotations.forEach((title, at) => Object.assign(title, { x: 0.5, y: at ? 0.455 : 0.97 }));
    layout.height = 960;
  }

  function copied(name, width) {
    const { data, layout } = structuredClone(read("figures")[name]);
    for (const trace of data) {
      if (trace.customdata && !trace.text) trace.text = trace.customdata.map((trial) => read("hovers")[trial] ?? "");
    }
    layout.dragmode = name === "gap" && fine.matches ? "zoom" : false;
    if (name === "curves" && layout.yaxis4 && width < NARROW) stacked(layout);
    return { data, layout };
  }

  function draw(box, Plotly) {
    const name = box.dataset.figure;
    if (!Plotly || drawn.has(name)) return;
    const { data, layout } = copied(name, box.clientWidth);
    drawn.set(name, box);
    Plotly.newPlot(box, data, layout, { responsive: true, displayModeBar: false });
    Plotly.relayout(box, theme(layout));
    box.on("plotly_click", ({ points }) => {
      const trial = points[0].customdata;
      if (trial === undefined || trial === null) return;
      document.dispatchEvent(new CustomEvent("pick", { detail: String(trial) }));
    });
    box.on("plotly_afterplot", () => label(box));
    label(box);
    show[name]?.(picked(), Plotly);
  }

  // Points say which trial they stand for, as rows do.
  function label(box) {
    for (const group of box.querySelectorAll(".scatterlayer .trace")) {
      const numbers = group.__data__?.[0]?.trace?.customdata;
      if (!numbers) continue;
      for (const point of group.querySelectorAll(".point")) {
        const trial = numbers[point.__data__?.i];
        if (trial !== undefined && trial !== null) point.dataset.trial = trial;
      }
    }
  }

  // ---- the picked trial in each figure

  const show = {
    curves(trial, Plotly) {
      const box = drawn.get("curves");
      const other = read("curve-data")[trial] || read("curve-data")[first];
      // The right column's traces follow the left one's six: three a panel, accuracy first.
      if (!other || box.data.length < 12) return;
      const x = [], y = [];
      for (const pair of other.pairs) {
        const kept = other.epochs.indexOf(other.kept);
        x.push(other.epochs, other.epochs, kept < 0 ? [] : [other.kept, other.kept]);
        y.push(pair[0], pair[1], kept < 0 ? [] : [pair[0][kept], pair[1][kept]]);
      }
      Plotly.update(box, { x, y }, { "annotations[1].text": other.title.replace(", ", "<br>") }, [6, 7, 8, 9, 10, 11]);
    },

    gap(trial, Plotly) {
      const box = drawn.get("gap");
      const place = trial && placed(box, trial);
      const shapes = !place ? [] : [{
        type: "circle", xref: "x", yref: "y", xsizemode: "pixel", ysizemode: "pixel",
        xanchor: place[0], yanchor: place[1], x0: -12, x1: 12, y0: -12, y1: 12,
        line: { color: ofScreen("--ink"), width: 2.5 },
      }];
      Plotly.relayout(box, { shapes });
    },

    // The last trace is empty until a trial is picked: then it repeats that trial's line on top of all others.
    parallel(trial, Plotly) {
      const box = drawn.get("parallel");
      const last = box.data.length - 1;
      for (const tier of box.data.slice(0, last)) {
        const at = tier.customdata.map(String).indexOf(trial);
        if (at < 0) continue;
        const end = tier.x.indexOf(null, at);
        const line = { x: [tier.x.slice(at, end)], y: [tier.y.slice(at, end)], "line.color": ofScreen("--ink") };
        Plotly.restyle(box, line, [last]);
        return;
      }
      Plotly.restyle(box, { x: [[]], y: [[]] }, [last]);
    },

    repeats(trial, Plotly) {
      const box = drawn.get("repeats");
      const means = box.data[1];
      const at = means.customdata.map(String).indexOf(trial);
      const shapes = at < 0 ? [] : [{
        type: "rect", xref: "paper", x0: 0, x1: 1, yref: "y", y0: means.y[at] - 0.45, y1: means.y[at] + 0.45,
        fillcolor: ofScreen("--area"), line: { width: 0 }, layer: "below",
      }];
      Plotly.relayout(box, { shapes });
    },
  };

  // Of thousands of trials the figure shows some: the place of another one stands in the table.
  function placed(box, trial) {
    for (const trace of box.data) {
      const at = (trace.customdata || []).map(String).indexOf(trial);
      if (at >= 0) return [trace.x[at], trace.y[at]];
    }
    const { columns, rows } = read("trial-data");
    const row = rows.find(([number]) => String(number) === trial);
    const cell = (wanted) => row?.[columns.findIndex(([key]) => key === wanted)];
    const [validation, gap] = [cell("validation"), cell("gap")];
    return validation && [validation[0], gap[0]];
  }

  // ---- the words and numbers beside the curves

  const reason = document.getElementById("picked");
  const numbers = document.getElementById("curve-numbers");
  const first = reason?.dataset.first;

  function describe(trial) {
    const curves = read("curve-data");
    const other = curves[trial || first];
    const absent = `Trial ${trial} has no curves on this page; beside it stands trial ${first}.`;
    reason.textContent = other ? `Beside it stands trial ${trial || first}, ${other.reason}.` : absent;
    const shown = other || curves[first];
    numbers.tHead.rows[0].cells[2].textContent = shown.title;
    const lines = Math.max(numbers.tBodies[0].rows.length, shown.epochs.length);
    for (let at = 0; at < lines; at += 1) {
      const line = numbers.tBodies[0].rows[at] || added(at);
      const [accuracy, nats] = shown.pairs;
      const values = [accuracy[0][at], accuracy[1][at], nats[0][at], nats[1][at]];
      values.forEach((value, place) => {
        line.cells[5 + place].textContent = value === undefined ? "" : value.toFixed(place < 2 ? 1 : 3);
      });
    }
  }

  function added(at) {
    const line = numbers.tBodies[0].insertRow();
    const heading = { scope: "row", className: "number", textContent: at + 1 };
    line.append(Object.assign(document.createElement("th"), heading));
    for (let place = 0; place < 8; place += 1) line.insertCell().className = "number";
    return line;
  }

  document.addEventListener("trial", async (event) => {
    if (reason) describe(event.detail);
    if (!drawn.size) return;
    const Plotly = await library();
    for (const [name, mark] of Object.entries(show)) if (drawn.has(name)) mark(picked(), Plotly);
  });

  // ---- when to draw, and in which colours and widths

  function all(action) {
    if (window.Plotly) for (const box of drawn.values()) action(box);
  }

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    all((box) => window.Plotly.relayout(box, theme(box.layout)));
    for (const [name, mark] of Object.entries(show)) if (drawn.has(name)) mark(picked(), window.Plotly);
  });

  let narrow = innerWidth < NARROW + 80;
  addEventListener("resize", () => {
    const box = drawn.get("curves");
    if (narrow === innerWidth < NARROW + 80) return;
    narrow = !narrow;
    if (!box) return;
    window.Plotly.purge(box);
    drawn.delete("curves");
    draw(box, window.Plotly);
  });

  const closed = [];
  addEventListener("beforeprint", () => {
    closed.push(...document.querySelectorAll("details.figure-data:not([open])"));
    for (const details of closed) details.open = true;
    for (const box of boxes.values()) {
      draw(box, window.Plotly);
      if (!drawn.has(box.dataset.figure)) box.style.minHeight = "0";
    }
    all((box) => {
      const width = box.closest(".field") ? PAPER.beside : PAPER.wide;
      window.Plotly.relayout(box, { ...theme(box.layout, PRINTED), width });
    });
  });
  addEventListener("afterprint", () => {
    for (const details of closed.splice(0)) details.open = false;
    all((box) => window.Plotly.relayout(box, { ...theme(box.layout), width: null, autosize: true }));
  });

  const near = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      near.unobserve(target);
      library().then((Plotly) => draw(target, Plotly));
    }
  }, { rootMargin: "500px 0px" });

  for (const [name, box] of boxes) {
    if (!heights[name]) continue;
    box.style.minHeight = `${heights[name]}px`;
    if ("DecompressionStream" in window) near.observe(box);
    else box.textContent = "This browser is too old to draw the figure; its numbers are below.";
  }
  document.documentElement.dataset.ready = "true";

  // The others follow one at a time while the reader reads, so that whoever prints finds them drawn; those of thousands
  // of trials would take the reader's time.
  const later = window.requestIdleCallback || ((action) => setTimeout(action, 200));
  const rest = [...boxes.values()].filter((box) => heights[box.dataset.figure]);
  function next() {
    const box = rest.find((one) => !drawn.has(one.dataset.figure));
    if (!box) return;
    library().then((Plotly) => {
      draw(box, Plotly);
      later(next);
    });
  }
  if ("DecompressionStream" in window && written("figures").length < SOON) addEventListener("load", () => later(next));
})();
