// How a single sequence at a time becomes steps: each request's prompt in chunks, then its output token by token.
// Shared by the simulator and the runtime so that both form the same steps. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "traces/addressing.h"
#include "traces/token_trace.h"

namespace tierscope {

// The access stream of a trace under an addressing, with the borders of its steps.
struct AccessStream {
  std::vector<RowId> rows;  // rows_per_token for each token, in order
  uint32_t rows_per_token = 1;
  uint64_t table_rows = 0;  // what the addressing can name
  struct Step {
    uint64_t first = 0, count = 0;  // rows
    bool prefill = false;
    uint32_t request = 0;
    uint64_t first_part = 0, part_count = 0;
  };
  std::vector<Step> steps;
  // What a step holds of one request; its parts together are all of the step.
  struct Part {
    uint32_t request = 0, tokens = 0;
    bool next_known = false;  // the request's prompt goes on after them
    uint64_t first_draft = 0, draft_count = 0;
  };
  std::vector<Part> parts;
  // Rows of the tokens that the trace's `draft` field expects after a step, rows_per_token for each, likeliest first.
  std::vector<RowId> draft_rows;
};

// Appends a part to the stream's last step: tokens `first` to `end` of request number `index`, whose prompt and output
// are `tokens`.
void add_part(AccessStream& stream, const Request& request, uint32_t index, std::span<const TokenId> tokens,
              uint64_t first, uint64_t end, const Addressing& addressing);

AccessStream make_access_stream(const TokenTrace& trace, const Addressing& addressing, uint32_t chunk_tokens);

}  // namespace tierscope
