#include "runtime/placement/step_schedule.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "runtime/base/atomic_file.h"
#include "runtime/base/error.h"
#include "traces/line_reader.h"

namespace tierscope {
namespace {

using nlohmann::json;

BatchStep step_of(const json& line) {
  BatchStep step;
  const std::string kind = line.at(0);
  if (kind != "prefill" && kind != "decode") throw std::invalid_argument("a step is 'prefill' or 'decode'");
  step.prefill = kind == "prefill";
  for (size_t i = 1; i < line.size(); ++i) {
    const auto [request, first, count] = line[i].get<std::tuple<uint32_t, uint32_t, uint32_t>>();
    step.parts.push_back({request, 0, first, count});
  }
  if (step.parts.empty()) throw std::invalid_argument("a step computes at least one token");
  return step;
}

}  // namespace

std::vector<BatchRequest> batch_requests(const TokenTrace& trace, const BatchOptions& options) {
  std::vector<BatchRequest> requests;
  for (const Request& request : trace.requests) {
    const auto prompt = static_cast<uint32_t>(request.prompt_count());
    const auto tokens = static_cast<uint32_t>(request.token_count());
    requests.push_back({request.arrival_s.value_or(0), prompt, tokens - prompt,
                        options.kv_bytes_of ? options.kv_bytes_of(tokens) : 0});
  }
  return requests;
}

StepSchedule read_schedule(const std::filesystem::path& path) {
  LineReader lines(path);
  StepSchedule schedule;
  std::string line;
  const auto parsed = [&](auto read) {
    try {
      read(json::parse(line));
    } catch (const std::exception& error) {
      throw Error(std::string("not a line of a step schedule: ") + error.what(),
                  fmt::format("{}:{}", path.string(), lines.line_number()), "write one with replay --schedule");
    }
  };
  if (!lines.next(line)) throw Error("the step schedule is empty", path.string());
  parsed([&](const json& header) {
    if (header.at("tierscope_schedule") != 1) throw std::invalid_argument("this program reads version 1");
    schedule.trace = header.at("trace");
    schedule.requests = header.at("requests");
  });
  while (lines.next(line)) parsed([&](const json& step) { schedule.steps.push_back(step_of(step)); });
  return schedule;
}

void write_schedule(const std::filesystem::path& path, const StepSchedule& schedule) {
  AtomicFile file(path);
  file.write(json{{"tierscope_schedule", 1}, {"trace", schedule.trace}, {"requests", schedule.requests}}.dump() + "\n");
  for (const BatchStep& step : schedule.steps) {
    json line{step.prefill ? "prefill" : "decode"};
    for (const StepPart& part : step.parts) line.push_back({part.request, part.first, part.count});
    file.write(line.dump() + "\n");
  }
  file.commit();
}

AccessStream make_access_stream(const TokenTrace& trace, const Addressing& addressing,
                                const std::vector<BatchStep>& steps, const std::string& where) {
  StreamBuilder builder(trace, addressing);
  std::vector<uint64_t> position(trace.requests.size());
  for (const BatchStep& step : steps) {
    builder.begin_step(step.prefill);
    for (const StepPart& part : step.parts) {
      const uint64_t end = part.first + uint64_t{part.count};
      if (part.request >= trace.requests.size() || part.first != position[part.request] || part.count == 0 ||
          end > trace.requests[part.request].token_count())
        throw Error(fmt::format("a step names tokens {} to {} of request {}, which are not next", part.first, end,
                                part.request),
                    where, "the schedule belongs to another trace");
      position[part.request] = end;
      builder.add(part.request, part.first, end);
    }
  }
  for (size_t r = 0; r < trace.requests.size(); ++r)
    if (position[r] != trace.requests[r].token_count())
      throw Error(fmt::format("the steps end before request {} does", r), where,
                  "use the trace, and as many of its requests, as the schedule was written for");
  return builder.take();
}

}  // namespace tierscope
