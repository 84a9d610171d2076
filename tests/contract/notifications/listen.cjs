// Listens on one topic with Inrupt's own client; prints "connected", then each notification as a line of JSON.
// Standard input: {"topic", "token", "key"} with a DPoP-bound token and its private JWK (P-256).
"use strict";

const { createHash, randomUUID, webcrypto } = require("node:crypto");
const { WebsocketNotification } = require("@inrupt/solid-client-notifications");

const base64url = (content) => Buffer.from(content).toString("base64url");

async function signer({ token, key }) {
  const { kty, crv, x, y } = key;
  const algorithm = { name: "ECDSA", namedCurve: "P-256" };
  const jwk = { kty, crv, x, y, d: key.d, ext: true };
  const secret = await webcrypto.subtle.importKey("jwk", jwk, algorithm, false, ["sign"]);
  return async (url, init = {}) => {
    const target = new URL(url);
    target.search = "";
    target.hash = "";
    const header = { alg: "ES256", typ: "dpop+jwt", jwk: { kty, crv, x, y } };
    const claims = {
      htm: init.method ?? "GET",
      htu: target.href,
      iat: Math.floor(Date.now() / 1000),
      jti: randomUUID(),
      ath: base64url(createHash("sha256").update(token).digest()),
    };
    const text = `${base64url(JSON.stringify(header))}.${base64url(JSON.stringify(claims))}`;
    const signature = await webcrypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, secret, Buffer.from(text));
    const headers = new Headers(init.headers);
    headers.set("Authorization", `DPoP ${token}`);
    headers.set("DPoP", `${text}.${base64url(signature)}`);
    return fetch(url, { ...init, headers });
  };
}

async function main() {
  const chunks = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  const asked = JSON.parse(Buffer.concat(chunks).toString());
  const socket = new WebsocketNotification(asked.topic, { fetch: await signer(asked) });
  socket.on("connected", () => console.log("connected"));
  socket.on("message", (notification) => console.log(JSON.stringify(notification)));
  socket.on("closed", () => process.exit(0));
  socket.on("error", (fault) => {
    console.error(String(fault.message ?? fault));
    process.exit(1);
  });
  await socket.connect();
}

main().catch((fault) => {
  console.error(fault);
  process.exit(1);
});
