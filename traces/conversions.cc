#include "traces/conversions.h"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <cstring>
#include <limits>

#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "traces/compressed_file.h"
#include "traces/flat_map.h"
#include "traces/line_reader.h"

namespace tierscope {
namespace {

static_assert(std::endian::native == std::endian::little, "oracleGeneral is written as it lies in memory");

constexpr std::array<std::pair<std::string_view, TraceFormat>, 4> kFormats{{{"trace", TraceFormat::trace},
                                                                            {"ids", TraceFormat::ids},
                                                                            {"csv", TraceFormat::csv},
                                                                            {"oracle", TraceFormat::oracle}}};
constexpr std::string_view kCsvHeader = "request,part,token,arrival_s";

struct OracleRecord {
  static constexpr size_t kBytes = 24;
  uint32_t time = 0;
  uint64_t object = 0;
  uint32_t bytes = 0;
  int64_t next_access = -1;

  std::string packed() const {
    std::string record(kBytes, '\0');
    std::memcpy(record.data(), &time, 4);
    std::memcpy(record.data() + 4, &object, 8);
    std::memcpy(record.data() + 12, &bytes, 4);
    std::memcpy(record.data() + 16, &next_access, 8);
    return record;
  }
  static OracleRecord unpacked(const std::string& record) {
    OracleRecord out;
    std::memcpy(&out.time, record.data(), 4);
    std::memcpy(&out.object, record.data() + 4, 8);
    std::memcpy(&out.bytes, record.data() + 12, 4);
    std::memcpy(&out.next_access, record.data() + 16, 8);
    return out;
  }
};

void require_tokens(const Request& request, const std::filesystem::path& path) {
  if (!request.rows.empty())
    throw UsageError("an access trace has no tokens", path.string(), "convert it to oracle, which holds rows");
}

void export_ids(TraceReader& reader, const std::filesystem::path& from, CompressedFile& out) {
  for (Request request; reader.next(request);) {
    require_tokens(request, from);
    request.prompt.insert(request.prompt.end(), request.output.begin(), request.output.end());
    out.write(fmt::format("{}\n", fmt::join(request.prompt, " ")));
  }
}

void export_csv(TraceReader& reader, const std::filesystem::path& from, CompressedFile& out) {
  out.write(fmt::format("{}\n", kCsvHeader));
  for (Request request; reader.next(request);) {
    require_tokens(request, from);
    if (request.id.find_first_of(",\"\n") != std::string::npos)
      throw Error(fmt::format("request id '{}' does not fit a CSV", printable(request.id)), from.string());
    const std::string arrival = request.arrival_s ? fmt::format("{}", *request.arrival_s) : "";
    for (const auto& [part, tokens] : {std::pair("prompt", &request.prompt), std::pair("output", &request.output)})
      for (const TokenId token : *tokens) out.write(fmt::format("{},{},{},{}\n", request.id, part, token, arrival));
  }
}

void export_oracle(TraceReader& reader, CompressedFile& out, const OracleOptions& options) {
  std::vector<RowId> rows;
  std::vector<uint64_t> ends;  // of each request's rows
  for (Request request; reader.next(request); ends.push_back(rows.size()))
    append_rows(request, *options.addressing, rows);
  std::vector<int64_t> next(rows.size(), -1);
  FlatMap<uint32_t> place_of;  // of a row in `latest`
  std::vector<int64_t> latest;
  for (size_t at = rows.size(); at-- > 0;) {
    if (const uint32_t* place = place_of.find(rows[at])) {
      next[at] = std::exchange(latest[*place], static_cast<int64_t>(at));
      continue;
    }
    place_of.insert(rows[at], static_cast<uint32_t>(latest.size()));
    latest.push_back(static_cast<int64_t>(at));
  }
  uint32_t request = 0;
  for (size_t at = 0; at < rows.size(); ++at) {
    while (at == ends[request]) ++request;
    out.write(OracleRecord{request, rows[at], options.row_bytes, next[at]}.packed());
  }
}

TokenId parse_id(std::string_view text, const std::string& where) {
  const auto id = parse_unsigned(text);
  if (!id || *id >= UINT32_MAX)
    throw Error(fmt::format("'{}' is not an id", printable(text)), where, "ids are whole numbers below 2^32 - 1");
  return static_cast<TokenId>(*id);
}

// Both readers hand each finished request to `emit`.
template <class Emit>
void import_ids(const std::filesystem::path& from, Emit emit) {
  LineReader lines(from);
  for (std::string line; lines.next(line);) {
    const std::string where = fmt::format("{}:{}", from.string(), lines.line_number());
    for (char& c : line)
      if (c == '\t' || c == ',') c = ' ';
    Request request;
    for (const std::string& word : split(line, ' '))
      if (!word.empty()) request.prompt.push_back(parse_id(word, where));
    if (request.prompt.empty()) continue;
    request.id = std::to_string(lines.line_number() - 1);
    emit(request);
  }
}

template <class Emit>
void import_csv(const std::filesystem::path& from, Emit emit) {
  LineReader lines(from);
  std::string line;
  if (!lines.next(line) || line != kCsvHeader)
    throw Error("not a CSV of tokens", from.string(), fmt::format("its first line must be {}", kCsvHeader));
  Request request;
  const auto finish = [&] {
    if (!request.prompt.empty()) emit(request);
  };
  while (lines.next(line)) {
    const std::string where = fmt::format("{}:{}", from.string(), lines.line_number());
    const std::vector<std::string> fields = split(line, ',');
    if (fields.size() != 4) throw Error(fmt::format("{} fields where 4 are expected", fields.size()), where);
    if (request.prompt.empty() || fields[0] != request.id) {
      finish();
      request = {};
      request.id = fields[0];
      if (!fields[3].empty()) {
        request.arrival_s = parse_double(fields[3]);
        if (!request.arrival_s) throw Error(fmt::format("'{}' is not a time", printable(fields[3])), where);
      }
    }
    if (fields[1] != "prompt" && fields[1] != "output")
      throw Error(fmt::format("part '{}' is neither prompt nor output", printable(fields[1])), where);
    if (fields[1] == "prompt" && !request.output.empty())
      throw Error("a prompt token after an output token", where, "requests are mixed up; sort the file");
    if (fields[1] == "output" && request.prompt.empty())
      throw Error("a request begins with its output", where, "requests are mixed up; sort the file");
    (fields[1] == "prompt" ? request.prompt : request.output).push_back(parse_id(fields[2], where));
  }
  finish();
}

// Object ids become row ids as they are, or, where one is too large, in order of first access.
template <class Emit>
void import_oracle(const std::filesystem::path& from, Emit emit) {
  LineReader records(from);
  std::vector<OracleRecord> all;
  uint64_t largest = 0;
  for (std::string record; records.next_record(OracleRecord::kBytes, record);) {
    all.push_back(OracleRecord::unpacked(record));
    largest = std::max(largest, all.back().object);
    if (all.size() > 1 && all.back().time < all[all.size() - 2].time)
      throw Error(fmt::format("record {} goes back in time", all.size() - 1), from.string(),
                  "it is not an oracleGeneral trace");
  }
  FlatMap<uint32_t> renamed;
  uint32_t rows = 0;
  Request request;
  for (size_t i = 0; i < all.size(); ++i) {
    if (i > 0 && all[i].time != all[i - 1].time) {
      emit(request);
      request = {};
    }
    request.id = std::to_string(all[i].time);
    uint64_t row = all[i].object;
    if (largest >= UINT32_MAX) {
      if (!renamed.find(row)) renamed.insert(row, rows++);
      row = *renamed.find(row);
    }
    request.rows.push_back({static_cast<RowId>(row)});
  }
  if (!request.rows.empty()) emit(request);
}

}  // namespace

TraceFormat parse_trace_format(std::string_view text) {
  std::vector<std::string> known;
  for (const auto& [name, format] : kFormats) {
    if (name == text) return format;
    known.emplace_back(name);
  }
  throw UsageError(unknown_name("trace format", text, known));
}

void export_trace(const std::filesystem::path& from, const std::filesystem::path& to, TraceFormat format,
                  const OracleOptions& oracle) {
  TraceReader reader(from);
  CompressedFile out(to);
  if (format == TraceFormat::ids)
    export_ids(reader, from, out);
  else if (format == TraceFormat::csv)
    export_csv(reader, from, out);
  else
    export_oracle(reader, out, oracle);
  out.commit();
}

void import_trace(const std::filesystem::path& from, TraceFormat format, const std::filesystem::path& to,
                  TraceHeader header) {
  TokenTrace trace{std::move(header), {}};
  uint64_t largest = 0;
  const auto collect = [&](const Request& request) {
    for (const auto* tokens : {&request.prompt, &request.output})
      for (const TokenId token : *tokens) largest = std::max<uint64_t>(largest, token);
    for (const auto& rows : request.rows) largest = std::max<uint64_t>(largest, rows.front());
    trace.requests.push_back(request);
  };
  if (format == TraceFormat::ids)
    import_ids(from, collect);
  else if (format == TraceFormat::csv)
    import_csv(from, collect);
  else
    import_oracle(from, collect);
  if (trace.requests.empty()) throw Error("there is no request in the file", from.string());
  if (trace.header.vocab_size == 0) trace.header.vocab_size = static_cast<uint32_t>(largest + 1);
  if (largest >= trace.header.vocab_size)
    throw Error(fmt::format("id {} is outside the vocabulary of {}", largest, trace.header.vocab_size), from.string(),
                "check --vocab-size");
  write_trace(to, trace);
}

}  // namespace tierscope
