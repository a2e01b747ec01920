// What the program itself spends on a step, on the thread that computes: interpolated between the whole steps that the
// profile has measured, where it has; else a cost per step, per access, per read and per row copied.
// Immutable after construction: thread-safe.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "sim/device_profile.h"

namespace tierscope {

// A step's rows, by what they cost.
struct HostWork {
  uint32_t accesses = 0;
  uint32_t rows_read = 0;  // distinct; the other accesses are at hand
  uint32_t reads = 0;      // operations that fetch them: neighbours share one
  uint32_t fills = 0;      // slots in RAM
};

class HostModel {
 public:
  HostModel(const DeviceProfile& device, uint64_t row_bytes, uint32_t start_depth);

  // From the step's start until its reads are handed over.
  double begin_us(const HostWork& work) const;
  // Of it, what handing the reads over takes; measured steps hand them over where they wait for them.
  double submit_us(const HostWork& work) const;
  // Handing over reads that no step waits for yet.
  double prefetch_us(uint32_t reads) const { return std::min(reads, start_depth_) * read_us_; }
  // Awaiting rows that are there already; without the reads, what their delivery alone takes.
  double collect_us(const HostWork& work) const;
  double deliver_us(const HostWork& work) const;
  double retire_us(const HostWork& work) const;
  // Copying so many bytes from one place in memory to another.
  double copy_us(uint64_t bytes) const { return static_cast<double>(bytes) * copy_us_per_byte_; }

 private:
  using Member = double HostStep::*;
  struct Curve {
    std::vector<HostStep> steps;  // by rows
    double at(double rows, Member member) const;
  };
  // Reads and what is at hand, each above an empty step, once.
  double mixed(const HostWork& work, const Curve& reads, Member member) const;

  bool measured_ = false;
  Curve cached_, read_, kept_;
  double step_us_ = 0, access_us_ = 0, read_us_ = 0, row_copy_us_ = 0, copy_us_per_byte_ = 0;
  uint32_t start_depth_ = 0;
};

}  // namespace tierscope
