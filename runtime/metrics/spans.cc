#include "runtime/metrics/spans.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "runtime/base/atomic_file.h"

namespace tierscope {

uint32_t SpanRecorder::track(const std::string& name) {
  const std::lock_guard lock(mutex_);
  tracks_.push_back(name);
  return static_cast<uint32_t>(tracks_.size() - 1);
}

void SpanRecorder::add(uint32_t track, const char* name, Clock::time_point begin, Clock::time_point end,
                       const char* unit, uint64_t value) {
  const auto since_origin = [&](Clock::time_point at) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(at - origin_).count();
  };
  const std::lock_guard lock(mutex_);
  if (spans_.size() == kMaxSpans)
    ++dropped_;
  else
    spans_.push_back({track, name, unit, since_origin(begin), since_origin(end), value});
}

size_t SpanRecorder::size() const {
  const std::lock_guard lock(mutex_);
  return spans_.size();
}

void SpanRecorder::write(const std::filesystem::path& path) const {
  const std::lock_guard lock(mutex_);
  AtomicFile file(path);
  file.write(
      fmt::format("{{\"displayTimeUnit\":\"ns\",\"otherData\":{{\"dropped_spans\":{}}},\"traceEvents\":[\n", dropped_));
  for (size_t i = 0; i < tracks_.size(); ++i)
    file.write(fmt::format("{{\"ph\":\"M\",\"pid\":1,\"tid\":{},\"name\":\"thread_name\",\"args\":{{\"name\":{}}}}},\n",
                           i, nlohmann::json(tracks_[i]).dump()));
  for (const Span& span : spans_) {
    // Chrome's unit is the microsecond.
    file.write(fmt::format("{{\"ph\":\"X\",\"pid\":1,\"tid\":{},\"name\":\"{}\",\"ts\":{:.3f},\"dur\":{:.3f}",
                           span.track, span.name, static_cast<double>(span.begin_ns) / 1e3,
                           static_cast<double>(span.end_ns - span.begin_ns) / 1e3));
    if (span.unit) file.write(fmt::format(",\"args\":{{\"{}\":{}}}", span.unit, span.value));
    file.write("},\n");
  }
  file.write("{\"ph\":\"M\",\"pid\":1,\"name\":\"process_name\",\"args\":{\"name\":\"tierscope\"}}\n]}\n");
  file.commit();
}

}  // namespace tierscope
