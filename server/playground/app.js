"use strict";
// One page, no library: sends one or two images to /v1/predict and draws what comes back.

const $ = (id) => document.getElementById(id);
const images = { image: null, next: null }; // Blobs, as the server gets them
const shown = { picture: null, labels: null, classes: [], only: null }; // what the cards show
const STAGES = ["decode", "queue", "infer", "encode", "network"];
const MAX_CANVAS_PX = 1280; // canvases are for looking; the maps stay at full size

let running = null; // AbortController of the request on its way

// --- input ---------------------------------------------------------------------------------

function setImage(slot, blob, name) {
  images[slot] = blob;
  const drop = $(`drop-${slot}`);
  drop.classList.toggle("full", blob !== null);
  const hint = drop.querySelector(".drop-hint");
  hint.dataset.empty ??= hint.textContent;
  hint.textContent = blob ? `${name} · ${(blob.size / 1024).toFixed(0)} KiB` : hint.dataset.empty;
  $("run").disabled = images.image === null;
}

function takeFiles(slot, files) {
  const pictures = [...files].filter((file) => file.type.startsWith("image/"));
  if (pictures.length === 0) return showError("That is no image: drop a JPEG, PNG or WebP file.");
  setImage(slot, pictures[0], pictures[0].name);
  // Two files dropped on the first field are a pair.
  if (slot === "image") setImage("next", pictures[1] ?? null, pictures[1]?.name);
  predict();
}

for (const slot of ["image", "next"]) {
  const drop = $(`drop-${slot}`);
  $(`file-${slot}`).addEventListener("change", (event) => {
    if (event.target.files.length) takeFiles(slot, event.target.files);
    event.target.value = ""; // the same file may be picked again
  });
  drop.addEventListener("dragover", (event) => { event.preventDefault(); drop.classList.add("over"); });
  drop.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    takeFiles(slot, event.dataTransfer.files);
  });
}
document.addEventListener("paste", (event) => {
  if (event.clipboardData.files.length) takeFiles(images.image ? "next" : "image", event.clipboardData.files);
});
// A file that misses the fields must not replace the page.
for (const kind of ["dragover", "drop"]) window.addEventListener(kind, (event) => event.preventDefault());

function toBlob(canvas, type, quality) {
  return new Promise((resolve) => canvas.toBlob(resolve, type, quality));
}

// A street of rectangles, `shift` pixels further along: something to send without having a photo.
async function drawExample(shift) {
  const canvas = Object.assign(document.createElement("canvas"), { width: 720, height: 405 });
  const pen = canvas.getContext("2d");
  const box = (colour, x, y, w, h) => { pen.fillStyle = colour; pen.fillRect(x, y, w, h); };
  const sky = pen.createLinearGradient(0, 0, 0, 220);
  sky.addColorStop(0, "#8fb8e8");
  sky.addColorStop(1, "#e6eef6");
  box(sky, 0, 0, 720, 220);
  [["#8d7766", 0, 70, 150], ["#a08c7c", 150, 105, 120], ["#77685c", 470, 95, 110], ["#93806f", 580, 50, 140]]
    .forEach(([colour, x, y, w]) => {
      box(colour, x, y, w, 220 - y);
      for (let wx = x + 14; wx < x + w - 20; wx += 30)
        for (let wy = y + 14; wy < 195; wy += 34) box("#4a5560", wx, wy, 14, 18);
    });
  box("#3f6b35", 270, 120, 90, 100);
  box("#b9b2a8", 0, 220, 720, 185);
  pen.fillStyle = "#55585d";
  pen.beginPath(); pen.moveTo(250, 220); pen.lineTo(470, 220); pen.lineTo(720, 405); pen.lineTo(0, 405); pen.fill();
  for (let y = 235; y < 405; y += 34) box("#e8e6df", 356 - (y - 220) / 40, y, 6 + (y - 220) / 22, 16);
  const car = 120 + shift;
  box("#b3261e", car, 268, 150, 42);
  box("#8c1d17", car + 28, 240, 88, 30);
  box("#22262b", car + 18, 302, 30, 24);
  box("#22262b", car + 104, 302, 30, 24);
  box("#5c5c5c", 540, 110, 7, 150);
  box("#2b4d9b", 590 - shift / 2, 250, 22, 62);
  box("#d8b08c", 593 - shift / 2, 234, 16, 17);
  return toBlob(canvas, "image/png");
}

