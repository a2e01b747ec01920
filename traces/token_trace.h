// Token traces: recorded requests as prompt and output token ids. JSON Lines, optionally zstd (DESIGN.md, "Files"):
// a header object, then one request a line. Readers stream: one request is in memory at a time.
// Errors: Error with file, line and field. Not thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tierscope {

using TokenId = uint32_t;

struct TraceHeader {
  std::string name;
  uint32_t vocab_size = 0;  // ids are below it
  std::string tokenizer;
  std::string license;
  std::string description, source;
  // As the header claims them; counted, not believed.
  std::optional<uint64_t> requests, prompt_tokens, output_tokens, unique_tokens;
};

struct Request {
  std::string id;
  std::vector<TokenId> prompt;  // with its BOS, if the model wants one; never empty
  std::vector<TokenId> output;
  std::optional<double> arrival_s;          // never goes back within a trace
  std::vector<std::vector<TokenId>> draft;  // per output position: likely tokens there; empty: none recorded
  std::vector<std::vector<uint32_t>> rows;  // access trace: per token (prompt then output) its rows, no tokens then
  size_t prompt_rows = 0;                   // access trace: how many of `rows` are prompt (the rest: decode)
  // Of access traces: those whose rows were recorded.
  size_t token_count() const { return rows.empty() ? prompt.size() + output.size() : rows.size(); }
  size_t prompt_count() const { return rows.empty() ? prompt.size() : prompt_rows; }
};

class TraceReader {
 public:
  // Opens `path` and reads its header; ".zst" content is recognised by its magic, not by its name.
  explicit TraceReader(const std::filesystem::path& path);
  ~TraceReader();
  TraceReader(const TraceReader&) = delete;
  TraceReader& operator=(const TraceReader&) = delete;

  const TraceHeader& header() const;
  // False at the end of the trace. `request` is overwritten.
  bool next(Request& request);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

class TraceWriter {
 public:
  // Compresses where `path` ends in ".zst". The file appears under its name only at `commit`.
  TraceWriter(const std::filesystem::path& path, const TraceHeader& header);
  ~TraceWriter();
  void write(const Request& request);
  void commit();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

struct TokenTrace {
  TraceHeader header;
  std::vector<Request> requests;
  uint64_t token_count() const;
};

// The whole trace, or its first `max_requests`. Error where it has no request.
TokenTrace read_trace(const std::filesystem::path& path, uint64_t max_requests = UINT64_MAX);

// Writes all of `trace`, its header with the counts filled in.
void write_trace(const std::filesystem::path& path, TokenTrace trace);

}  // namespace tierscope
