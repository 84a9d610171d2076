// Inrupt's own clients, driven by one JSON command a line on standard input; one JSON answer a line comes back.
// An answer is {"value": ...}, or {"error": "..."} with what the client threw. solidgate/testing/inrupt.py speaks to it.
const readline = require("node:readline");
const access = require("@inrupt/solid-client-access-grants");
const solid = require("@inrupt/solid-client");
const vc = require("@inrupt/solid-client-vc");
const { Session } = require("@inrupt/solid-client-authn-node");

const AS_RDF = { returnLegacyJsonld: false };
const session = new Session();
const wire = globalThis.fetch;
let contexts = {};

// The clients fetch two published contexts when they read a vc-configuration; a test has no network.
globalThis.fetch = async (resource, options) => {
  const url = typeof resource === "string" ? resource : (resource.url ?? resource.href);
  if (!(url in contexts)) return wire(resource, options);
  const headers = { "Content-Type": "application/ld+json" };
  return new Response(JSON.stringify(contexts[url]), { headers });
};

const own = (options = {}) => ({ ...AS_RDF, fetch: session.fetch, ...options });
const plain = (credential) => JSON.parse(JSON.stringify(credential));
const credential = (id) => access.getAccessGrant(id, own());

const term = (value) => (value.datatype ? { value: value.value, type: value.datatype.value } : { value: value.value });

async function things(dataset) {
  const found = {};
  for (const thing of solid.getThingAll(dataset, { acceptBlankNodes: true })) {
    const said = {};
    for (const property of solid.getPropertyAll(thing)) {
      said[property] = solid.getTermAll(thing, property).map(term);
    }
    found[solid.asUrl(thing, solid.getSourceUrl(dataset))] = said;
  }
  return found;
}

const commands = {
  contexts: async (given) => { contexts = given; },
  login: async (given) => {
    await session.login(given);
    return session.info.isLoggedIn ? session.info.webId : null;
  },
  endpoint: ({ resource }) => access.getAccessApiEndpoint(resource),
  page: ({ owner }) => access.getAccessManagementUi(owner, { fetch: session.fetch }),
  request: async ({ endpoint, expires, ...wanted }) => {
    const expirationDate = expires ? new Date(expires) : undefined;
    const options = own(endpoint ? { accessEndpoint: endpoint } : {});
    return plain(await access.issueAccessRequest({ ...wanted, expirationDate }, options));
  },
  redirect: async ({ request, owner, callback }) => {
    const asked = await access.getAccessRequest(request, own());
    return new Promise((resolve, reject) => {
      const options = { ...own(), resourceOwner: owner, redirectCallback: resolve };
      access.redirectToAccessManagementUi(asked, callback, options).catch(reject);
    });
  },
  callback: async ({ url }) => plain(await access.getAccessGrantFromRedirectUrl(url, own())),
  grant: async ({ id }) => {
    const grant = await credential(id);
    return {
      types: access.getTypes(grant),
      issuer: access.getIssuer(grant),
      owner: access.getResourceOwner(grant),
      requestor: access.getRequestor(grant),
      resources: access.getResources(grant),
      purposes: access.getPurposes(grant),
      modes: access.getAccessModes(grant),
      inherit: access.getInherit(grant),
      expires: access.getExpirationDate(grant),
    };
  },
  valid: async ({ id }) => access.isValidAccessGrant(await credential(id), { fetch: session.fetch }),
  approve: async ({ request, override, ...options }) =>
    plain(await access.approveAccessRequest(request, override ?? {}, own(options))),
  deny: async ({ request, ...options }) => plain(await access.denyAccessRequest(request, own(options))),
  revoke: async ({ id }) => access.revokeAccessGrant(id, own()),
  cancel: async ({ id }) => access.cancelAccessRequest(id, own()),
  query: async ({ filter, endpoint }) => {
    const pages = [];
    const options = { fetch: session.fetch, queryEndpoint: new URL(endpoint) };
    for await (const page of access.paginatedQuery(filter, options)) pages.push(page.items.map((one) => one.id));
    return pages;
  },
  derive: async ({ shape, endpoint, ...options }) => {
    const found = await access.getAccessGrantAll(shape, own({ accessEndpoint: endpoint, ...options }));
    return found.map((one) => one.id);
  },
  file: async ({ url, grant }) => {
    const file = await access.getFile(url, await credential(grant), { fetch: session.fetch });
    return { type: file.type, text: await file.text() };
  },
  dataset: async ({ url, grant }) =>
    things(await access.getSolidDataset(url, await credential(grant), { fetch: session.fetch })),
  overwrite: async ({ url, grant, text, type }) => {
    const file = new File([text], "file", { type });
    await access.overwriteFile(url, file, await credential(grant), { fetch: session.fetch });
  },
  save: async ({ container, grant, text, type, slug }) => {
    const file = new File([text], slug, { type });
    const options = { fetch: session.fetch, slug };
    const saved = await access.saveFileInContainer(container, file, await credential(grant), options);
    return solid.getSourceUrl(saved);
  },
  // Any RDF resource of any pod, as whoever is logged in, or as anybody when nobody is.
  read: async ({ url }) => {
    const options = session.info.isLoggedIn ? { fetch: session.fetch } : {};
    return things(await solid.getSolidDataset(url, options));
  },
  // The triples as the client itself sees them, with the published contexts that it brings along.
  quads: async ({ document }) =>
    [...(await vc.verifiableCredentialToDataset(document, { requireId: false }))].map((quad) =>
      ["subject", "predicate", "object", "graph"].map((part) => {
        const { termType, value, language, datatype } = quad[part];
        return { termType, value, language, datatype: datatype?.value };
      }),
    ),
};

async function answer(line) {
  const { command, ...given } = JSON.parse(line);
  try {
    return { value: (await commands[command](given)) ?? null };
  } catch (error) {
    return { error: String(error?.message ?? error).slice(0, 2000), status: error?.statusCode ?? null };
  }
}

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    process.stdout.write(`${JSON.stringify(await answer(line))}\n`);
  }
  // A session keeps timers for its tokens.
  process.exit(0);
}

main();
