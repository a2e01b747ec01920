#include "runtime/placement/request_steps.h"

#include <algorithm>

namespace tierscope {

namespace {

// Appends the rows of the tokens that were recorded as likely at position `at` of `tokens`.
void add_draft(const Request& request, std::span<const TokenId> tokens, uint64_t at, const Addressing& addressing,
               std::vector<RowId>& rows) {
  const uint64_t output = at - request.prompt.size();
  if (output >= request.draft.size()) return;
  for (const TokenId& token : request.draft[output]) addressing.rows(tokens.first(at), {&token, 1}, rows);
}

}  // namespace

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
    const size_t prompt = request.prompt.size();
    const auto add = [&](uint64_t token, uint64_t count) {
      AccessStream::Step step{first_row + token * stream.rows_per_token, count * stream.rows_per_token, token < prompt,
                              r, token + count < prompt};
      step.first_draft = stream.draft_rows.size();
      if (token + count >= prompt) add_draft(request, tokens, token + count, addressing, stream.draft_rows);
      step.draft_count = stream.draft_rows.size() - step.first_draft;
      stream.steps.push_back(step);
    };
    for (uint64_t at = 0; at < prompt; at += chunk_tokens) add(at, std::min<uint64_t>(chunk_tokens, prompt - at));
    for (uint64_t at = prompt; at < tokens.size(); ++at) add(at, 1);
  }
  return stream;
}

}  // namespace tierscope
