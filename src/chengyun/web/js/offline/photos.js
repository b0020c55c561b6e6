// SPDX-License-Identifier: Apache-2.0
// Photos as evidence: made small enough for days without a network, with the camera's own notes (Exif) kept, and named by hash.

const LONGEST = 2048; // pixels of the longer side: a number plate stays legible, a photo is about half a megabyte
const PLAIN = 600_000; // bytes: smaller ones stay as they are

/** Return {bytes, type, sha256} of a picture somebody took or chose. */
export async function takePhoto(file, longest = LONGEST) {
  const { bytes, type } = await smaller(file, longest);
  return { bytes, type, sha256: await hash(bytes) };
}

export async function hash(bytes) {
  const digest = await crypto.subtle.digest("SHA-256", bytes);
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function smaller(file, longest) {
  const asTaken = await file.arrayBuffer();
  if (file.size <= PLAIN || !file.type.startsWith("image/")) return { bytes: asTaken, type: file.type };
  let picture;
  try {
    picture = await createImageBitmap(file);
  } catch {
    return { bytes: asTaken, type: file.type }; // a kind this browser cannot draw goes as it is
  }
  const scale = Math.min(1, longest / Math.max(picture.width, picture.height));
  const canvas = new OffscreenCanvas(Math.round(picture.width * scale), Math.round(picture.height * scale));
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  picture.close();
  const drawn = await (await canvas.convertToBlob({ type: "image/jpeg", quality: 0.85 })).arrayBuffer();
  const bytes = withExif(drawn, exifOf(asTaken));
  return bytes.byteLength < asTaken.byteLength ? { bytes, type: "image/jpeg" } : { bytes: asTaken, type: file.type };
}

/** Return a JPEG's Exif segment with its turn set to upright, since a drawn picture is; null without one. */
function exifOf(buffer) {
  const view = new DataView(buffer);
  if (view.byteLength < 4 || view.getUint16(0) !== 0xffd8) return null;
  for (let at = 2; at + 10 < view.byteLength && view.getUint8(at) === 0xff; ) {
    const mark = view.getUint8(at + 1);
    const length = view.getUint16(at + 2) + 2;
    if (mark === 0xe1 && view.getUint32(at + 4) === 0x45786966) return upright(buffer.slice(at, at + length));
    if (mark === 0xda) return null;
    at += length;
  }
  return null;
}

function upright(segment) {
  const view = new DataView(segment);
  const tiff = 10;
  const little = view.getUint16(tiff) === 0x4949;
  const first = tiff + view.getUint32(tiff + 4, little);
  if (first + 2 > view.byteLength) return null;
  for (let entry = 0; entry < view.getUint16(first, little); entry++) {
    const at = first + 2 + entry * 12;
    if (at + 12 > view.byteLength) return null;
    if (view.getUint16(at, little) === 0x0112) view.setUint16(at + 8, 1, little);
  }
  return segment;
}

function withExif(jpeg, exif) {
  if (!exif) return jpeg;
  const joined = new Uint8Array(jpeg.byteLength + exif.byteLength);
  joined.set(new Uint8Array(jpeg, 0, 2));
  joined.set(new Uint8Array(exif), 2);
  joined.set(new Uint8Array(jpeg, 2), 2 + exif.byteLength);
  return joined.buffer;
}
