#include "runtime/placement/request_steps.h"

#include <algorithm>

namespace tierscope {

AccessStream make_access_stream(const TokenTrace& trace, const Addressing& addressing, uint32_t chunk_tokens) {
  AccessStream stream;
  stream.rows_per_token = addressing.rows_per_token();
  stream.table_rows = addressing.table_rows() ? addressing.table_rows() : trace.header.vocab_size;
  stream.rows.reserve(trace.token_count() * stream.rows_per_token);
  for (uint32_t r = 0; r < trace.requests.size(); ++r) {
    const Request& request = trace.requests[r];
    std::vector<TokenId> tokens = request.prompt;
    tokens.insert(tokens.end(), request.output.begin(), request.output.end());
    const uint64_t first_row = stream.rows.size();
    addressing.rows({}, tokens, stream.rows);
    const auto add = [&](uint64_t token, uint64_t count, bool prefill) {
      stream.steps.push_back({first_row + token * stream.rows_per_token, count * stream.rows_per_token, prefill, r});
    };
    for (uint64_t at = 0; at < request.prompt.size(); at += chunk_tokens)
      add(at, std::min<uint64_t>(chunk_tokens, request.prompt.size() - at), true);
    for (uint64_t at = request.prompt.size(); at < tokens.size(); ++at) add(at, 1, false);
  }
  return stream;
}

}  // namespace tierscope