async function example() {
  setImage("image", await drawExample(0), "drawn street");
  setImage("next", await drawExample(9), "drawn street, car 9 px further");
  await predict();
}

// --- request -------------------------------------------------------------------------------

async function predict() {
  if (!images.image) return false;
  running?.abort();
  running = new AbortController();
  const { signal } = running;
  showError("");
  $("status").textContent = "Predicting …";
  const form = new FormData();
  form.append("image", images.image);
  if (images.next) form.append("next_image", images.next);
  const started = performance.now();
  try {
    const response = await fetch(`v1/predict?inline=true&render=color${modelQuery()}`, {
      method: "POST", body: form, signal, headers: { Accept: "application/json", ...keyHeaders() },
    });
    if (response.status === 401) askForKey();
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.error?.message ?? response.statusText);
    const total = performance.now() - started;
    await show(answer, images.image, parseTiming(response.headers.get("Server-Timing")), total);
    return true;
  } catch (error) {
    if (error.name === "AbortError") return false; // a newer request took its place
    $("status").textContent = "";
    showError(error instanceof TypeError ? "The server does not answer: is it running?" : error.message);
    return false;
  }
}

// The key stays in this tab of the browser and goes to this server alone.
const apiKey = () => $("key").value || sessionStorage.getItem("anyres-key") || "";
const keyHeaders = () => (apiKey() ? { Authorization: `Bearer ${apiKey()}` } : {});

function askForKey() {
  $("key-row").hidden = false;
  $("key").focus();
}

function parseTiming(header) {
  const timing = {};
  for (const [, name, ms] of (header ?? "").matchAll(/(\w+);dur=([\d.]+)/g)) timing[name] = Number(ms);
  return timing;
}

function showError(message) {
  $("error").hidden = message === "";
  $("error").textContent = message;
}

// --- result --------------------------------------------------------------------------------

async function show(answer, image, timing, total) {
  const [height, width] = answer.image.size;
  $("status").textContent = `${height}×${width} pixels (height × width), answered in ${total.toFixed(0)} ms`;
  $("note-image").textContent = `${answer.image.format} ${height}×${width}`;
  shown.picture = await createImageBitmap(image);
  paint("image", shown.picture, true);
  for (const task of ["segmentation", "depth", "flow"]) {
    const png = answer.png?.[task];
    const bitmap = png ? await createImageBitmap(await (await fetchPng(png)).blob()) : null;
    if (task === "segmentation") showClasses(bitmap, answer.segmentation?.classes ?? []);
    else paint(task, bitmap, true);
  }
  const { depth, flow } = answer;
  const unit = depth?.unit ? ` ${depth.unit}` : "";
  $("note-depth").textContent = depth?.least == null ? "" :
    `${depth.convention.replaceAll("_", " ")} ${round(depth.least)} to ${round(depth.greatest)}${unit}`;
  $("note-flow").textContent = !flow ? "needs a next image" : flow.mean_length == null ? "nothing known" :
    `mean ${round(flow.mean_length)} px, at most ${round(flow.greatest_length)} px` +
    (flow.median_uncertainty == null ? "" : `; expected error ${round(flow.median_uncertainty)} px`);
  showTimings({ ...timing, network: Math.max(0, total - STAGES.reduce((sum, s) => sum + (timing[s] ?? 0), 0)) });
}

// fetch() of a data: URL would need connect-src; the bytes are here already.
async function fetchPng(base64) {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  return new Response(bytes, { headers: { "Content-Type": "image/png" } });
}

const round = (number) => Number(number.toPrecision(3)).toString();

