// The npm reference server, with the settings that the tests ask for, as a
// process that is started and stopped like the happn-host command.
const path = require('path');
const happn = require('happn-3');

const s = JSON.parse(process.env.HAPPN_REFERENCE || '{}');

// Who started us is gone when the standard input ends.
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));

const config = {
  host: '127.0.0.1',
  port: s.port || 0,
  name: s.name,
  utils: { log_level: 'error', logLevel: 'error', logger: undefined },
  services: {
    data: { config: { filename: path.join(s.dir, 'happn.db') } },
    session: { config: { primusOpts: {} } },
    publisher: { config: { publicationOptions: {} } },
  },
};
if (s.pingInterval) config.services.session.config.primusOpts.pingInterval = s.pingInterval;
if (s.compression) config.services.session.config.primusOpts.compression = true;
if (s.ackTimeout) config.services.publisher.config.publicationOptions.acknowledgeTimeout = s.ackTimeout;

async function start() {
  const server = await happn.service.create({ ...config, ...s.config });
  if (s.prepare) await eval(`(async () => {${s.prepare}})`)();
  process.on('SIGTERM', () => {
    server.stop({ reconnect: s.reconnect !== false }).then(() => process.exit(0), fail);
  });
  console.log(`listening on 127.0.0.1:${server.server.address().port}`);
}

function fail(e) {
  console.error(e);
  process.exit(1);
}

start().catch(fail);
