// Asks a running server for the next action per channel, with nothing but its .proto files.
//
//   npm ci
//   node client.mjs 127.0.0.1:50051 h1 email web

import path from "node:path";
import { fileURLToPath } from "node:url";
import grpc from "@grpc/grpc-js";
import loader from "@grpc/proto-loader";

const here = path.dirname(fileURLToPath(import.meta.url));
const root = process.env.NBA_PROTO ?? path.join(here, "..", "..", "proto");
const [target, customer, ...channels] = process.argv.slice(2);

if (!target || !customer || channels.length === 0) {
  console.error("usage: node client.mjs HOST:PORT CUSTOMER CHANNEL [CHANNEL ...]");
  process.exit(2);
}

const definition = loader.loadSync("nba/v1/decision.proto", {
  includeDirs: [root],
  keepCase: true,
  enums: String,
  longs: String,
  defaults: true,
});
const { DecisionService } = grpc.loadPackageDefinition(definition).nba.v1;
const client = new DecisionService(target, grpc.credentials.createInsecure());
const request = {
  request_id: "node-example",
  customer: { id: customer },
  channels: channels.map((channel) => ({ channel, limit: 3 })),
  explain: "EXPLAIN_LEVEL_SUMMARY",
};

client.Decide(request, { deadline: Date.now() + 5000 }, (error, reply) => {
  client.close();
  if (error) {
    console.error(`${target}: ${error.details}`);
    process.exit(1);
  }
  console.log(JSON.stringify(reply, null, 2));
});
