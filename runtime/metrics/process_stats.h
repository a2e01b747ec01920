// What the kernel counts for this process. Thread-safe. Absent where the kernel does not tell.
#pragma once

#include <cstdint>
#include <optional>

namespace tierscope {

// Largest resident set since the process began, or since reset_peak_rss().
std::optional<uint64_t> peak_rss_bytes();
// False where the kernel refuses; the peak then still includes what came before.
bool reset_peak_rss();
// Bytes that this process made the storage layer fetch, page faults included.
std::optional<uint64_t> storage_read_bytes();
uint64_t major_faults();

}  // namespace tierscope
