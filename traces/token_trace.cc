#include "traces/token_trace.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/base/error.h"
#include "traces/compressed_file.h"
#include "traces/line_reader.h"

namespace tierscope {

namespace dom = simdjson::dom;

struct TraceReader::State {
  std::filesystem::path path;
  LineReader lines;
  TraceHeader header;
  dom::parser parser;
  std::string line;
  double last_arrival_s = 0;

  explicit State(const std::filesystem::path& p) : path(p), lines(p) {}

  std::string where() const { return fmt::format("{}:{}", path.string(), lines.line_number()); }

  dom::object parse_object() {
    dom::object object;
    if (const auto error = parser.parse(line).get(object))
      throw Error(fmt::format("not a JSON object ({})", simdjson::error_message(error)), where(),
                  "a token trace has one JSON object a line");
    return object;
  }

  std::string text(const dom::object& object, const char* key, bool required) {
    std::string_view value;
    const auto error = object[key].get(value);
    if (!error) return std::string(value);
    if (error == simdjson::NO_SUCH_FIELD && !required) return {};
    throw Error(fmt::format("field '{}' must be a string", key), where());
  }

  std::optional<uint64_t> count(const dom::object& object, const char* key) {
    uint64_t value = 0;
    const auto error = object[key].get(value);
    if (!error) return value;
    if (error == simdjson::NO_SUCH_FIELD) return std::nullopt;
    throw Error(fmt::format("field '{}' must be a whole number", key), where());
  }

  void ids(const dom::element& element, const char* key, uint64_t limit, std::vector<uint32_t>& out) {
    dom::array array;
    out.clear();
    if (element.get(array)) throw Error(fmt::format("field '{}' must be an array of ids", key), where());
    out.reserve(array.size());
    for (const dom::element item : array) {
      uint64_t id = 0;
      if (item.get(id)) throw Error(fmt::format("field '{}' holds something that is not an id", key), where());
      if (id >= limit)
        throw Error(fmt::format("id {} in '{}' is outside the vocabulary of {}", id, key, limit), where(),
                    "check vocab_size in the header");
      out.push_back(static_cast<uint32_t>(id));
    }
  }

