// Loaded by Node before the pod server: names below ".localhost" lead to this machine (RFC 6761 section 6.3),
// also where the system's resolver does not know that. A pod server with subdomains asks itself by such names.
const dns = require('node:dns');

const ask = dns.lookup;
dns.lookup = (name, options, done) => {
  if (typeof name !== 'string' || !name.toLowerCase().endsWith('.localhost')) {
    return ask(name, options, done);
  }
  const answer = typeof options === 'function' ? options : done;
  const all = typeof options === 'object' && options !== null && options.all;
  process.nextTick(() => (all ? answer(null, [{ address: '127.0.0.1', family: 4 }]) : answer(null, '127.0.0.1', 4)));
};
