import { BASIS, PRIME, input } from "./input";

class Posting {
  constructor(
    public document: i32,
    public count: i32,
  ) {}
}

// Words reads the words of a line in lower case.
class Words {
  constructor(
    public at: usize,
    private end: usize,
  ) {}

  // The next one, empty at the end of the line.
  next(): string {
    const codes: u16[] = [];
    while (this.at < this.end) {
      let c = load<u8>(this.at);
      if (c == 0x0a) {
        break;
      }
      this.at++;
      if (c >= 0x41 && c <= 0x5a) {
        c += 0x20;
      }
      if ((c >= 0x61 && c <= 0x7a) || (c >= 0x30 && c <= 0x39)) {
        codes.push(c);
      } else if (codes.length > 0) {
        break;
      }
    }
    return String.UTF16.decodeUnsafe(codes.dataStart, codes.length * 2);
  }
}

class Index {
  private words: Map<string, Posting[]> = new Map();
  private lengths: i32[] = [];
  private total: i32 = 0;

  // Reads a document to the end of its line.
  add(line: Words): void {
    const document = this.lengths.length;
    let length = 0;
    for (let word = line.next(); word.length > 0; word = line.next()) {
      length++;
      let list: Posting[];
      if (this.words.has(word)) {
        list = this.words.get(word);
      } else {
        list = [];
        this.words.set(word, list);
      }
      if (list.length > 0 && list[list.length - 1].document == document) {
        list[list.length - 1].count++;
      } else {
        list.push(new Posting(document, 1));
      }
    }
    this.lengths.push(length);
    this.total += length;
  }

  // Returns the documents that answer a query best.
  find(line: Words): i32[] {
    const n = <f64>this.lengths.length;
    const average = <f64>this.total / n;
    const scores = new StaticArray<f64>(this.lengths.length);
    for (let word = line.next(); word.length > 0; word = line.next()) {
      if (!this.words.has(word)) {
        continue;
      }
      const list = this.words.get(word);
      const having = <f64>list.length;
      const weight = logarithm(1 + (n - having + 0.5) / (having + 0.5));
      for (let i = 0; i < list.length; i++) {
        const p = list[i];
        const count = <f64>p.count;
        const norm = 1.2 * (0.25 + 0.75 * (<f64>this.lengths[p.document] / average));
        scores[p.document] += weight * ((count * 2.2) / (count + norm));
      }
    }
    const found: Hit[] = [];
    for (let d = 0; d < scores.length; d++) {
      if (scores[d] > 0) {
        found.push(new Hit(d, scores[d]));
      }
    }
    found.sort((a, b) => (a.score > b.score ? -1 : a.score < b.score ? 1 : a.document - b.document));
    return found.slice(0, 10).map<i32>((hit) => hit.document);
  }
}

class Hit {
  constructor(
    public document: i32,
    public score: f64,
  ) {}
}

function logarithm(v: f64): f64 {
  const bits = reinterpret<u64>(v);
  const exponent = <f64>(<i64>(bits >> 52) - 1023);
  const part = reinterpret<f64>((bits & 0xfffffffffffff) | ((<u64>1023) << 52));
  const y = (part - 1) / (part + 1);
  const square = y * y;
  let term = y;
  let sum: f64 = 0;
  for (let k = 1; k < 30; k += 2) {
    sum += term / <f64>k;
    term = term * square;
  }
  return exponent * 0.6931471805599453 + 2 * sum;
}

export function search(n: u32): u64 {
  const end = input.at + n;
  const line = new Words(input.at, end);
  const index = new Index();
  for (; line.at < end && load<u8>(line.at) != 0x0a; line.at++) {
    index.add(line);
  }
  let m = BASIS;
  while (line.at < end) {
    line.at++;
    const found = index.find(line);
    for (let i = 0; i < found.length; i++) {
      m = (m ^ <u64>found[i]) * PRIME;
    }
  }
  return m;
}
