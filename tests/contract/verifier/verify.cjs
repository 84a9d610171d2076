// Asks @solid/access-token-verifier about each call on standard input; one JSON answer a line.
const { createSolidTokenVerifier } = require("@solid/access-token-verifier");

async function main() {
  const chunks = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  const verify = createSolidTokenVerifier();
  for (const call of JSON.parse(Buffer.concat(chunks).toString("utf8"))) {
    try {
      const found = await verify(call.authorization, { header: call.dpop, method: call.method, url: call.url });
      console.log(JSON.stringify({ webid: found.webid }));
    } catch (error) {
      console.log(JSON.stringify({ refused: String(error.message).slice(0, 200) }));
    }
  }
}

main();