function paint(task, bitmap, smooth) {
  const canvas = $(`canvas-${task}`);
  const scale = bitmap ? Math.min(1, MAX_CANVAS_PX / Math.max(bitmap.width, bitmap.height)) : 1;
  canvas.width = bitmap ? Math.max(1, Math.round(bitmap.width * scale)) : 0;
  canvas.height = bitmap ? Math.max(1, Math.round(bitmap.height * scale)) : 0;
  if (!bitmap) return null;
  const pen = canvas.getContext("2d", { willReadFrequently: !smooth });
  pen.imageSmoothingEnabled = smooth;
  pen.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return pen;
}

function showClasses(bitmap, classes) {
  shown.classes = classes;
  shown.only = null;
  // Colours stand for classes here: never smooth them.
  const pen = paint("segmentation", bitmap, false);
  shown.labels = pen ? pen.getImageData(0, 0, pen.canvas.width, pen.canvas.height) : null;
  drawSegmentation();
  $("legend").replaceChildren(...classes.map((one) => {
    const item = document.createElement("li");
    const button = document.createElement("button");
    const swatch = document.createElement("i");
    const share = document.createElement("b");
    button.type = "button";
    button.title = "Show this class alone";
    button.setAttribute("aria-pressed", "false");
    swatch.style.background = `rgb(${one.colour})`;
    share.textContent = one.area >= 0.001 ? `${(one.area * 100).toFixed(1)} %` : "< 0.1 %";
    button.append(swatch, one.name, share);
    button.addEventListener("click", () => {
      shown.only = shown.only === one.label ? null : one.label;
      $("legend").querySelectorAll("button").forEach((other) =>
        other.setAttribute("aria-pressed", String(other === button && shown.only !== null)));
      drawSegmentation();
    });
    item.append(button);
    return item;
  }));
}

function drawSegmentation() {
  if (!shown.labels) return;
  const canvas = $("canvas-segmentation");
  const pen = canvas.getContext("2d");
  pen.drawImage(shown.picture, 0, 0, canvas.width, canvas.height);
  const mixed = pen.getImageData(0, 0, canvas.width, canvas.height);
  const only = shown.classes.find((one) => one.label === shown.only)?.colour;
  const opacity = $("opacity").value / 100;
  const colours = shown.labels.data;
  for (let at = 0; at < colours.length; at += 4) {
    const other = only && (colours[at] !== only[0] || colours[at + 1] !== only[1] || colours[at + 2] !== only[2]);
    for (let c = at; c < at + 3; c++)
      mixed.data[c] = other ? mixed.data[c] * 0.35 : mixed.data[c] * (1 - opacity) + colours[c] * opacity;
  }
  pen.putImageData(mixed, 0, 0);
}

function probe(event) {
  const box = event.target.getBoundingClientRect();
  if (!shown.labels) return;
  // object-fit: contain leaves bars beside tall images.
  const { width, height, data } = shown.labels;
  const scale = Math.min(box.width / width, box.height / height);
  const x = Math.floor((event.clientX - box.left - (box.width - width * scale) / 2) / scale);
  const y = Math.floor((event.clientY - box.top - (box.height - height * scale) / 2) / scale);
  const at = (y * width + x) * 4;
  const inside = x >= 0 && y >= 0 && x < width && y < height;
  const found = inside && shown.classes.find(({ colour }) => colour.every((c, i) => c === data[at + i]));
  $("probe").hidden = !found;
  if (found) $("probe").textContent = found.name;
}

function showTimings(timing) {
  const total = STAGES.reduce((sum, stage) => sum + (timing[stage] ?? 0), 0) || 1;
  $("bar").replaceChildren(...STAGES.map((stage) => {
    const part = document.createElement("i");
    part.style.background = `var(--${stage})`;
    part.style.width = `${((timing[stage] ?? 0) / total) * 100}%`;
    return part;
  }));
  const rows = STAGES.map((stage) => {
    const row = document.createElement("tr");
    const [name, value] = [row.insertCell(), row.insertCell()];
    const key = document.createElement("i");
    key.style.background = `var(--${stage})`;
    name.append(key, stage === "network" ? "network and page" : stage);
    value.textContent = `${(timing[stage] ?? 0).toFixed(1)} ms`;
    return row;
  });
  $("timings").tBodies[0].replaceChildren(...rows);
}

