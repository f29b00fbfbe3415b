// Reads messages of a stream as a service does, with a durable pull consumer.
// It prints each to standard output as the scripts' command messages does, and
// to standard error what it has read with the names of the contract: the id, and
// the size of the body, which may be in the object store.
//
//   node read.js URL STREAM COUNT
import { createHash } from "node:crypto";
import { connect } from "@nats-io/transport-node";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { Objm } from "@nats-io/obj";

// What differs from run to run.
const variable = new Set(["ce-recordedtime", "ce-whingestid"]);

const [url, stream, count] = process.argv.slice(2);
const nc = await connect({ servers: url });
const manager = await jetstreamManager(nc);
await manager.consumers.add(stream, { durable_name: "natsjs", ack_policy: "explicit" });
const consumer = await jetstream(nc).consumers.get(stream, "natsjs");

for (let i = 0; i < Number(count); i++) {
  const m = await consumer.next({ expires: 20000 });
  if (m === null) {
    throw new Error(`got ${i} messages, want ${count}`);
  }
  console.log(m.subject);
  for (const name of m.headers.keys().sort()) {
    for (const value of m.headers.values(name)) {
      console.log(`${name}: ${variable.has(name) ? "*" : value}`);
    }
  }
  console.log(`\n${m.string()}`);
  const body = m.headers.has("ce-dataref") ? await fetchBody(m.headers.get("ce-dataref")) : m.data;
  const sum = createHash("sha256").update(body).digest("hex");
  const same = sum === m.headers.get("ce-whsha256");
  console.error(`${m.headers.get("ce-id")}: ${body.length} bytes, ${same ? "as sent" : "not as sent"}`);
  if (!(await m.ackAck())) {
    throw new Error("the ack was not taken");
  }
}
await nc.close();

// fetchBody reads nats-obj://BUCKET/NAME.
async function fetchBody(ref) {
  const [bucket, name] = ref.replace("nats-obj://", "").split("/");
  const store = await new Objm(nc).open(bucket);
  const body = await store.getBlob(name);
  if (body === null) {
    throw new Error(`${ref} is not there`);
  }
  return body;
}