  void id_lists(const dom::object& object, const char* key, uint64_t limit, std::vector<std::vector<uint32_t>>& out) {
    dom::element element;
    dom::array array;
    out.clear();
    if (object[key].get(element)) return;
    if (element.get(array)) throw Error(fmt::format("field '{}' must be an array of arrays", key), where());
    for (const dom::element item : array) ids(item, key, limit, out.emplace_back());
  }
};

TraceReader::TraceReader(const std::filesystem::path& path) : state_(std::make_unique<State>(path)) {
  State& s = *state_;
  if (!s.lines.next(s.line)) throw Error("the trace is empty", path.string(), "its first line must be the header");
  const dom::object object = s.parse_object();
  uint64_t version = 0;
  if (object["tierscope_trace"].get(version))
    throw Error("the first line is not a trace header", s.where(), "it must have \"tierscope_trace\": 1");
  if (version != 1)
    throw Error(fmt::format("trace version {} is not known", version), s.where(), "this program reads 1");
  TraceHeader& h = s.header;
  h.name = s.text(object, "name", true);
  h.tokenizer = s.text(object, "tokenizer", true);
  h.license = s.text(object, "license", true);
  h.description = s.text(object, "description", false);
  h.source = s.text(object, "source", false);
  const auto vocab = s.count(object, "vocab_size");
  if (!vocab || *vocab == 0 || *vocab > UINT32_MAX)
    throw Error("field 'vocab_size' must be between 1 and 2^32-1", s.where());
  h.vocab_size = static_cast<uint32_t>(*vocab);
  h.requests = s.count(object, "requests");
  h.prompt_tokens = s.count(object, "prompt_tokens");
  h.output_tokens = s.count(object, "output_tokens");
  h.unique_tokens = s.count(object, "unique_tokens");
}

TraceReader::~TraceReader() = default;

const TraceHeader& TraceReader::header() const {
  return state_->header;
}

bool TraceReader::next(Request& request) {
  State& s = *state_;
  do {
    if (!s.lines.next(s.line)) return false;
  } while (s.line.empty());
  const dom::object object = s.parse_object();
  request.id = s.text(object, "id", true);
  request.prompt.clear();
  request.output.clear();
  request.arrival_s.reset();
  request.prompt_rows = 0;
  s.id_lists(object, "rows", UINT32_MAX, request.rows);
  dom::element element;
  const bool has_rows = !request.rows.empty();
  if (!object["prompt"].get(element))
    s.ids(element, "prompt", s.header.vocab_size, request.prompt);
  else if (!has_rows)
    throw Error("field 'prompt' is missing", s.where(), "a request needs 'prompt' and 'output', or 'rows'");
  if (!object["output"].get(element)) s.ids(element, "output", s.header.vocab_size, request.output);
  if (!has_rows && request.prompt.empty())
    throw Error("the prompt is empty", s.where(), "a request starts from at least one token");
  if (has_rows) request.prompt_rows = s.count(object, "prompt_rows").value_or(request.rows.size());
  if (request.prompt_rows > request.rows.size()) throw Error("'prompt_rows' exceeds the rows", s.where());
  s.id_lists(object, "draft", s.header.vocab_size, request.draft);
  if (!object["arrival_s"].get(element)) {
    double arrival_s = 0;
    if (element.get(arrival_s) || arrival_s < 0) throw Error("field 'arrival_s' must be seconds from 0 up", s.where());
    if (arrival_s < s.last_arrival_s)
      throw Error("arrival_s goes back in time", s.where(), "sort the requests by arrival");
    s.last_arrival_s = arrival_s;
    request.arrival_s = arrival_s;
  }
  return true;
}

struct TraceWriter::State {
  CompressedFile file;
};

TraceWriter::TraceWriter(const std::filesystem::path& path, const TraceHeader& header)
    : state_(new State{CompressedFile(path)}) {
  nlohmann::ordered_json json{{"tierscope_trace", 1}, {"name", header.name}};
  if (!header.description.empty()) json["description"] = header.description;
  json["license"] = header.license;
  if (!header.source.empty()) json["source"] = header.source;
  json["tokenizer"] = header.tokenizer;
  json["vocab_size"] = header.vocab_size;
  if (header.requests) json["requests"] = *header.requests;
  if (header.prompt_tokens) json["prompt_tokens"] = *header.prompt_tokens;
  if (header.output_tokens) json["output_tokens"] = *header.output_tokens;
  if (header.unique_tokens) json["unique_tokens"] = *header.unique_tokens;
  state_->file.write(json.dump() + "\n");
}

TraceWriter::~TraceWriter() = default;

void TraceWriter::write(const Request& request) {
  nlohmann::ordered_json json{{"id", request.id}};
  if (!request.rows.empty()) {
    json["rows"] = request.rows;
    json["prompt_rows"] = request.prompt_rows;
  } else {
    json["prompt"] = request.prompt;
    json["output"] = request.output;
  }
  if (request.arrival_s) json["arrival_s"] = *request.arrival_s;
  if (!request.draft.empty()) json["draft"] = request.draft;
  state_->file.write(json.dump() + "\n");
}

void TraceWriter::commit() {
  state_->file.commit();
}

uint64_t TokenTrace::token_count() const {
  uint64_t count = 0;
  for (const Request& request : requests) count += request.token_count();
  return count;
}

TokenTrace read_trace(const std::filesystem::path& path, uint64_t max_requests) {
  TraceReader reader(path);
  TokenTrace trace{reader.header(), {}};
  for (Request request; trace.requests.size() < max_requests && reader.next(request);)
    trace.requests.push_back(std::move(request));
  if (trace.requests.empty()) throw Error("the trace has no request", path.string(), "record one first");
  return trace;
}

void write_trace(const std::filesystem::path& path, TokenTrace trace) {
  uint64_t prompt_tokens = 0, output_tokens = 0;
  std::vector<bool> seen(trace.header.vocab_size);
  const auto count = [&](const std::vector<TokenId>& tokens, uint64_t& sum) {
    sum += tokens.size();
    for (const TokenId token : tokens) seen.at(token) = true;
  };
  for (const Request& request : trace.requests) {
    count(request.prompt, prompt_tokens);
    count(request.output, output_tokens);
  }
  trace.header.requests = trace.requests.size();
  trace.header.prompt_tokens = prompt_tokens;
  trace.header.output_tokens = output_tokens;
  trace.header.unique_tokens = static_cast<uint64_t>(std::ranges::count(seen, true));
  TraceWriter writer(path, trace.header);
  for (const Request& request : trace.requests) writer.write(request);
  writer.commit();
}

}  // namespace tierscope
