#include "reports/result.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "runtime/base/atomic_file.h"
#include "runtime/base/error.h"
#include "runtime/base/text.h"

namespace tierscope {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr int kSchemaVersion = 1;
constexpr const char* kFileName = "results.jsonl";
constexpr std::array kSources{ResultSource::measured, ResultSource::simulated, ResultSource::curve};

[[noreturn]] void fail(const std::filesystem::path& path, const char* what) {
  throw Error(fmt::format("{}: {}", what, std::strerror(errno)), path.string(), "check the path and the disk");
}

ResultSource parse_source(const std::string& text, const std::string& where) {
  for (const ResultSource source : kSources)
    if (text == name(source)) return source;
  throw Error("'source' is '" + text + "', not measured, simulated or curve", where);
}

CellAxes parse_axes(const json& from, const std::string& where) {
  CellAxes axes;
  axes.source = parse_source(from.at("source").get<std::string>(), where);
  axes.model = from.at("model").get<std::string>();
  axes.trace = from.at("trace").get<std::string>();
  axes.placement = from.at("placement").get<std::string>();
  axes.state = from.at("state").get<std::string>();
  axes.compute = from.at("compute").get<std::string>();
  axes.device = from.at("device").get<std::string>();
  axes.backend = from.at("backend").get<std::string>();
  axes.requests = from.at("requests").get<uint64_t>();
  axes.threads = from.at("threads").get<uint32_t>();
  axes.chunk = from.at("chunk").get<uint32_t>();
  return axes;
}

ordered_json axes_json(const CellAxes& axes) {
  return {{"source", name(axes.source)}, {"model", axes.model},     {"trace", axes.trace},
          {"placement", axes.placement}, {"state", axes.state},     {"compute", axes.compute},
          {"device", axes.device},       {"backend", axes.backend}, {"requests", axes.requests},
          {"threads", axes.threads},     {"chunk", axes.chunk}};
}

}  // namespace

std::string_view name(ResultSource source) {
  switch (source) {
    case ResultSource::measured:
      return "measured";
    case ResultSource::simulated:
      return "simulated";
    case ResultSource::curve:
      return "curve";
  }
  return "";
}

std::vector<std::pair<std::string, std::string>> CellAxes::texts() const {
  const auto number = [](uint64_t value) { return value == 0 ? std::string() : std::to_string(value); };
  return {{"source", std::string(name(source))},
          {"model", model},
          {"trace", trace},
          {"placement", placement},
          {"state", state},
          {"compute", compute},
          {"device", device},
          {"backend", backend},
          {"requests", number(requests)},
          {"threads", number(threads)},
          {"chunk", number(chunk)}};
}

std::string CellAxes::id() const {
  std::string text;
  for (const auto& [axis, value] : texts()) text += axis + '=' + value + '\n';
  return fmt::format("{:016x}", XXH3_64bits(text.data(), text.size()));
}

std::vector<std::string> caveats(const CellAxes& axes, const json& output) {
  std::vector<std::string> found;
  if (axes.source == ResultSource::simulated) found.push_back(axes.device.empty() ? "counted" : "modelled");
  if (axes.compute.starts_with("paced:")) found.push_back("paced");
  if (output.value("emulated_device", "") != "") found.push_back("emulated");
  if (output.value("page_cache", "") == "unbounded page cache") found.push_back("unbounded page cache");
  if (const std::string caveat = output.value("caveat", ""); !caveat.empty()) found.push_back(caveat);
  std::string backend = output.value("backend", axes.backend);
  std::ranges::transform(backend, backend.begin(), [](unsigned char c) { return std::tolower(c); });
  if (backend.find("pocl") != std::string::npos) found.push_back("PoCL, which says nothing about a GPU");
  return found;
}

std::string to_line(const Result& result) {
  ordered_json line{{"tierscope_result", kSchemaVersion},
                    {"cell", result.axes.id()},
                    {"repeat", result.repeat},
                    {"axes", axes_json(result.axes)},
                    {"status", result.ok ? "ok" : "failed"},
                    {"command", result.command},
                    {"started_at", result.started_at},
                    {"wall_s", result.wall_s},
                    {"peak_rss_bytes", result.peak_rss_bytes},
                    {"table_bytes", result.table_bytes}};
  if (result.ok)
    line["output"] = ordered_json::parse(result.output);
  else
    line["error"] = result.error;
  return line.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

Result parse_result(std::string_view text, const std::string& where) {
  try {
    const json line = json::parse(text);
    if (line.at("tierscope_result").get<int>() != kSchemaVersion)
      throw Error("the result has another schema version", where, "use the tierscope that wrote it");
    Result result;
    result.axes = parse_axes(line.at("axes"), where);
    result.repeat = line.at("repeat").get<uint32_t>();
    result.ok = line.at("status").get<std::string>() == "ok";
    result.command = line.at("command").get<std::string>();
    result.started_at = line.at("started_at").get<std::string>();
    result.wall_s = line.at("wall_s").get<double>();
    result.peak_rss_bytes = line.at("peak_rss_bytes").get<uint64_t>();
    result.table_bytes = line.at("table_bytes").get<uint64_t>();
    if (result.ok)
      result.output = line.at("output").dump();
    else
      result.error = line.at("error").get<std::string>();
    return result;
  } catch (const json::exception& error) {
    throw Error(std::string("not a result: ") + error.what(), where);
  }
}

std::vector<Result> read_results(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / kFileName;
  const std::string text = read_text_file(path);
  std::vector<Result> results;
  std::unordered_map<std::string, size_t> latest;
  size_t line_number = 0;
  for (size_t start = 0; start < text.size();) {
    const size_t end = text.find('\n', start);
    if (end == std::string::npos) break;
    ++line_number;
    Result result = parse_result(std::string_view(text).substr(start, end - start),
                                 fmt::format("{}:{}", path.string(), line_number));
    const auto [at, is_new] = latest.emplace(fmt::format("{}/{}", result.axes.id(), result.repeat), results.size());
    if (is_new)
      results.push_back(std::move(result));
    else
      results[at->second] = std::move(result);
    start = end + 1;
  }
  return results;
}

ResultLog::ResultLog(const std::filesystem::path& folder) : path_(folder / kFileName) {
  fd_ = ::open(path_.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0644);
  if (fd_ < 0) fail(path_, "cannot open");
  if (::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
    ::close(fd_);
    throw Error("another run appends to it", path_.string(), "wait for it or choose another folder");
  }
  off_t end = ::lseek(fd_, 0, SEEK_END);
  for (char last = 0; end > 0; --end) {
    if (::pread(fd_, &last, 1, end - 1) != 1) fail(path_, "cannot read");
    if (last == '\n') break;
  }
  if (::ftruncate(fd_, end) != 0) fail(path_, "cannot cut off a torn line");
  ::lseek(fd_, end, SEEK_SET);
}

ResultLog::~ResultLog() {
  ::close(fd_);
}

void ResultLog::append(const Result& result) {
  const std::string line = to_line(result) + '\n';
  for (size_t done = 0; done < line.size();) {
    const ssize_t written = ::write(fd_, line.data() + done, line.size() - done);
    if (written < 0 && errno != EINTR) fail(path_, "cannot append");
    if (written > 0) done += static_cast<size_t>(written);
  }
  if (::fsync(fd_) != 0) fail(path_, "cannot sync");
}

}  // namespace tierscope
