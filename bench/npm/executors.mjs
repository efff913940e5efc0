// executors.mjs js|jit DIRECTORY
//
// Answers the requests of quire-bench graphql over maps in memory, by graphql-js or graphql-jit.
// Documents are read and checked once, or compiled; variables are objects already. Reads commands
// from standard input, a line each, and answers each with a line:
//   check QUERY VARIANT   the response
//   run QUERY SECONDS [cpu]  requests a second, or a second of processor time of all threads;
//                         99th percentile in microseconds; resident bytes
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { execute, parse, validate } from "graphql";
import { compileQuery } from "graphql-jit";
import { makeSchema, mapStore } from "./resolvers.mjs";

const [kind, directory] = process.argv.slice(2);
const read = (name) => readFileSync(`${directory}/${name}`, "utf8");
const schema = makeSchema(read("api.graphql"), mapStore(JSON.parse(read("data.json"))));
const queries = new Map();

// A function from variables to the text of the response.
function prepare(document) {
  const parsed = parse(document);
  const errors = validate(schema, parsed);
  if (errors.length > 0) throw errors[0];
  if (kind === "js") {
    return (variableValues) => JSON.stringify(execute({ schema, document: parsed, variableValues }));
  }
  const compiled = compileQuery(schema, parsed, "", { disablingCapturingStackErrors: true });
  return (variables) => compiled.stringify(compiled.query(null, null, variables));
}

for (const { name, document, variables } of JSON.parse(read("queries.json"))) {
  queries.set(name, { ask: prepare(document), variables });
}

function run({ ask, variables }, seconds, processor) {
  const taken = [];
  const used = process.cpuUsage();
  const start = performance.now();
  let before = start;
  let count = 0;
  for (; before - start < seconds * 1000; count++) {
    ask(variables[count % variables.length]);
    const after = performance.now();
    if (taken.length < 1000000) taken.push(after - before);
    before = after;
  }
  const { user, system } = process.cpuUsage(used);
  const rate = (count * 1000) / (processor ? (user + system) / 1000 : before - start);
  taken.sort((a, b) => a - b);
  const p99 = taken[Math.floor(taken.length * 0.99)] * 1000;
  return `${rate.toFixed(1)} ${p99.toFixed(2)} ${process.memoryUsage().rss}`;
}

console.log("ready");
for await (const line of createInterface({ input: process.stdin })) {
  const [command, name, argument, unit] = line.split(" ");
  const query = queries.get(name);
  if (command === "check") console.log(query.ask(query.variables[Number(argument)]));
  else console.log(run(query, Number(argument), unit === "cpu"));
}
