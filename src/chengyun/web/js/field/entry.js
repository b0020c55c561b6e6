// SPDX-License-Identifier: Apache-2.0
// What is entered on a phone: fields, photos, a place. Kept as a draft at every change, so that a call or a flat battery costs nothing.
import { settings } from "../offline/app.js";
import { fill, h } from "../offline/dom.js";
import { takePhoto } from "../offline/photos.js";
import { locate, placeControl } from "../offline/place.js";
import { clock, say } from "../offline/words.js";

/** A draft under an id: {values, photos}; values are plain, photos {sha256, type, taken, lon, lat, accuracy_m}. */
export class Entry {
  static async open(app, id, about) {
    const kept = await app.store.read("drafts", id);
    return new Entry(app, id, kept?.secret ?? { ...about, values: {}, photos: [] });
  }

  constructor(app, id, secret) {
    Object.assign(this, { app, id, secret, saved: h("p", { class: "hint form-saved", "aria-live": "polite" }) });
  }

  get values() {
    return this.secret.values;
  }

  get photos() {
    return this.secret.photos;
  }

  async keep(...also) {
    await this.app.store.write({ table: "drafts", id: this.id, plain: { at: Date.now(), photos: this.photos.length }, secret: this.secret }, ...also);
    this.saved.textContent = say("saved_at", { when: clock(Date.now()) });
  }

  set(name, value) {
    this.values[name] = value;
    return this.keep();
  }

  /** Return the photos with their bytes. */
  whole() {
    return Promise.all(this.photos.map(async (photo) => ({ ...photo, bytes: await this.app.store.bytes(`${this.id}/${photo.sha256}`) })));
  }

  /** The changes that end this draft. */
  ended() {
    return [{ table: "drafts", id: this.id, gone: true }, { table: "blobs", id: this.id, gone: true }];
  }

  async drop() {
    await this.app.store.write(...this.ended());
  }

  text(name, label, { rows = 0, hint = "", must = false, type = "text" } = {}) {
    const id = `entry-${name}`;
    const input = rows ? h("textarea", { id, rows, value: this.values[name] ?? "" }) : h("input", { id, type, value: this.values[name] ?? "", autocomplete: "off" });
    input.addEventListener("input", () => this.set(name, input.value));
    if (hint) input.setAttribute("aria-describedby", `${id}-hint`);
    return h("div", { class: "entry question" }, h("label", { for: id }, h("span", { class: "question-label" }, label), " ", must ? h("span", { class: "question-must" }, say("needed")) : null), hint ? h("p", { class: "hint", id: `${id}-hint` }, hint) : null, input);
  }

  place(name, label, must = false) {
    const start = this.values[name];
    const control = placeControl({
      kind: "geopoint", points: start ? [[start.lon, start.lat, 0, start.accuracy_m]] : [], label,
      changed: ([point]) => this.set(name, point ? { lon: point[0], lat: point[1], accuracy_m: point[3] } : null),
      around: async () => {
        const rules = await this.app.store.kept("rules");
        return { outlines: rules?.area.outlines ?? null, bounds: settings.bounds };
      },
    });
    control.element.setAttribute("role", "group");
    control.element.setAttribute("aria-label", label);
    if (!start) this.#findPlace(name, control);
    return h("div", { class: "entry question" }, h("p", { class: "question-label" }, label, " ", must ? h("span", { class: "question-must" }, say("needed")) : null), control.element);
  }

  /** Begin with where the device is; that alone is no reason to keep a draft. */
  async #findPlace(name, control) {
    const { lon, lat, accuracy_m } = await locate().catch(() => ({}));
    if (lon === undefined || this.values[name]) return;
    this.values[name] = { lon, lat, accuracy_m };
    control.set([[lon, lat, 0, accuracy_m]]);
  }

  pictures(label, must = false) {
    const list = h("div", { class: "pictures" });
    const said = h("p", { class: "hint", "aria-live": "polite" });
    const take = async (event) => {
      const files = [...event.target.files];
      event.target.value = "";
      for (const file of files) await this.#add(file, said);
      draw();
    };
    const draw = async () => {
      const shown = [];
      for (const [place, photo] of this.photos.entries()) {
        const bytes = await this.app.store.bytes(`${this.id}/${photo.sha256}`);
        shown.push(picture(bytes, photo.type, say("photo_of", { n: place + 1 }), h("button", { type: "button", class: "button picture-remove", "aria-label": say("remove_photo"), onclick: async () => {
          this.photos.splice(place, 1);
          await this.keep({ table: "blobs", id: `${this.id}/${photo.sha256}`, whole: true, gone: true });
          draw();
        } }, "×")));
      }
      fill(list, shown);
    };
    draw();
    return h("div", { class: "entry question" }, h("p", { class: "question-label" }, label, " ", must ? h("span", { class: "question-must" }, say("needed")) : null), list, said,
      h("div", { class: "actions photo" },
        h("label", { class: "button button-main button-large" }, say("add_photo"), h("input", { type: "file", class: "only-read", accept: "image/*", capture: "environment", onchange: take })),
        h("label", { class: "button button-large" }, say("choose_photo"), h("input", { type: "file", class: "only-read", accept: "image/*", multiple: true, onchange: take }))));
  }

  async #add(file, said) {
    try {
      const { bytes, type, sha256 } = await takePhoto(file);
      if (!["image/jpeg", "image/png", "image/webp"].includes(type)) throw new Error(type);
      if (this.photos.some((photo) => photo.sha256 === sha256)) return;
      const { position } = this.app.duty;
      const at = position ?? (await locate().catch(() => null));
      // When it was taken is when the shutter was pressed; a picture of long ago says so itself.
      this.photos.push({ sha256, type, taken: new Date(file.lastModified || Date.now()).toISOString(), lon: at?.lon ?? null, lat: at?.lat ?? null, accuracy_m: at?.accuracy_m ?? null });
      await this.keep({ table: "blobs", id: `${this.id}/${sha256}`, bytes });
      said.textContent = "";
    } catch (wrong) {
      said.textContent = `${say("photo_broken")} (${wrong.message})`;
    }
  }
}

/** Return a picture of bytes, whose memory is given back once it is drawn. */
export function picture(bytes, type, alt, ...more) {
  const source = bytes ? URL.createObjectURL(new Blob([bytes], { type })) : null;
  return h("figure", { class: "picture" }, source ? h("img", { src: source, alt, onload: () => URL.revokeObjectURL(source) }) : h("p", { class: "hint" }, alt), more);
}
