// Records a conversation: replays the client side of a transcript against a
// server and prints the transcript with the answers that server gives.
//
//   NODE_PATH=<npm folder>/node_modules node record.js ws://127.0.0.1:<port> transcript.jsonl
//
// Each frame waits until the answers to the one before have stopped coming.
// Session ids in the frames are replaced by those of the new sessions.
const fs = require('fs');
const WebSocket = require('ws');

const quiet = 60; // ms without a frame after which a request counts as answered
const [base, file] = process.argv.slice(2);
const lines = fs.readFileSync(file, 'utf8').split('\n').filter(Boolean).map((l) => JSON.parse(l));
const sockets = {};
const ids = {}; // recorded session id -> new one
const recorded = {}; // connection -> recorded session id
let last = 0;

const print = (line) => console.log(JSON.stringify(line));
const settle = async () => {
  last = Date.now();
  while (Date.now() - last < quiet) await new Promise((r) => setTimeout(r, 10));
};

for (const l of lines) {
  const m = l.dir === 's>c' && l.frame && /"data":\{"msgCount":\d+,"id":"([^"]+)"/.exec(l.frame);
  if (m) recorded[l.c] = m[1];
}

const open = (line) =>
  new Promise((resolve, reject) => {
    const ws = new WebSocket(base + line.note.replace('GET ', ''), { perMessageDeflate: false });
    sockets[line.c] = ws;
    ws.on('open', resolve);
    ws.on('error', reject);
    ws.on('message', (data) => {
      last = Date.now();
      const frame = data.toString();
      const m = /"data":\{"msgCount":\d+,"id":"([^"]+)"/.exec(frame);
      if (m && recorded[line.c]) ids[recorded[line.c]] = m[1];
      print({ dir: 's>c', c: line.c, frame });
    });
  });

(async () => {
  for (const line of lines) {
    if (line.dir === 's>c') continue;
    if (line.frame !== undefined) {
      let frame = line.frame;
      for (const [from, to] of Object.entries(ids)) frame = frame.split(from).join(to);
      print({ ...line, frame });
      sockets[line.c].send(frame);
      await settle();
    } else {
      print(line);
      if (line.ev === 'open') await open(line);
      if (line.ev === 'close') sockets[line.c].close();
    }
  }
  process.exit(0);
})();
