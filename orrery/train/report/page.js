"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const { steps, metrics } = data;

  // What says only how far a run is, which the head line says.
  const progress = new Set(["epoch", "num_input_tokens_seen"]);

  // An evaluation's metric shares a chart with the training's of that name; "rewards/chosen" is one of "rewards".
  const group = (name) => {
    const own = name.replace(/^eval_/, "");
    return own.includes("/") ? own.slice(0, own.indexOf("/")) : own;
  };
  const first = ["loss", "rewards"], last = ["grad_norm", "learning_rate", "train_tokens_per_second", "step_time"];
  const place = (name) =>
    first.includes(name) ? first.indexOf(name) : last.includes(name) ? 100 + last.indexOf(name) : 50;
  const groups = new Map();
  for (const name of Object.keys(metrics).filter((name) => !progress.has(name)).sort()) {
    const key = group(name);
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(name);
  }
  for (const names of groups.values()) names.sort((a, b) => a.startsWith("eval_") - b.startsWith("eval_") || (a < b ? -1 : 1));
  const ordered = [...groups].sort(([a], [b]) => place(a) - place(b) || (a < b ? -1 : 1));

  const number = (value) => {
    if (value === null || value === undefined) return "–";
    const size = Math.abs(value);
    if (size !== 0 && (size < 1e-3 || size >= 1e6)) return Number(value.toPrecision(3)).toExponential();
    return size >= 1000 ? value.toFixed(0) : String(Number(value.toPrecision(4)));
  };

  const latest = (values) => values?.findLast((value) => value !== null);

  // TensorBoard's: an exponential mean, corrected for its start at 0.
  const smooth = (values, weight) => {
    if (weight === 0) return values;
    let sum = 0, mass = 0;
    return values.map((value) => {
      if (value === null) return null;
      sum = weight * sum + (1 - weight) * value;
      mass = weight * mass + (1 - weight);
      return sum / mass;
    });
  };

  const isSparse = (name) => metrics[name].filter((value) => value !== null).length <= 40;
  const isSmooth = (name) => isSparse(name) || name === "learning_rate";  // nothing to smooth

  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const host = document.getElementById("charts"), slider = document.getElementById("smoothing");
  const hidden = new Set();  // names that the legend has switched off, which a new drawing keeps so
  let charts = [];

  // Of a curve with gaps, the value that lies nearest to where the pointer is.
  function nearest(plot, i, at) {
    const values = plot.data[i];
    if (i === 0 || values[at] !== null) return at;
    for (let far = 1; far < values.length; ++far)
      for (const near of [at - far, at + far]) if (values[near] !== null && values[near] !== undefined) return near;
    return at;
  }

  function options(names, width, weight) {
    const axis = {
      stroke: css("--muted"), grid: { stroke: css("--line"), width: 1 }, ticks: { stroke: css("--line"), width: 1, size: 5 },
      font: "12px system-ui, sans-serif",
    };
    const series = names.flatMap((name, i) => {
      const colour = css(`--c${i % 8}`);
      const few = isSparse(name);
      const line = {
        label: name, stroke: colour, width: 2, spanGaps: true, show: !hidden.has(name), points: { show: few, size: 5, fill: colour },
        dash: name.startsWith("eval_") ? [6, 4] : undefined,
        value: (plot, value, i, at) => number(at === null ? latest(plot.data[i]) : value),
      };
      // Below a smoothed line the raw one, faint and not in the legend.
      return weight === 0 || isSmooth(name) ? [line] : [{ ...line, label: name, stroke: `${colour}55`, width: 1, points: { show: false }, raw: true }, line];
    });
    return {
      width, height: Math.max(200, Math.min(300, Math.round(width * 0.55))),
      scales: { x: { time: false } },
      padding: [8, 12, 0, 0],
      cursor: { sync: { key: "steps" }, drag: { x: true, y: false }, points: { size: 7 }, y: false, dataIdx: nearest },
      axes: [
        { ...axis, size: 32, space: 60, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6] },
        { ...axis, size: 58, values: (_, ticks) => ticks.map((tick) => (tick === null ? "" : number(tick))) },
      ],
      series: [{ label: "step", value: (_, value, __, at) => String(at === null ? steps.at(-1) : value) }, ...series],
      hooks: {
        ready: [(plot) => plot.root.querySelectorAll(".u-legend .u-series").forEach((row, i) => {
          if (plot.series[i].raw) row.hidden = true, row.style.display = "none";
        })],
        setSeries: [(plot, i, change) => {
          if (i === null || change.show === undefined) return;
          const { label } = plot.series[i];
          change.show ? hidden.delete(label) : hidden.add(label);
          plot.series.forEach((other, j) => {
            if (j > 0 && j !== i && other.label === label && other.show !== change.show) plot.setSeries(j, { show: change.show });
          });
        }],
      },
    };
  }

  function draw() {
    const weight = Number(slider.value);
    slider.parentElement.querySelector("output").textContent = weight === 0 ? "off" : weight.toFixed(2);
    charts.forEach(({ plot }) => plot.destroy());
    charts = ordered.map(([key, names], i) => {
      let figure = host.children[i];
      if (!figure) {
        figure = host.appendChild(document.createElement("figure"));
        const caption = figure.appendChild(document.createElement("figcaption"));
        caption.textContent = names.length > 1 && names.every((name) => name.includes("/")) ? `${key}/*` : key;
        figure.appendChild(document.createElement("div"));
      }
      const body = figure.lastChild;
      const columns = names.flatMap((name) => (weight === 0 || isSmooth(name) ? [metrics[name]] : [metrics[name], smooth(metrics[name], weight)]));
      return { body, plot: new uPlot(options(names, body.clientWidth, weight), [steps, ...columns], body) };
    });
  }

  const text = [`step ${data.done} of ${data.of}`];
  const epoch = latest(metrics.epoch), tokens = latest(metrics.num_input_tokens_seen), loss = latest(metrics.loss);
  if (epoch !== undefined) text.push(`epoch ${epoch.toFixed(2)}`);
  if (tokens !== undefined) text.push(`${tokens.toLocaleString("en")} tokens`);
  if (loss !== undefined) text.push(`loss ${number(loss)}`);
  if (data.best) text.push(`best evaluation ${number(data.best.metric)} at step ${data.best.step}`);
  document.getElementById("state").textContent = text.join(" · ");

  const settings = document.getElementById("settings");
  settings.hidden = settings.querySelector("pre").textContent.trim() === "";
  if (steps.length === 0) host.textContent = "Nothing is logged yet.";
  else draw();
  slider.addEventListener("input", draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  let width = host.clientWidth;
  new ResizeObserver(() => {
    if (steps.length === 0 || host.clientWidth === width) return;
    width = host.clientWidth;
    draw();
  }).observe(host);
})();
