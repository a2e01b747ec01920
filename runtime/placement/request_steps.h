// How a trace becomes an access stream with steps; for a single sequence at a time also which steps: each request's
// prompt in chunks, then its output token by token. Shared by the simulator and the runtime so that both form the same
// steps. Pure.
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <utility>
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
  uint64_t tokens(const Step& step) const {
    uint64_t tokens = 0;
    for (uint64_t i = 0; i < step.part_count; ++i) tokens += parts[step.first_part + i].tokens;
    return tokens;
  }
  // Rows of the tokens that the trace's `draft` field expects after a step, rows_per_token for each, likeliest first.
  std::vector<RowId> draft_rows;
};

// Builds the access stream of a trace step by step, as its steps become known. Keeps references to both.
// Error where the rows of an access trace are not equally many for each token.
class StreamBuilder {
 public:
  StreamBuilder(const TokenTrace& trace, const Addressing& addressing);

  void begin_step(bool prefill);
  // Appends tokens `first` to `end` (positions from the prompt's first token through the output) of a request to the
  // step.
  void add(uint32_t request, uint64_t first, uint64_t end);
  const AccessStream& stream() const { return stream_; }
  // What was built since the last take().
  AccessStream take();

 private:
  struct Content {
    std::vector<TokenId> tokens;
    std::vector<RowId> rows;
  };
  Content& content(uint32_t request);

  const TokenTrace& trace_;
  const Addressing& addressing_;
  AccessStream stream_;
  // Of requests that were begun and not yet finished.
  std::unordered_map<uint32_t, Content> contents_;
};

// One sequence at a time.
AccessStream make_access_stream(const TokenTrace& trace, const Addressing& addressing, uint32_t chunk_tokens);

}  // namespace tierscope
