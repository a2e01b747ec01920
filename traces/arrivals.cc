#include "traces/arrivals.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "runtime/base/error.h"
#include "runtime/base/text.h"
#include "traces/line_reader.h"

namespace tierscope {
namespace {

// "2023-11-16 18:15:46.6805900" as seconds since 1970, or plain seconds.
std::optional<double> parse_time(const std::string& text) {
  if (const auto seconds = parse_double(text)) return seconds;
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, read = 0;
  double second = 0;
  if (std::sscanf(text.c_str(), "%d-%d-%d%*[ T]%d:%d:%lf%n", &year, &month, &day, &hour, &minute, &second, &read) !=
          6 ||
      static_cast<size_t>(read) != text.size())
    return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok() || hour > 23 || minute > 59 || second >= 61) return std::nullopt;
  const auto days = std::chrono::sys_days(date).time_since_epoch().count();
  return static_cast<double>(days) * 86400 + hour * 3600 + minute * 60 + second;
}

struct Columns {
  size_t time, prompt, output;

  Columns(const std::vector<std::string>& names, const std::string& where)
      : time(place(names, "TIMESTAMP", where)),
        prompt(place(names, "ContextTokens", where)),
        output(place(names, "GeneratedTokens", where)) {}

 private:
  static size_t place(const std::vector<std::string>& names, const char* name, const std::string& where) {
    const auto found = std::ranges::find(names, name);
    if (found == names.end())
      throw Error(fmt::format("the column '{}' is missing", name), where,
                  "arrivals are a CSV with TIMESTAMP, ContextTokens and GeneratedTokens");
    return static_cast<size_t>(found - names.begin());
  }
};

uint32_t token_count(const std::string& text, const std::string& where) {
  const auto count = parse_unsigned(text);
  if (!count || *count > UINT32_MAX / 4)
    throw Error(fmt::format("'{}' is not a number of tokens", printable(text)), where);
  return static_cast<uint32_t>(*count);
}

// Hands out the tokens of consecutive requests' prompts (or outputs), from a given request on.
class Source {
 public:
  Source(const TokenTrace& trace, std::vector<TokenId> Request::*part) : trace_(trace), part_(part) {
    for (const Request& request : trace.requests) total_ += (request.*part).size();
  }
  bool empty() const { return total_ == 0; }

  // Appends `count` tokens; gives the request after the last one used.
  size_t take(size_t request, size_t count, std::vector<TokenId>& out) const {
    while (count > 0) {
      const std::vector<TokenId>& tokens = trace_.requests[request].*part_;
      const size_t taken = std::min(count, tokens.size());
      out.insert(out.end(), tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(taken));
      count -= taken;
      request = (request + 1) % trace_.requests.size();
    }
    return request;
  }

 private:
  const TokenTrace& trace_;
  std::vector<TokenId> Request::*part_;
  uint64_t total_ = 0;
};

}  // namespace

std::vector<Arrival> read_arrivals(const std::filesystem::path& path, uint64_t most) {
  LineReader lines(path);
  std::string line;
  const auto where = [&] { return fmt::format("{}:{}", path.string(), lines.line_number()); };
  if (!lines.next(line)) throw Error("the arrival trace is empty", path.string());
  const Columns columns(split(line, ','), where());
  std::vector<Arrival> arrivals;
  double first_s = 0;
  while (arrivals.size() < most && lines.next(line)) {
    if (line.empty()) continue;
    const std::vector<std::string> fields = split(line, ',');
    if (fields.size() <= std::max({columns.time, columns.prompt, columns.output}))
      throw Error("the line has too few fields", where());
    const auto time_s = parse_time(fields[columns.time]);
    if (!time_s) throw Error(fmt::format("'{}' is not a time", printable(fields[columns.time])), where());
    if (arrivals.empty()) first_s = *time_s;
    const Arrival arrival{*time_s - first_s, token_count(fields[columns.prompt], where()),
                          token_count(fields[columns.output], where())};
    if (!arrivals.empty() && arrival.arrival_s < arrivals.back().arrival_s)
      throw Error("the arrival goes back in time", where(), "sort the lines by time");
    arrivals.push_back(arrival);
  }
  if (arrivals.empty()) throw Error("the arrival trace has no arrival", path.string());
  return arrivals;
}

TokenTrace compose(const TokenTrace& trace, std::span<const Arrival> arrivals, const ComposeOptions& options) {
  if (!(options.speed > 0)) throw UsageError("the speed must be positive", "--speed");
  if (options.context_tokens == 1) throw UsageError("a context holds a prompt and an output token", "--ctx");
  const Source prompts(trace, &Request::prompt), outputs(trace, &Request::output);
  if (prompts.empty())
    throw UsageError("the trace has rows but no tokens", trace.header.name, "compose from a token trace");
  TokenTrace composed{trace.header, {}};
  size_t next = 0;
  for (size_t i = 0; i < arrivals.size(); ++i) {
    const Arrival& arrival = arrivals[i];
    size_t output = arrival.output_tokens, prompt = std::max<size_t>(1, arrival.prompt_tokens);
    if (output > 0 && outputs.empty())
      throw UsageError("the arrivals ask for output and the trace has none", trace.header.name,
                       "use a trace with outputs");
    if (options.context_tokens > 0) {
      output = std::min<size_t>(output, options.context_tokens - 1);
      prompt = std::min<size_t>(prompt, options.context_tokens - output);
    }
    Request& request = composed.requests.emplace_back();
    request.id = std::to_string(i);
    request.arrival_s = arrival.arrival_s / options.speed;
    const size_t first = next;
    next = prompts.take(first, prompt, request.prompt);
    outputs.take(first, output, request.output);
  }
  composed.header.description =
      fmt::format("{} requests with recorded arrivals and lengths; their tokens are requests of '{}', joined and cut{}",
                  arrivals.size(), trace.header.name,
                  options.context_tokens ? fmt::format(" to at most {} tokens", options.context_tokens) : "");
  return composed;
}

}  // namespace tierscope
