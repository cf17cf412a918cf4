// The Fluent project's own Forward server and client for Node, told by one JSON argument what to be.
//   {serve: true, module, port, key, cert, certKey}   prints "ready", then each entry as a line [tag, time, record]
//   {module, port, key, ca, mode, tag, count}         sends `count` events with acks, prints how many were acknowledged
const fs = require("fs");
const o = JSON.parse(process.argv[2]);
const {FluentServer, FluentClient} = require(o.module);

if (o.serve) {
  const server = new FluentServer({
    security: o.key ? {serverHostname: "aggregator", sharedKey: o.key, authorize: false, userDict: {}} : undefined,
    tlsOptions: o.cert ? {cert: fs.readFileSync(o.cert), key: fs.readFileSync(o.certKey)} : undefined,
    listenOptions: {port: o.port, host: "127.0.0.1"},
  });
  server.on("entry", (tag, time, record) => {
    const seconds = typeof time === "number" ? [time, 0] : [time.epoch, time.nano];
    process.stdout.write(JSON.stringify([tag, seconds, record]) + "\n");
  });
  server.listen().then(() => process.stdout.write("ready\n"));
} else {
  const client = new FluentClient(o.tag, {
    eventMode: o.mode,
    socket: {host: "127.0.0.1", port: o.port, timeout: -1, tls: o.ca ? {ca: fs.readFileSync(o.ca)} : undefined},
    security: o.key ? {clientHostname: "sender", sharedKey: o.key} : undefined,
    ack: {ackTimeout: 30000},
    milliseconds: true,
    flushInterval: 20,
  });
  const sent = [];
  for (let n = 0; n < o.count; n++) {
    sent.push(client.emit("node", {message: `${o.mode} ${n}`}));
  }
  Promise.allSettled(sent).then((results) => {
    process.stdout.write(`${results.filter((one) => one.status === "fulfilled").length}\n`);
    process.exit(0);
  });
}
