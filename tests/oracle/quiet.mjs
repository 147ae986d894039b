// The local minute of the day and the weekday (0 = Monday) of many instants in many zones, as Intl has them.
// Reads lines `zone start_ms minutes` and writes one line of `minute*10+weekday` numbers for each.

import { createInterface } from "node:readline";

const days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
for await (const line of createInterface({ input: process.stdin })) {
  const [zone, start, minutes] = line.split(" ");
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone: zone, hourCycle: "h23", weekday: "short", hour: "numeric", minute: "numeric",
  });
  const found = [];
  for (let i = 0; i < Number(minutes); i++) {
    const parts = Object.fromEntries(format.formatToParts(Number(start) + i * 60000).map((p) => [p.type, p.value]));
    found.push((Number(parts.hour) * 60 + Number(parts.minute)) * 10 + days.indexOf(parts.weekday));
  }
  console.log(found.join(" "));
}
