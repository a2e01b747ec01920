// Waiting for a moment more exactly than the scheduler wakes. Thread-safe.
#pragma once

#include <chrono>
#include <thread>

namespace tierscope {

// Sleeps for all but the last stretch, which is spent looking at the clock: sleepers wake late by up to that.
inline void wait_until(std::chrono::steady_clock::time_point end) {
  constexpr std::chrono::microseconds kWakeLateness{200};
  if (end - std::chrono::steady_clock::now() > kWakeLateness) std::this_thread::sleep_until(end - kWakeLateness);
  while (std::chrono::steady_clock::now() < end) {
  }
}

}  // namespace tierscope
