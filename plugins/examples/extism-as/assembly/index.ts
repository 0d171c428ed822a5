// stamp adds to documents who wrote them, and when: a layer for happn-host, built
// with Extism's PDK for AssemblyScript.

import { Config, Host, LogLevel } from "@extism/as-pdk";
import { DATA, PASS, PATCH, REJECT, USERNAME, patch, section } from "./record";
import { hasMember, isObject, quote, withMember } from "./json";

@external("extism:host/user", "now_ms")
declare function nowMS(): i64;

let field: string = "stamp";

/** Reads the configuration. */
export function happn_init(): i32 {
  const name = Config.get("field");
  if (name !== null) field = name;
  return 0;
}

/** Sees each request to set a document. */
export function happn_inbound(): i32 {
  const record = Host.input();
  const data = section(record, DATA);
  if (data === null || !isObject(data)) return PASS;
  if (hasMember(data, bytes(field))) {
    return refuse("the field " + quote(field) + " is set by the host, and names with escapes are not taken");
  }
  const user = section(record, USERNAME);
  const by = user === null ? "null" : quote(String.UTF8.decodeUnsafe(user.dataStart, user.length));
  const stamp = quote(field) + ':{"by":' + by + ',"at":' + nowMS().toString() + "}";
  Host.output(patch(withMember(data, bytes(stamp))));
  return PATCH;
}

function refuse(why: string): i32 {
  Host.output(bytes(why));
  return REJECT;
}

function bytes(text: string): Uint8Array {
  return Uint8Array.wrap(String.UTF8.encode(text));
}

/** Takes the place of env.abort, which a host of plugins does not have. */
export function abort(message: string | null, file: string | null, line: u32, column: u32): void {
  Host.log(LogLevel.Error, (message === null ? "abort" : message) + " at " + (file === null ? "?" : file) + ":" + line.toString());
  unreachable();
}
