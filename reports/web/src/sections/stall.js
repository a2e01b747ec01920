import { barSection } from "./common.js";

export default barSection({
  id: "stall",
  title: "Stall of a step",
  explains: "Mean time that a step waited for rows which compute did not hide; prefill and decode steps apart.",
  parts: [
    { metric: "stall_prefill_ms_mean", part: "prefill step" },
    { metric: "stall_decode_ms_mean", part: "decode step" },
  ],
  unit: "ms a step",
  intervals: true,
});
