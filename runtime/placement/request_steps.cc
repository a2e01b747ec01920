#include "runtime/placement/request_steps.h"

#include <algorithm>

namespace tierscope {

void add_part(AccessStream& stream, const Request& request, uint32_t index, std::span<const TokenId> tokens,
              uint64_t first, uint64_t end, const Addressing& addressing) {
  AccessStream::Step& step = stream.steps.back();
  if (step.part_count++ == 0) step.first_part = stream.parts.size();
  const size_t prompt = request.prompt.size();
  AccessStream::Part part{index, static_cast<uint32_t>(end - first), end < prompt, stream.draft_rows.size(), 0};
  if (end >= prompt && end - prompt < request.draft.size())
    for (const TokenId& token : request.draft[end - prompt])
      addressing.rows(tokens.first(end), {&token, 1}, stream.draft_rows);
  part.draft_count = stream.draft_rows.size() - part.first_draft;
  stream.parts.push_back(part);
}

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
    const auto add = [&](uint64_t first, uint64_t count) {
      stream.steps.push_back(
          {first_row + first * stream.rows_per_token, count * stream.rows_per_token, first < prompt, r});
      add_part(stream, request, r, tokens, first, first + count, addressing);
    };
    for (uint64_t at = 0; at < prompt; at += chunk_tokens) add(at, std::min<uint64_t>(chunk_tokens, prompt - at));
    for (uint64_t at = prompt; at < tokens.size(); ++at) add(at, 1);
  }
  return stream;
}

}  // namespace tierscope
