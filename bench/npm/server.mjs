// server.mjs mercurius|yoga|postgraphile PORT DIRECTORY [PROCESSES]
//
// Serves the data of quire-bench graphql at /graphql: the first two from a SQLite database in
// DIRECTORY (sqlite.mjs makes it) by the schema that Quire generates, the third from a PostgreSQL
// database named by the environment variable PEER_POSTGRES. Prints "ready" when it listens.
import cluster from "node:cluster";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { makeSchema } from "./resolvers.mjs";

const [kind, port, directory, processes = "1"] = process.argv.slice(2);
const address = { port: Number(port), host: "127.0.0.1" };

async function makeSqliteSchema() {
  const { openStore } = await import("./sqlite.mjs");
  return makeSchema(readFileSync(`${directory}/api.graphql`, "utf8"), openStore(directory));
}

async function serveMercurius() {
  const { default: fastify } = await import("fastify");
  const { default: mercurius } = await import("mercurius");
  const app = fastify();
  app.register(mercurius, { schema: await makeSqliteSchema(), jit: 1 });
  await app.listen(address);
}

async function serveYoga() {
  const { createYoga } = await import("graphql-yoga");
  const yoga = createYoga({ schema: await makeSqliteSchema(), logging: false, graphiql: false });
  createServer(yoga).listen(address);
}

async function servePostgraphile() {
  // It is written for a newer Node, which has this.
  Promise.withResolvers ??= function () {
    const result = {};
    result.promise = new Promise((resolve, reject) => Object.assign(result, { resolve, reject }));
    return result;
  };
  const { postgraphile } = await import("postgraphile");
  const { PostGraphileAmberPreset } = await import("postgraphile/presets/amber");
  const { makePgService } = await import("postgraphile/adaptors/pg");
  const { grafserv } = await import("postgraphile/grafserv/node");
  const connectionString = process.env.PEER_POSTGRES;
  const instance = postgraphile({
    extends: [PostGraphileAmberPreset],
    pgServices: [makePgService({ connectionString, schemas: ["public"] })],
    grafserv: { graphqlPath: "/graphql", graphiql: false, watch: false },
  });
  const server = createServer();
  await instance.createServ(grafserv).addTo(server);
  await new Promise((resolve) => server.listen(address, resolve));
}

const servers = { mercurius: serveMercurius, yoga: serveYoga, postgraphile: servePostgraphile };
if (cluster.isPrimary && Number(processes) > 1) {
  let listening = 0;
  cluster.on("listening", () => {
    if (++listening === Number(processes)) console.log("ready");
  });
  for (let i = 0; i < Number(processes); i++) cluster.fork();
} else {
  await servers[kind]();
  if (cluster.isPrimary) console.log("ready");
}
