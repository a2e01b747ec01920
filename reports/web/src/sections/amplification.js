import { barSection } from "./common.js";

export default barSection({
  id: "amplification",
  title: "Read amplification",
  explains: "Bytes that the device moved for each byte of a row that was asked of it: 1 is the optimum, pages cost the rest.",
  parts: [{ metric: "read_amplification", part: "bytes read / bytes asked" }],
  unit: "bytes read / bytes asked",
  intervals: true,
});
