// SPDX-License-Identifier: Apache-2.0
// One form being filled in: ODK's engine computes what is relevant, valid and calculated; here it is begun, kept and finished.
import { hash } from "../offline/photos.js";

const FILE = "xml_submission_file";

/** Return {instance, engine} of a form. before: {xml, files: [{name, bytes, type}]} of a draft; prefill: path → value of a task. */
export async function openForm(xform, { before = null, prefill = null, deviceId = "", username = "", changed }) {
  const { loadForm } = await import("@getodk/xforms-engine");
  const loaded = await loadForm(prefill ? prefilled(xform, prefill) : xform, { missingResourceBehavior: "BLANK", fetchFormAttachment: async () => new Response(null, { status: 404 }) });
  if (loaded.status === "failure") throw loaded.error;
  const config = {
    stateFactory: (state) => new Proxy(state, { set: (target, name, value) => { target[name] = value; changed(); return true; } }),
    instanceAttachments: { fileNameFactory: ({ nodeId, extension }) => `${nodeId.replace(/\W/g, "-")}-${crypto.randomUUID()}${extension ?? ""}` },
    preloadProperties: { deviceID: deviceId, username },
  };
  if (!before) return loaded.createInstance(config);
  const data = new FormData();
  data.append(FILE, new File([before.xml], FILE, { type: "text/xml" }), FILE);
  for (const { name, bytes, type } of before.files) data.append(name, new File([bytes], name, { type }), name);
  return loaded.restoreInstance({ data: [data] }, config);
}

/** Return the form with a task's values standing in its first instance. What the form does not know is left out. */
function prefilled(xform, prefill) {
  const parsed = new DOMParser().parseFromString(xform, "text/xml");
  const root = parsed.querySelector("model > instance")?.firstElementChild;
  for (const [path, value] of Object.entries(prefill)) {
    let node = root;
    for (const step of path.split("/")) node = node && [...node.children].find((child) => child.localName === step);
    if (node && !node.children.length) node.textContent = value;
  }
  return new XMLSerializer().serializeToString(parsed);
}

/** Yield every node below one. */
export function* below(node) {
  for (const child of node.currentState.children ?? []) {
    yield child;
    yield* below(child);
  }
}

/** Return what a draft keeps: {xml, files: [{name, file}]}. */
export function snapshot(root) {
  const files = [...below(root)].filter((node) => node.nodeType === "upload" && node.currentState.value)
    .map((node) => ({ name: node.currentState.instanceValue, file: node.currentState.value }));
  return { xml: root.instanceState.instanceXML, files };
}

/** Return what is sent, when nothing is wrong: {xml, instance, files: [{name, bytes, type, sha256}]}; else {violations}. */
export async function finished(root) {
  const payload = await root.prepareInstancePayload({ payloadType: "monolithic" });
  if (payload.violations?.length) return { violations: payload.violations };
  const xml = await payload.data[0].get(FILE).text();
  // The engine's own list leaves out photos of a draft taken up again: it takes them for ones the server has.
  const named = snapshot(root).files.filter(({ name }) => xml.includes(name));
  const files = [];
  for (const { name, file } of named) {
    const bytes = await file.arrayBuffer();
    files.push({ name, bytes, type: file.type, sha256: await hash(bytes) });
  }
  return { xml, instance: new DOMParser().parseFromString(xml, "text/xml").querySelector("instanceID")?.textContent.trim(), files };
}