// The colour wheel of the Middlebury flow benchmark (Baker et al. 2011), as the server draws it.
function drawWheel() {
  const steps = [[15, [255, 0, 0]], [6, [255, 255, 0]], [4, [0, 255, 0]], [11, [0, 255, 255]], [13, [0, 0, 255]], [6, [255, 0, 255]]];
  const wheel = steps.flatMap(([count, from], i) => {
    const to = steps[(i + 1) % steps.length][1];
    return Array.from({ length: count }, (_, k) => from.map((c, j) => c + ((to[j] - c) * k) / count));
  });
  const canvas = $("wheel"), pen = canvas.getContext("2d"), half = canvas.width / 2;
  const picture = pen.createImageData(canvas.width, canvas.width);
  for (let y = 0; y < canvas.width; y++) for (let x = 0; x < canvas.width; x++) {
    const [u, v] = [(x + 0.5 - half) / half, (y + 0.5 - half) / half];
    const length = Math.hypot(u, v);
    if (length > 1) continue;
    const turn = ((Math.atan2(v, u) / (2 * Math.PI)) % 1 + 1) % 1;
    const colour = wheel[Math.floor(turn * wheel.length) % wheel.length];
    colour.forEach((c, j) => { picture.data[(y * canvas.width + x) * 4 + j] = 255 - length * (255 - c); });
    picture.data[(y * canvas.width + x) * 4 + 3] = 255;
  }
  pen.putImageData(picture, 0, 0);
}

// --- page ----------------------------------------------------------------------------------

async function showModel() {
  try {
    const response = await fetch("v1/models", { headers: keyHeaders() });
    if (response.status === 401) {
      askForKey();
      $("model").textContent = "This server needs a key";
      return;
    }
    const { models } = await response.json();
    if (models.length === 0) {
      $("model").textContent = "The model is loading …";
      return void setTimeout(showModel, 1000);
    }
    const choice = $("model-choice");
    const wished = choice.value;
    choice.replaceChildren(...models.map(({ name, version, default: own }) => {
      const spec = `${name}@${version}`;
      return new Option(spec, spec, own, own);
    }));
    if (models.some(({ name, version }) => `${name}@${version}` === wished)) choice.value = wished;
    choice.hidden = models.length === 1;
    const { name, version, engine, max_mpx } = models[choice.selectedIndex];
    const who = choice.hidden ? `${name} ${version} ` : "";
    $("model").textContent = `${who}on ${engine.name} (${engine.precisions.frame}), up to ${round(max_mpx)} Mpx`;
    $("model").title = engine.reason;
  } catch {
    $("model").textContent = "The server does not answer";
  }
}

// A server with one model is not told its name: it may be replaced by another version meanwhile.
const modelQuery = () => ($("model-choice").hidden ? "" : `&model=${encodeURIComponent($("model-choice").value)}`);

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  $("theme").textContent = theme === "dark" ? "Light" : "Dark";
  $("theme").setAttribute("aria-pressed", String(theme === "dark"));
}

$("run").addEventListener("click", predict);
$("example").addEventListener("click", example);
$("key").addEventListener("change", () => {
  sessionStorage.setItem("anyres-key", $("key").value);
  showModel();
});
$("model-choice").addEventListener("change", () => {
  stopLive(); // its stream is of the other model
  showModel();
});
$("opacity").addEventListener("input", drawSegmentation);
$("canvas-segmentation").addEventListener("pointermove", probe);
$("canvas-segmentation").addEventListener("pointerleave", () => { $("probe").hidden = true; });
$("theme").addEventListener("click", () => setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark"));
$("clear").addEventListener("click", () => location.reload());
for (const tab of ["images", "video"]) $(`tab-${tab}`).addEventListener("click", () => {
  for (const other of ["images", "video"]) {
    $(`tab-${other}`).setAttribute("aria-selected", String(other === tab));
    $(`panel-${other}`).hidden = other !== tab;
  }
  if (tab === "images") stopLive();
});

setTheme(matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
drawWheel();
showModel();
if (location.search === "?example") example();
