// What the test program for ARM has instead of hwloc, whose ARM library is not at hand where it is built.
#include <sched.h>

#include "runtime/compute/cpu_features.h"

namespace tierscope {

std::string cpu_model() {
  return "emulated";
}

const std::vector<unsigned>& usable_cpus() {
  static const std::vector<unsigned> cpus = [] {
    cpu_set_t set;
    CPU_ZERO(&set);
    std::vector<unsigned> found;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
      for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu)
        if (CPU_ISSET(cpu, &set)) found.push_back(cpu);
    return found;
  }();
  return cpus;
}
unsigned usable_core_count() {
  return static_cast<unsigned>(usable_cpus().size());
}

}  // namespace tierscope
