import { barSection } from "./common.js";

export default barSection({
  id: "read-latency",
  title: "Read latency of the device",
  explains: "Time of one read of the table, from submission to completion.",
  parts: [
    { metric: "read_latency_us_p50", part: "p50" },
    { metric: "read_latency_us_p90", part: "p90" },
    { metric: "read_latency_us_p99", part: "p99" },
  ],
  unit: "µs",
  intervals: true,
});
