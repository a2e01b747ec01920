// What happened when, for a timeline: spans on named tracks, kept in memory and written as Chrome trace JSON (opens in
// Perfetto). Recording is thread-safe and takes well under a microsecond; names must outlive the recorder.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string>
#include <vector>

namespace tierscope {

class SpanRecorder {
 public:
  using Clock = std::chrono::steady_clock;

  SpanRecorder() : origin_(Clock::now()) {}

  // A track of its own on the timeline: a thread, or a slot of the read queue.
  uint32_t track(const std::string& name);
  // `value` is what the span is about: a row, a block, a number of bytes; `unit` names it.
  void add(uint32_t track, const char* name, Clock::time_point begin, Clock::time_point end, const char* unit = nullptr,
           uint64_t value = 0);

  size_t size() const;
  // Spans beyond kMaxSpans are dropped and counted; the file says how many.
  void write(const std::filesystem::path& path) const;

 private:
  static constexpr size_t kMaxSpans = 4'000'000;
  struct Span {
    uint32_t track = 0;
    const char* name = nullptr;
    const char* unit = nullptr;
    int64_t begin_ns = 0, end_ns = 0;
    uint64_t value = 0;
  };

  const Clock::time_point origin_;
  mutable std::mutex mutex_;
  std::vector<std::string> tracks_;
  std::vector<Span> spans_;
  uint64_t dropped_ = 0;
};

}  // namespace tierscope
