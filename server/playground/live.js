"use strict";
// The video tab: frames of a webcam or a file over one WebSocket. An answer asks for the next frame,
// so there is always one on its way and none in a queue.

const live = { socket: null, camera: null, sent: null, times: [] };
const RATE_FRAMES = 10; // the first ones of a size are slow, and must not count for ever

function liveUrl() {
  const url = new URL(`v1/streams/ws?inline=true&render=color&latest=true${modelQuery()}`, location.href);
  url.protocol = url.protocol.replace("http", "ws");
  return url;
}

// A page cannot set a WebSocket's headers: the key travels as a subprotocol, in base64url.
function liveProtocols() {
  if (!apiKey()) return ["anyres"];
  const bytes = String.fromCharCode(...new TextEncoder().encode(apiKey()));
  const coded = btoa(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  return ["anyres", `anyres.key.${coded}`];
}

async function startLive(prepare) {
  stopLive();
  showError("");
  const video = $("video");
  try {
    await prepare(video);
    await video.play();
  } catch (error) {
    return showError(`No video: ${error.message}. Browsers allow webcams on https and localhost only.`);
  }
  $("live-stop").disabled = false;
  const socket = new WebSocket(liveUrl(), liveProtocols());
  socket.binaryType = "arraybuffer";
  let opened = false;
  live.socket = socket;
  live.times = [];
  socket.onmessage = ({ data }) => socket === live.socket && answered(JSON.parse(data));
  socket.onclose = () => {
    if (socket !== live.socket) return; // stopped by hand, or another video took its place
    stopLive();
    if (!opened) showError("The server did not take the connection: is its model loaded, and is the key right?");
    else if ($("error").hidden) showError("The connection has ended: start the video again.");
  };
  socket.onopen = () => { opened = true; };
}

function stopLive() {
  const { socket, camera } = live;
  live.socket = live.camera = null;
  socket?.close();
  camera?.getTracks().forEach((track) => track.stop());
  const video = $("video");
  video.pause();
  video.srcObject = null;
  if (video.src) URL.revokeObjectURL(video.src);
  video.removeAttribute("src");
  $("live-stop").disabled = true;
}

async function sendFrame() {
  const socket = live.socket, video = $("video");
  if (!socket) return;
  const canvas = Object.assign(document.createElement("canvas"), { width: video.videoWidth, height: video.videoHeight });
  canvas.getContext("2d").drawImage(video, 0, 0);
  const blob = await toBlob(canvas, "image/jpeg", 0.92);
  if (socket !== live.socket) return;
  live.sent = { blob, at: performance.now() };
  socket.send(blob);
}

async function answered(message) {
  if (message.type === "hello") live.times.push(performance.now());
  if (message.type === "error") {
    showError(message.error.message);
    if (message.error.code === "stream_gone") return;
    await new Promise((resolve) => setTimeout(resolve, 1000 * (message.retry_after_s ?? 1)));
  }
  if (message.type === "frame") {
    showError("");
    await show(message.answer, live.sent.blob, parseTiming(message.server_timing), performance.now() - live.sent.at);
    live.times = [...live.times, performance.now()].slice(-RATE_FRAMES);
    const rate = ((live.times.length - 1) * 1000) / (live.times.at(-1) - live.times[0]);
    const { frame, restarted } = message.stream;
    $("live-note").textContent = `Frame ${frame}, ${round(rate)} per second` +
      (restarted ? `; flow starts again (${restarted.replaceAll("_", " ")})` : "");
  }
  await sendFrame();
}

$("webcam").addEventListener("click", () => startLive(async (video) => {
  live.camera = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 640 } } });
  video.srcObject = live.camera;
}));
$("video-file").addEventListener("click", () => $("video-input").click());
$("video-input").addEventListener("change", (event) => {
  const [file] = event.target.files;
  event.target.value = "";
  if (file) startLive(async (video) => { video.src = URL.createObjectURL(file); });
});
$("live-stop").addEventListener("click", stopLive);
