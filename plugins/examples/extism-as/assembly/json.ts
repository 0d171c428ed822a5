// As much of JSON as it takes to add a member to an object without parsing it.

const QUOTE: u8 = 0x22;
const BACKSLASH: u8 = 0x5c;
const COLON: u8 = 0x3a;
const OPEN: u8 = 0x7b; // {
const CLOSE: u8 = 0x7d; // }
const OPEN_LIST: u8 = 0x5b; // [
const CLOSE_LIST: u8 = 0x5d; // ]

function space(c: u8): bool {
  return c == 0x20 || c == 0x0a || c == 0x0d || c == 0x09;
}

/** Whether the text, which is valid JSON, is an object. */
export function isObject(json: Uint8Array): bool {
  let i = 0;
  while (i < json.length && space(json[i])) i++;
  return i < json.length && json[i] == OPEN;
}

/**
 * Whether an object has a member of this name. A name with an escape can be any
 * name, so it counts as one of them.
 */
export function hasMember(json: Uint8Array, name: Uint8Array): bool {
  let depth = 0;
  for (let i = 0; i < json.length; i++) {
    const c = json[i];
    if (c == OPEN || c == OPEN_LIST) depth++;
    else if (c == CLOSE || c == CLOSE_LIST) depth--;
    else if (c == QUOTE) {
      const end = endOfString(json, i);
      if (depth == 1 && isName(json, end) && same(json.subarray(i + 1, end), name)) return true;
      i = end;
    }
  }
  return false;
}

/** Returns where the string that begins at start has its closing quote. */
function endOfString(json: Uint8Array, start: i32): i32 {
  let i = start + 1;
  while (json[i] != QUOTE) i += json[i] == BACKSLASH ? 2 : 1;
  return i;
}

/** Whether the string that ends there is a member's name and no value. */
function isName(json: Uint8Array, end: i32): bool {
  let i = end + 1;
  while (i < json.length && space(json[i])) i++;
  return i < json.length && json[i] == COLON;
}

function same(a: Uint8Array, name: Uint8Array): bool {
  let equal = a.length == name.length;
  for (let i = 0; i < a.length; i++) {
    if (a[i] == BACKSLASH) return true;
    if (equal && a[i] != name[i]) equal = false;
  }
  return equal;
}

/** Adds a member, given as text, at the end of an object. */
export function withMember(json: Uint8Array, member: Uint8Array): Uint8Array {
  let end = json.length - 1;
  while (json[end] != CLOSE) end--;
  let last = end - 1;
  while (space(json[last])) last--;
  const comma = json[last] == OPEN ? 0 : 1;
  const out = new Uint8Array(end + comma + member.length + 1);
  out.set(json.subarray(0, end));
  if (comma) out[end] = 0x2c;
  out.set(member, end + comma);
  out[out.length - 1] = CLOSE;
  return out;
}

/** Writes a text as a JSON string. */
export function quote(text: string): string {
  let out = '"';
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c == QUOTE || c == BACKSLASH) out += "\\" + text.charAt(i);
    else if (c < 0x20) out += "\\u00" + (c < 0x10 ? "0" : "1") + (c & 0xf).toString(16);
    else out += text.charAt(i);
  }
  return out + '"';
}
