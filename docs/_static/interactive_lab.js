// The interactive lab: controls, pictures and the loop. The mathematics is in lecture.js.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const lab = document.getElementById("planar-lab");
  if (!lab) return;

  const facts = JSON.parse(document.getElementById("lab-facts").textContent);
  const X = lecture.matrix(facts.X);
  const Y = lecture.matrix(facts.Y);
  const m = X.columns;
  const controls = lab.querySelector("form").elements;
  const boundary = lab.querySelector(".lab-boundary").getContext("2d");
  const curve = lab.querySelector(".lab-cost").getContext("2d");
  const log = lab.querySelector(".lab-log tbody");

  const EXTENT = 5; // the pictures show -EXTENT .. EXTENT
  const CELLS = 80; // a side of the boundary's grid
  const LOG_EVERY = 1000;
  const MOST_ITERATIONS = 20000;

  const settings = { hidden: "4", activation: "tanh", rate: "1.2", start: "lab" };
  let state; // {parameters, iteration, costs, diverged}
  let playing = false;

  for (const n1 of Object.keys(facts.normals)) controls.hidden.add(new Option(n1));
  for (const name of Object.keys(lecture.activations)) controls.activation.add(new Option(name));

  // --- the loop ---

  const g1 = () => lecture.activations[controls.activation.value];
  const alpha = () => Number(controls.rate.value);
  const activations = (inputs) => lecture.forward(state.parameters, inputs, g1());

  function reset() {
    pause();
    const normals = facts.normals[controls.hidden.value];
    const parameters = lecture.start(normals, controls.start.value);
    state = { parameters, iteration: 0, costs: [], diverged: false };
    log.replaceChildren();
    remember();
    draw();
  }

  function iterate(times) {
    for (let i = 0; i < times && !state.diverged; i++) {
      const computed = activations(X);
      const J = lecture.cost(computed, Y);
      if (!(J <= 10 * Math.max(Math.log(2), state.costs[0] ?? J))) {
        state.diverged = true;
        break;
      }
      if (state.iteration % LOG_EVERY === 0) addToLog(state.iteration, J);
      state.costs.push(J);
      const gradients = lecture.backward(state.parameters, X, Y, computed, g1());
      state.parameters = lecture.update(state.parameters, gradients, alpha());
      state.iteration += 1;
      if (state.iteration >= MOST_ITERATIONS) pause();
    }
    if (state.diverged) pause();
    draw();
  }

  function frame() {
    if (!playing) return;
    iterate(Number(controls.speed.value));
    requestAnimationFrame(frame);
  }

  function pause() {
    playing = false;
    controls.play.textContent = "Play";
  }

  function play() {
    if (playing) return pause();
    playing = true;
    controls.play.textContent = "Pause";
    requestAnimationFrame(frame);
  }

  // --- the pictures ---

  const style = (name) => getComputedStyle(document.body).getPropertyValue(name).trim();
  const rgb = (colour) => {
    const [r, g, b] = /^#(..)(..)(..)/.exec(colour).slice(1).map((c) => parseInt(c, 16));
    return [r, g, b];
  };

  // A colour of the page as #rrggbb, whatever way the stylesheet writes it.
  function asHex(colour) {
    boundary.fillStyle = colour;
    return boundary.fillStyle;
  }

  function palette() {
    const paper = asHex(style("--color-background-primary"));
    const ink = asHex(style("--color-foreground-primary"));
    const faint = asHex(style("--color-background-border"));
    const dark = rgb(paper)[0] < 128;
    // Okabe and Ito's, as in gdnet.plots.
    const classes = dark ? ["#56B4E9", "#E69F00"] : ["#0072B2", "#D55E00"];
    return { paper, ink, faint, classes };
  }

  const centres = Array.from({ length: CELLS }, (_, i) => ((i + 0.5) / CELLS) * 2 * EXTENT - EXTENT);
  const grid = lecture.matrix([
    centres.flatMap(() => centres),
    [...centres].reverse().flatMap((y) => centres.map(() => y)),
  ]);
  const cells = Object.assign(document.createElement("canvas"), { width: CELLS, height: CELLS });
  const place = (x, y, size) => [((x + EXTENT) / (2 * EXTENT)) * size, ((EXTENT - y) / (2 * EXTENT)) * size];

  function drawBoundary(colours) {
    const size = boundary.canvas.width;
    const { A2 } = activations(grid);
    const image = new ImageData(CELLS, CELLS);
    const [paper, ...classes] = [colours.paper, ...colours.classes].map(rgb);
    A2.data.forEach((a, i) => {
      const shade = 0.1 + 0.3 * Math.abs(2 * a - 1);
      const colour = classes[a > 0.5 ? 1 : 0];
      for (let c = 0; c < 3; c++) image.data[4 * i + c] = paper[c] + shade * (colour[c] - paper[c]);
      image.data[4 * i + 3] = 255;
    });
    cells.getContext("2d").putImageData(image, 0, 0);
    boundary.imageSmoothingEnabled = true;
    boundary.drawImage(cells, 0, 0, size, size);
    if (controls.units.checked) drawUnits(colours, size);
    for (let i = 0; i < m; i++) drawExample(i, colours, size);
  }

  function drawExample(i, colours, size) {
    const [x, y] = place(X.data[i], X.data[m + i], size);
    const label = Y.data[i];
    boundary.beginPath();
    if (label) {
      boundary.moveTo(x, y - 6);
      boundary.lineTo(x + 5.5, y + 4.5);
      boundary.lineTo(x - 5.5, y + 4.5);
      boundary.closePath();
    } else boundary.arc(x, y, 5, 0, 2 * Math.PI);
    boundary.fillStyle = colours.classes[label];
    boundary.strokeStyle = colours.paper;
    boundary.lineWidth = 1;
    boundary.fill();
    boundary.stroke();
  }

  // Where the pre-activation of a hidden unit is 0: w1 x + w2 y + b = 0.
  function drawUnits(colours, size) {
    const { W1, b1 } = state.parameters;
    boundary.strokeStyle = colours.ink;
    boundary.lineWidth = 1.5;
    boundary.setLineDash([6, 5]);
    for (let j = 0; j < W1.rows; j++) {
      const [w1, w2, b] = [W1.data[2 * j], W1.data[2 * j + 1], b1.data[j]];
      const norm = Math.hypot(w1, w2);
      if (!norm) continue;
      const [px, py] = [(-b * w1) / norm ** 2, (-b * w2) / norm ** 2];
      const [dx, dy] = [(-w2 / norm) * 4 * EXTENT, (w1 / norm) * 4 * EXTENT];
      boundary.beginPath();
      boundary.moveTo(...place(px - dx, py - dy, size));
      boundary.lineTo(...place(px + dx, py + dy, size));
      boundary.stroke();
    }
    boundary.setLineDash([]);
  }

  function drawCurve(colours) {
    const { width, height } = curve.canvas;
    const [left, right, top, bottom] = [64, 16, 14, 44];
    const costs = state.costs;
    const last = Math.max(costs.length, 100);
    const highest = Math.max(0.7, costs.reduce((a, b) => Math.max(a, b), 0)) * 1.03;
    const across = (i) => left + (i / last) * (width - left - right);
    const up = (J) => height - bottom - (J / highest) * (height - top - bottom);
    curve.fillStyle = colours.paper;
    curve.fillRect(0, 0, width, height);
    curve.font = "19px sans-serif";
    curve.strokeStyle = colours.faint;
    curve.fillStyle = colours.ink;
    curve.lineWidth = 1;
    curve.textAlign = "right";
    const tick = highest > 1.5 ? Math.ceil(highest / 5) : 0.2;
    for (let J = 0; J < highest; J += tick) {
      curve.beginPath();
      curve.moveTo(left, up(J));
      curve.lineTo(width - right, up(J));
      curve.stroke();
      curve.fillText(J.toFixed(tick < 1 ? 1 : 0), left - 8, up(J) + 6);
    }
    curve.textAlign = "left";
    curve.fillText("0", left, height - bottom + 24);
    curve.textAlign = "right";
    curve.fillText(last.toLocaleString("en"), width - right, height - bottom + 24);
    curve.textAlign = "center";
    curve.fillText("iteration", (left + width - right) / 2, height - bottom + 24);
    curve.save();
    curve.translate(16, (height - bottom + top) / 2);
    curve.rotate(-Math.PI / 2);
    curve.fillText("cost J", 0, 0);
    curve.restore();
    curve.strokeStyle = colours.classes[0];
    curve.lineWidth = 3;
    curve.lineJoin = "round";
    curve.beginPath();
    const stride = Math.max(1, Math.floor(costs.length / width));
    for (let i = 0; i < costs.length; i += stride) curve.lineTo(across(i), up(costs[i]));
    if (costs.length) curve.lineTo(across(costs.length - 1), up(costs.at(-1)));
    curve.stroke();
  }

  // --- the numbers ---

  function show(fact, text, value) {
    const element = lab.querySelector(`[data-fact="${fact}"]`);
    element.textContent = text;
    element.dataset.value = value;
  }

  function addToLog(iteration, J) {
    const row = log.insertRow();
    row.insertCell().textContent = iteration.toLocaleString("en");
    const cell = row.insertCell();
    cell.textContent = J.toFixed(6);
    row.dataset.iteration = iteration;
    cell.dataset.value = J;
  }

  function draw() {
    const computed = activations(X);
    const J = lecture.cost(computed, Y);
    let right = 0;
    computed.A2.data.forEach((a, i) => (right += (a > 0.5) === (Y.data[i] === 1)));
    show("iteration", state.iteration.toLocaleString("en"), state.iteration);
    show("cost", state.diverged ? "diverged" : J.toFixed(6), J);
    show("accuracy", `${((100 * right) / m).toFixed(1)} %`, right / m);
    const colours = palette();
    drawBoundary(colours);
    drawCurve(colours);
  }

  // --- settings in the address, so that a state can be linked to ---

  function recall() {
    const given = new URLSearchParams(location.hash.slice(1));
    for (const [name, value] of Object.entries(settings)) {
      controls[name].value = given.get(name) ?? value;
      if (!controls[name].value) controls[name].value = value;
    }
    reset();
    iterate(Math.min(Number(given.get("iterations")) || 0, MOST_ITERATIONS));
  }

  function remember() {
    const changed = Object.keys(settings).filter((name) => controls[name].value !== settings[name]);
    const hash = changed.map((name) => `${name}=${encodeURIComponent(controls[name].value)}`).join("&");
    history.replaceState(null, "", hash ? `#${hash}` : location.pathname + location.search);
  }

  controls.play.addEventListener("click", play);
  controls.step.addEventListener("click", () => {
    pause();
    iterate(1);
  });
  controls.reset.addEventListener("click", reset);
  controls.units.addEventListener("change", draw);
  for (const name of ["hidden", "activation", "start"]) controls[name].addEventListener("change", reset);
  controls.rate.addEventListener("change", () => {
    if (!(alpha() > 0)) controls.rate.value = settings.rate;
    remember();
  });
  lab.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
  addEventListener("hashchange", recall);
  new MutationObserver(draw).observe(document.body, { attributeFilter: ["data-theme"] });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);

  recall();
});
