// SPDX-License-Identifier: Apache-2.0
// A board beyond what the server sends: the slider through the last days, a picture as PNG, the wall's next board.
// Without it a moment is chosen in the field, the picture is SVG, and a wall shows one board.

const WAIT_MS = 180;
const DRAWN_AT = 2;
const ALONE_RELOADS_S = 900;

/** Show the tiles as known at a moment of the slider, the newest answer wins; focus and scrolling stay. */
function startSlider(form) {
  const slider = form.querySelector("[data-moment-slider]");
  const field = form.querySelector("input[name=at]");
  const says = form.querySelector("[data-moment-says]");
  const last = Date.parse(`${slider.dataset.last}Z`);
  const length = Number(slider.max);
  const place = (text) => Math.min(length, Math.max(0, length - (last - Date.parse(`${text}Z`)) / 1000));
  slider.hidden = false;
  slider.value = place(field.value);
  let waiting = null;
  let asked = 0;

  async function show() {
    const mine = ++asked;
    const query = `?at=${encodeURIComponent(field.value)}`;
    let answer;
    try {
      answer = await fetch(form.dataset.moments + query);
    } catch {
      if (mine === asked) says.textContent = form.dataset.failed;
      return;
    }
    if (mine !== asked) return;
    if (!answer.ok) {
      // What is shown stays; why there is nothing else, the answer says in a sentence.
      const told = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (mine === asked) says.textContent = told.querySelector("[data-problem]")?.textContent.trim() || form.dataset.failed;
      return;
    }
    const deck = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("deck");
    document.dispatchEvent(new Event("live:stop"));
    document.getElementById("deck").replaceWith(deck);
    history.replaceState(null, "", query);
    says.textContent = field.value.replace("T", " ");
  }
  slider.addEventListener("input", () => {
    field.value = new Date(last - (length - Number(slider.value)) * 1000).toISOString().slice(0, 19);
    clearTimeout(waiting);
    waiting = setTimeout(show, WAIT_MS);
  });
  field.addEventListener("change", () => { slider.value = place(field.value); });
}

/** Draw the server's SVG onto a canvas and hand it over as PNG. */
async function savePng(button) {
  const answer = await fetch(button.dataset.png);
  if (!answer.ok) return;
  const address = URL.createObjectURL(new Blob([await answer.text()], { type: "image/svg+xml" }));
  const image = new Image();
  image.src = address;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = image.naturalWidth * DRAWN_AT;
  canvas.height = image.naturalHeight * DRAWN_AT;
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  URL.revokeObjectURL(address);
  const blob = await new Promise((done) => { canvas.toBlob(done, "image/png"); });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = button.dataset.name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** Go on to the next board, only once it answers: a wall never shows a browser's own page of an error. */
function startRotation(node) {
  const next = node.dataset.rotate || location.href;
  const after = node.dataset.rotate ? Number(node.dataset.after) : ALONE_RELOADS_S;
  const go = async () => {
    try {
      if ((await fetch(next)).ok) {
        location.replace(next);
        return;
      }
    } catch {
      // The server is away; this board stays and is asked for again.
    }
    setTimeout(go, 5_000);
  };
  setTimeout(go, after * 1000);
}

const form = document.querySelector("[data-moments]");
if (form) startSlider(form);
for (const button of document.querySelectorAll("[data-png]")) {
  button.hidden = false;
  button.addEventListener("click", () => savePng(button));
}
const rotation = document.querySelector("[data-rotate]");
if (rotation) startRotation(rotation);
