import { PRIME, input, markText } from "./input";

abstract class Value {
  abstract mark(): u64;
}

class Constant extends Value {
  constructor(private is: u64) {
    super();
  }
  mark(): u64 {
    return this.is;
  }
}

class Num extends Value {
  constructor(private is: f64) {
    super();
  }
  mark(): u64 {
    return reinterpret<u64>(this.is) * PRIME + 5;
  }
}

class Text extends Value {
  constructor(private is: string) {
    super();
  }
  mark(): u64 {
    return markText(this.is);
  }
}

class List extends Value {
  all: Value[] = [];
  mark(): u64 {
    let m: u64 = 7;
    for (let i = 0; i < this.all.length; i++) {
      m = (m ^ this.all[i].mark()) * PRIME;
    }
    return m;
  }
}

class Obj extends Value {
  fields: Map<string, Value> = new Map();
  mark(): u64 {
    let m: u64 = 11;
    const names = this.fields.keys();
    for (let i = 0; i < names.length; i++) {
      m += (markText(names[i]) ^ this.fields.get(names[i]).mark()) * PRIME;
    }
    return m;
  }
}

// Powers of ten that a double is.
const tens: StaticArray<f64> = [
  1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

class Parser {
  wrong: bool = false;
  constructor(
    private at: usize,
    private end: usize,
  ) {}

  // The next byte, 0 at the end.
  private peek(): u8 {
    return this.at < this.end ? load<u8>(this.at) : 0;
  }

  private need(is: bool): void {
    if (!is) {
      this.wrong = true;
      this.at = this.end;
    }
  }

  private space(): void {
    for (let c = this.peek(); c == 0x20 || c == 0x0a || c == 0x09 || c == 0x0d; c = this.peek()) {
      this.at++;
    }
  }

  private next(c: u8): bool {
    this.space();
    if (this.peek() != c) {
      return false;
    }
    this.at++;
    return true;
  }

  private word(text: string, is: u64): Value {
    for (let i = 0; i < text.length; i++) {
      this.need(this.peek() == text.charCodeAt(i));
      this.at++;
    }
    return new Constant(is);
  }

  private hex(): i32 {
    let n = 0;
    for (let i = 0; i < 4; i++) {
      const c = <i32>this.peek();
      const low = c | 0x20;
      const digit = c >= 0x30 && c <= 0x39;
      this.need(digit || (low >= 0x61 && low <= 0x66));
      n = n * 16 + (digit ? c - 0x30 : low - 0x61 + 10);
      this.at++;
    }
    return n;
  }

  // Reads a string after its first quote.
  private string(): string {
    let text = "";
    let from = this.at;
    while (this.at < this.end) {
      const c = load<u8>(this.at);
      if (c != 0x22 && c != 0x5c) {
        this.at++;
        continue;
      }
      const piece = String.UTF8.decodeUnsafe(from, this.at - from);
      text = text.length > 0 ? text + piece : piece;
      this.at++;
      if (c == 0x22) {
        return text;
      }
      text += String.fromCharCode(this.escaped());
      from = this.at;
    }
    this.need(false);
    return text;
  }

  private escaped(): i32 {
    const c = this.peek();
    this.at++;
    switch (c) {
      case 0x22:
      case 0x5c:
      case 0x2f:
        return c;
      case 0x62:
        return 8;
      case 0x66:
        return 12;
      case 0x6e:
        return 10;
      case 0x72:
        return 13;
      case 0x74:
        return 9;
      case 0x75:
        return this.hex();
    }
    this.need(false);
    return 0;
  }

  private digit(): bool {
    const c = this.peek();
    return c >= 0x30 && c <= 0x39;
  }

  // Reads a number of at most 15 digits, of which one multiplication or division
  // makes the nearest double.
  private number(): Value {
    const minus = this.peek() == 0x2d;
    if (minus) {
      this.at++;
    }
    this.need(this.digit());
    let n: u64 = 0;
    let digits = 0;
    let scale = 0;
    for (; this.digit(); this.at++, digits++) {
      n = n * 10 + (this.peek() - 0x30);
    }
    if (this.peek() == 0x2e) {
      for (this.at++; this.digit(); this.at++, digits++, scale--) {
        n = n * 10 + (this.peek() - 0x30);
      }
    }
    if ((this.peek() | 0x20) == 0x65) {
      this.at++;
      const less = this.peek() == 0x2d;
      if (less || this.peek() == 0x2b) {
        this.at++;
      }
      let power = 0;
      for (; this.digit() && power < 100; this.at++) {
        power = power * 10 + (this.peek() - 0x30);
      }
      scale += less ? -power : power;
    }
    this.need(digits <= 15 && scale >= -22 && scale <= 22);
    if (this.wrong) {
      return new Num(0);
    }
    const v = scale < 0 ? <f64>n / tens[-scale] : <f64>n * tens[scale];
    return new Num(minus ? -v : v);
  }

  value(): Value {
    this.space();
    switch (this.peek()) {
      case 0x7b:
        return this.object();
      case 0x5b:
        return this.list();
      case 0x22:
        this.at++;
        return new Text(this.string());
      case 0x6e:
        return this.word("null", 1);
      case 0x66:
        return this.word("false", 2);
      case 0x74:
        return this.word("true", 3);
    }
    return this.number();
  }

  private list(): Value {
    const list = new List();
    this.at++;
    if (this.next(0x5d)) {
      return list;
    }
    do {
      list.all.push(this.value());
    } while (this.next(0x2c));
    this.need(this.next(0x5d));
    return list;
  }

  private object(): Value {
    const object = new Obj();
    this.at++;
    if (this.next(0x7d)) {
      return object;
    }
    do {
      this.need(this.next(0x22));
      const name = this.string();
      this.need(this.next(0x3a));
      object.fields.set(name, this.value());
    } while (this.next(0x2c));
    this.need(this.next(0x7d));
    return object;
  }

  ended(): bool {
    this.space();
    return !this.wrong && this.at == this.end;
  }
}

export function json(n: u32): u64 {
  const parser = new Parser(input.at, input.at + n);
  const value = parser.value();
  return parser.ended() ? value.mark() : 0;
}
