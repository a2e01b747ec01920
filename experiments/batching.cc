#include "experiments/batching.h"

#include <algorithm>

#include "runtime/base/error.h"

namespace tierscope {
namespace options {

OptionInfo max_batch() {
  return {"max-batch", "N", "sequences that run at once; their decode tokens form one step", "1", false, 0};
}
OptionInfo kv_budget() {
  return {"kv-budget", "BYTES", "a request is admitted when its whole KV cache fits this with the others'",
          "",          false,   0};
}

}  // namespace options

uint32_t max_batch(const Arguments& arguments) {
  const uint64_t sequences = arguments.number("max-batch");
  if (sequences == 0 || sequences > 4096) throw UsageError("a batch has 1 to 4096 sequences", "--max-batch");
  return static_cast<uint32_t>(sequences);
}

bool in_batches(const Arguments& arguments, const TokenTrace& trace) {
  return max_batch(arguments) > 1 || arguments.has("schedule") || arguments.has("kv-budget") ||
         std::ranges::any_of(trace.requests, [](const Request& request) { return request.arrival_s.has_value(); });
}

BatchOptions batch_options(const Arguments& arguments, std::function<uint64_t(uint32_t tokens)> kv_bytes_of) {
  const auto budget = arguments.bytes_if("kv-budget");
  if (!budget) return {max_batch(arguments), UINT64_MAX, nullptr};
  return {max_batch(arguments), *budget, std::move(kv_bytes_of)};
}

}  // namespace tierscope
