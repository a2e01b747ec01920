#include "runtime/metrics/process_stats.h"

#include <sys/resource.h>

#include <fstream>
#include <string>

namespace tierscope {
namespace {

// The number after `key` in a file of "key value" lines.
std::optional<uint64_t> value_in(const char* path, const std::string& key) {
  std::ifstream in(path);
  for (std::string word; in >> word;) {
    uint64_t value = 0;
    if (word == key && in >> value) return value;
  }
  return std::nullopt;
}

}  // namespace

std::optional<uint64_t> peak_rss_bytes() {
  const auto kibibytes = value_in("/proc/self/status", "VmHWM:");
  return kibibytes ? std::optional(*kibibytes * 1024) : std::nullopt;
}

bool reset_peak_rss() {
  std::ofstream out("/proc/self/clear_refs");
  out << "5" << std::flush;
  return out.good();
}

std::optional<uint64_t> storage_read_bytes() {
  return value_in("/proc/self/io", "read_bytes:");
}

uint64_t major_faults() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<uint64_t>(usage.ru_majflt);
}

}  // namespace tierscope
