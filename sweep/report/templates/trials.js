"use strict";
// The table of every trial: rows become elements as far as they are looked at, so ten thousand of them cost nothing.
(() => {
  const table = document.getElementById("all-trials");
  if (!table) return;
  const { columns, rows } = JSON.parse(document.getElementById("trial-data").textContent);
  const [NUMBER, STATE, RANK] = [0, 1, 2];
  const NOTE = columns.length;
  const VALIDATION = columns.findIndex(([key]) => key === "validation");
  const GAP = columns.findIndex(([key]) => key === "gap");
  const PAGE = 100;
  const box = table.closest(".scroll");
  const body = table.tBodies[0];
  const pinned = document.createElement("tbody");
  const more = document.getElementById("more");
  const filter = document.getElementById("trial-filter");
  const count = document.getElementById("trial-count");
  const byNumber = new Map(rows.map((row) => [String(row[NUMBER]), row]));
  let matching = rows;
  let drawn = 0;
  let sorted = { place: RANK, rising: true };

  // ---- cells

  const fixed = (value, digits) => value.toFixed(digits).replace(/^-(?=[0.]*$)/, "").replace("-", "−");
  const element = (tag, text, attributes = {}) => {
    const made = Object.assign(document.createElement(tag), attributes);
    made.textContent = text;
    return made;
  };

  function interval(value) {
    const [estimate, low, high] = value;
    if (estimate === null) return ["–"];
    if (low === null || high === null || low === high) return [element("b", fixed(estimate, 1))];
    return [element("b", fixed(estimate, 1)), " ", element("small", `[${fixed(low, 1)}, ${fixed(high, 1)}]`)];
  }

  const written = {
    trial: (value) => {
      const button = element("button", value, { type: "button", className: "pick" });
      button.setAttribute("aria-label", `trial ${value}: mark it everywhere`);
      return [button];
    },
    text: (value, row) => (row[NOTE] ? [value, " ", element("small", row[NOTE], { dir: "auto" })] : [value]),
    number: (value) => [String(value)],
    tier: (value) => [element("span", "", { className: `mark tier-${value}` }), String(value)],
    percent: (value) => [fixed(value, 1)],
    interval,
    nats: (value) => [fixed(value, 3)],
    pair: (value) => [value[1]],
    setting: (value) => [element("bdi", String(value))],
  };

  function drawRow(row) {
    const line = document.createElement("tr");
    const trial = String(row[NUMBER]);
    const picked = document.body.dataset.selectedTrial === trial;
    line.dataset.trial = trial;
    line.className = picked ? "trial picked" : "trial";
    line.setAttribute("aria-selected", String(picked));
    columns.forEach(([key, , kind], place) => {
      const cell = document.createElement("td");
      cell.className = kind;
      if (row[place] === null) cell.textContent = "–";
      else cell.append(...written[kind](row[place], row));
      if (key === "state" && row[NOTE]) cell.title = row[NOTE];
      line.append(cell);
    });
    return line;
  }

  // ---- which rows, and how many of them

  function draw(number) {
    body.append(...matching.slice(drawn, number).map(drawRow));
    drawn = Math.min(number, matching.length);
    const left = matching.length - drawn;
    more.hidden = left === 0;
    more.textContent = `Show ${Math.min(PAGE, left)} more of ${left.toLocaleString("en")}`;
    pin(document.body.dataset.selectedTrial);
  }

  function redraw() {
    body.replaceChildren();
    drawn = 0;
    draw(PAGE / 2);
    box.scrollTop = 0;
    const all = rows.length.toLocaleString("en");
    const shown = matching.length === rows.length ? all : `${matching.length.toLocaleString("en")} of ${all}`;
    count.textContent = `${shown} trial${rows.length === 1 ? "" : "s"}`;
  }

  // A picked trial that is not drawn, or does not match the filter, stands on top.
  function pin(trial) {
    const row = byNumber.get(trial);
    const here = row && body.querySelector(`tr[data-trial="${Number(trial)}"]`);
    pinned.replaceChildren(...(row && !here ? [drawRow(row)] : []));
    return here || pinned.firstElementChild;
  }

  // ---- sorting: trials without a value come last either way

  function value(row, { place }) {
    const cell = row[place];
    const kind = columns[place][2];
    if (cell === null || cell === "–") return null;
    if (kind === "interval" || kind === "pair") return cell[0];
    const number = Number(cell);
    return kind === "setting" && cell !== "" && !Number.isNaN(number) ? number : cell;
  }

  function compare(first, second, order) {
    const [a, b] = [value(first, order), value(second, order)];
    if (a === null || b === null) return (a === null) - (b === null);
    const numbers = typeof a === "number" && typeof b === "number";
    return (numbers ? a - b : String(a).localeCompare(String(b), "en", { numeric: true })) * (order.rising ? 1 : -1);
  }

  function sortBy(heading) {
    const rising = heading.getAttribute("aria-sort") !== "ascending";
    for (const other of table.tHead.rows[0].cells) other.setAttribute("aria-sort", "none");
    heading.setAttribute("aria-sort", rising ? "ascending" : "descending");
    sorted = { place: heading.cellIndex, rising };
    show();
  }

  // ---- filtering: words that something begins with, and comparisons

  const words = new Map();

  function wordsOf(row) {
    if (!words.has(row)) {
      const settings = columns.flatMap(([key, , kind], place) =>
        kind === "setting" && row[place] !== null ? [key, String(row[place]), `${key}=${row[place]}`] : []);
      const all = [String(row[NUMBER]), row[STATE], ...row[NOTE].split(" "), ...settings];
      words.set(row, all.map((one) => one.toLowerCase()));
    }
    return words.get(row);
  }

  function compared(wanted) {
    const [, key, sign, text] = /^([^<>=]+)(<=|>=|<|>|=)(.+)$/.exec(wanted) || [];
    const place = columns.findIndex(([name]) => name.toLowerCase() === key);
    if (place < 0) return null;
    return (row) => {
      const found = value(row, { place });
      if (found === null) return false;
      if (sign === "=") return String(found).toLowerCase() === text || Number(found) === Number(text);
      const [a, b] = [Number(found), Number(text)];
      return sign === "<" ? a < b : sign === ">" ? a > b : sign === "<=" ? a <= b : a >= b;
    };
  }

  function show() {
    const wanted = filter.value.toLowerCase().split(/[\s,]+/).filter(Boolean);
    const tests = wanted.map((word) => compared(word) || ((row) => wordsOf(row).some((one) => one.startsWith(word))));
    matching = rows.filter((row) => tests.every((test) => test(row))).sort((a, b) => compare(a, b, sorted));
    redraw();
  }

  // ---- what the page hears and says

  function described(trial) {
    const row = byNumber.get(trial);
    if (!row) return "";
    const ranked = row[RANK] === null ? row[STATE] : `rank ${row[RANK]}`;
    const [validation, gap] = [row[VALIDATION], row[GAP]];
    if (!validation) return `Trial ${trial}: ${ranked}`;
    return `Trial ${trial}: ${ranked}, validation ${fixed(validation[0], 1)} %, gap ${fixed(gap[0], 1)} points`;
  }

  document.addEventListener("trial", (event) => {
    document.querySelector("#selection span").textContent = described(event.detail);
    const line = pin(event.detail);
    if (!line) return;
    const top = line.offsetTop - table.tHead.offsetHeight;
    const bottom = line.offsetTop + line.offsetHeight - box.clientHeight;
    if (box.scrollTop > top || box.scrollTop < bottom) box.scrollTop = top;
  });
  filter.addEventListener("input", show);
  table.tHead.addEventListener("click", (event) => {
    if (event.target.closest("button")) sortBy(event.target.closest("th"));
  });
  more.addEventListener("click", () => draw(drawn + PAGE));
  box.addEventListener("scroll", () => {
    if (drawn < matching.length && box.scrollTop + box.clientHeight > box.scrollHeight - 400) draw(drawn + PAGE);
  });
  table.insertBefore(pinned, body);
  redraw();
})();
