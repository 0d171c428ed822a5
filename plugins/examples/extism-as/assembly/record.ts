// The record of happn's plugin ABI, as far as this plugin needs it.

export const PASS: i32 = 1;
export const PATCH: i32 = 3;
export const REJECT: i32 = 4;

export const DATA: u16 = 2;
export const USERNAME: u16 = 6;

const HEADER = 16;
const SECTION_HEADER = 8;

/** Returns a section of a record, or null if the record does not have it. */
export function section(record: Uint8Array, wanted: u16): Uint8Array | null {
  const start = record.dataStart;
  const sections = <i32>load<u16>(start, 4);
  let body = HEADER + sections * SECTION_HEADER;
  for (let i = 0; i < sections; i++) {
    const at = HEADER + i * SECTION_HEADER;
    const id = load<u16>(start + at);
    const length = <i32>load<u32>(start + at, 4);
    if (id == wanted) return record.subarray(body, body + length);
    body += length;
  }
  return null;
}

/** Makes a record with nothing but new data, for PATCH. */
export function patch(data: Uint8Array): Uint8Array {
  const out = new Uint8Array(HEADER + SECTION_HEADER + data.length);
  const start = out.dataStart;
  store<u8>(start, 1); // version
  store<u16>(start, 1, 4); // sections
  store<u16>(start, DATA, HEADER);
  store<u32>(start, data.length, HEADER + 4);
  out.set(data, HEADER + SECTION_HEADER);
  return out;
}
