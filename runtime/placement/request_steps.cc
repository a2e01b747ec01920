#include "runtime/placement/request_steps.h"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/base/error.h"

namespace tierscope {

StreamBuilder::StreamBuilder(const TokenTrace& trace, const Addressing& addressing)
    : trace_(trace), addressing_(addressing) {
  stream_.rows_per_token = addressing.rows_per_token();
  stream_.table_rows = addressing.table_rows() ? addressing.table_rows() : trace.header.vocab_size;
  if (trace.requests.empty() || trace.requests[0].rows.empty()) return;
  stream_.rows_per_token = static_cast<uint32_t>(trace.requests[0].rows[0].size());
  for (const Request& request : trace.requests)
    for (const auto& rows : request.rows)
      if (rows.size() != stream_.rows_per_token || rows.empty())
        throw Error(fmt::format("request '{}' has a token with {} rows and the first token has {}", request.id,
                                rows.size(), stream_.rows_per_token),
                    trace.header.name, "an access trace has equally many rows for each token");
}

StreamBuilder::Content& StreamBuilder::content(uint32_t request) {
  const auto [found, is_new] = contents_.try_emplace(request);
  Content& content = found->second;
  if (!is_new) return content;
  const Request& recorded = trace_.requests[request];
  content.tokens = recorded.prompt;
  content.tokens.insert(content.tokens.end(), recorded.output.begin(), recorded.output.end());
  append_rows(recorded, addressing_, content.rows);
  return content;
}

AccessStream StreamBuilder::take() {
  AccessStream empty;
  empty.rows_per_token = stream_.rows_per_token;
  empty.table_rows = stream_.table_rows;
  return std::exchange(stream_, std::move(empty));
}

void StreamBuilder::begin_step(bool prefill) {
  stream_.steps.push_back({stream_.rows.size(), 0, prefill, 0, stream_.parts.size(), 0});
}

void StreamBuilder::add(uint32_t request, uint64_t first, uint64_t end) {
  const Request& recorded = trace_.requests[request];
  const Content& known = content(request);
  AccessStream::Step& step = stream_.steps.back();
  if (step.part_count++ == 0) step.request = request;
  const uint64_t width = stream_.rows_per_token;
  const auto rows = std::span(known.rows).subspan(first * width, (end - first) * width);
  stream_.rows.insert(stream_.rows.end(), rows.begin(), rows.end());
  step.count += rows.size();
  const size_t prompt = recorded.prompt_count();
  AccessStream::Part part{request, static_cast<uint32_t>(end - first), end < prompt, stream_.draft_rows.size(), 0};
  if (end >= prompt && end - prompt < recorded.draft.size())
    for (const TokenId& token : recorded.draft[end - prompt])
      addressing_.rows(std::span(known.tokens).first(end), {&token, 1}, stream_.draft_rows);
  part.draft_count = stream_.draft_rows.size() - part.first_draft;
  stream_.parts.push_back(part);
  if (end == recorded.token_count()) contents_.erase(request);
}

AccessStream make_access_stream(const TokenTrace& trace, const Addressing& addressing, uint32_t chunk_tokens) {
  StreamBuilder builder(trace, addressing);
  for (uint32_t r = 0; r < trace.requests.size(); ++r) {
    const uint64_t prompt = trace.requests[r].prompt_count(), tokens = trace.requests[r].token_count();
    for (uint64_t first = 0; first < tokens;) {
      const uint64_t end = first < prompt ? std::min<uint64_t>(first + chunk_tokens, prompt) : first + 1;
      builder.begin_step(first < prompt);
      builder.add(r, first, end);
      first = end;
    }
  }
  return builder.take();
}

}  // namespace tierscope
