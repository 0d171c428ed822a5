import { BASIS, PRIME, input } from "./input";

// A regular expression is a tree whose nodes know what comes after them: they try to go on, and go back when
// they cannot.
abstract class Node {
  // Returns where a match that begins at p ends, or 0.
  abstract run(p: usize, end: usize): usize;
}

class Done extends Node {
  run(p: usize, end: usize): usize {
    return p;
  }
}

class Bytes extends Node {
  set: StaticArray<bool> = new StaticArray<bool>(256);
  next: Node = new Done();

  put(first: i32, last: i32): void {
    for (let c = first; c <= last; c++) {
      this.set[c] = true;
    }
  }

  putEscaped(c: u8): void {
    if (c == 0x77 || c == 0x64) {
      this.put(0x30, 0x39);
    }
    if (c == 0x77) {
      this.put(0x61, 0x7a);
      this.put(0x41, 0x5a);
      this.put(0x5f, 0x5f);
    } else if (c != 0x64) {
      this.put(c, c);
    }
  }

  turn(): void {
    for (let c = 0; c < 256; c++) {
      this.set[c] = !this.set[c];
    }
  }

  run(p: usize, end: usize): usize {
    if (p == end || !this.set[load<u8>(p)]) {
      return 0;
    }
    return this.next.run(p + 1, end);
  }
}

// Tries a first.
class Either extends Node {
  constructor(
    public a: Node,
    public b: Node,
  ) {
    super();
  }
  run(p: usize, end: usize): usize {
    const found = this.a.run(p, end);
    return found != 0 ? found : this.b.run(p, end);
  }
}

// Reads a piece of an expression twice: what it makes of it must know what comes after it.
class Parser {
  constructor(
    private at: usize,
    private end: usize,
  ) {}

  private peek(): u8 {
    return this.at < this.end ? load<u8>(this.at) : 0;
  }

  either(next: Node): Node {
    const a = this.sequence(next);
    if (this.peek() != 0x7c) {
      return a;
    }
    this.at++;
    return new Either(a, this.either(next));
  }

  private sequence(next: Node): Node {
    const c = this.peek();
    if (this.at == this.end || c == 0x7c || c == 0x29) {
      return next;
    }
    const from = this.at;
    this.atom(next); // to know where it ends
    const again = this.peek();
    const repeated = again == 0x2b || again == 0x2a || again == 0x3f;
    if (repeated) {
      this.at++;
    }
    const rest = this.sequence(next);
    const after = this.at;
    this.at = from;
    let node: Node;
    if (!repeated) {
      node = this.atom(rest);
    } else if (again == 0x3f) {
      node = new Either(this.atom(rest), rest);
    } else {
      const loop = new Either(rest, rest);
      loop.a = this.atom(loop);
      node = again == 0x2b ? loop.a : loop;
    }
    this.at = after;
    return node;
  }

  private atom(next: Node): Node {
    const c = this.peek();
    this.at++;
    if (c == 0x28) {
      const inside = this.either(next);
      this.at++;
      return inside;
    }
    const bytes = new Bytes();
    bytes.next = next;
    if (c == 0x5b) {
      this.brackets(bytes);
    } else if (c == 0x2e) {
      bytes.put(0x0a, 0x0a);
      bytes.turn();
    } else if (c == 0x5c) {
      bytes.putEscaped(this.peek());
      this.at++;
    } else {
      bytes.put(c, c);
    }
    return bytes;
  }

  private brackets(bytes: Bytes): void {
    const not = this.peek() == 0x5e;
    if (not) {
      this.at++;
    }
    while (this.at < this.end && this.peek() != 0x5d) {
      const c = this.peek();
      this.at++;
      if (c == 0x5c) {
        bytes.putEscaped(this.peek());
        this.at++;
      } else if (this.peek() == 0x2d && load<u8>(this.at + 1) != 0x5d) {
        bytes.put(c, load<u8>(this.at + 1));
        this.at += 2;
      } else {
        bytes.put(c, c);
      }
    }
    this.at++;
    if (not) {
      bytes.turn();
    }
  }
}

export function match(n: u32): u64 {
  const end = input.at + n;
  let text = input.at;
  while (text + 1 < end && !(load<u8>(text) == 0x0a && load<u8>(text + 1) == 0x0a)) {
    text++;
  }
  const patterns = text;
  text += 2;
  let m = BASIS;
  for (let at = input.at; at < patterns; at++) {
    const from = at;
    while (at < patterns && load<u8>(at) != 0x0a) {
      at++;
    }
    const node = new Parser(from, at).either(new Done());
    for (let p = text; p <= end; ) {
      const found = node.run(p, end);
      if (found != 0) {
        m = (m ^ <u64>(p - text)) * PRIME;
        m = (m ^ <u64>(found - text)) * PRIME;
      }
      p = found > p ? found : p + 1;
    }
  }
  return m;
}
