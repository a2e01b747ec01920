// A team of threads for short parallel sections: one dispatch and one join cost about a microsecond, because waiting
// threads spin for a while before they sleep. Passed explicitly, never global.
// Thread-safety: one thread at a time uses a pool. Work must not throw.
#pragma once

#include <algorithm>
#include <atomic>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "runtime/compute/cpu.h"

namespace tierscope {

// Hands out [0, items) to workers piece by piece: to each first its own contiguous share from front to back, so that
// its memory is one stream, then what others have not come to, from the back. One that was held up does less. For work
// whose results do not depend on who does it. Thread-safe, but for reset.
class SharedRange {
 public:
  explicit SharedRange(unsigned workers) : shares_(workers) {}

  // `pieces`: that a share is taken in.
  void reset(size_t items, unsigned pieces) {
    const size_t workers = shares_.size();
    assert(items < uint64_t{1} << 32);
    piece_ = static_cast<uint32_t>(std::max<size_t>(1, items / (workers * pieces)));
    for (size_t worker = 0; worker < workers; ++worker)
      shares_[worker].range.store(pack(items * worker / workers, items * (worker + 1) / workers),
                                  std::memory_order_relaxed);
  }
  bool take(unsigned worker, size_t& first, size_t& last) {
    for (size_t i = 0; i < shares_.size(); ++i)
      if (take_from(shares_[(worker + i) % shares_.size()], i == 0, first, last)) return true;
    return false;
  }

 private:
  struct alignas(64) Share {
    std::atomic<uint64_t> range = 0;  // what is left: first in the low half, last in the high one
  };

  static uint64_t pack(uint64_t first, uint64_t last) { return first | last << 32; }
  bool take_from(Share& share, bool front, size_t& first, size_t& last) const {
    uint64_t range = share.range.load(std::memory_order_relaxed), left = 0;
    do {
      first = static_cast<uint32_t>(range);
      last = range >> 32;
      if (first >= last) return false;
      const size_t count = std::min<size_t>(piece_, last - first);
      left = front ? pack(first + count, last) : pack(first, last - count);
      if (front)
        last = first + count;
      else
        first = last - count;
    } while (!share.range.compare_exchange_weak(range, left, std::memory_order_relaxed));
    return true;
  }

  std::vector<Share> shares_;
  uint32_t piece_ = 1;
};

class ThreadPool {
 public:
  // The calling thread is worker 0; the others are pinned, each to a core of its own while there are enough. The caller
  // is left unpinned: threads that it starts later would inherit its CPU. Found on a worker's, it moves to another.
  // `level`: the kernels that work given to this pool uses.
  explicit ThreadPool(unsigned threads, CpuLevel level = chosen_level());
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  unsigned size() const { return static_cast<unsigned>(workers_.size()) + 1; }
  CpuLevel level() const { return level_; }

  // Calls work(worker) once on each worker and returns when all have returned.
  template <class Work>
  void run(Work&& work) {
    run_erased([](void* context, unsigned worker) { (*static_cast<std::remove_reference_t<Work>*>(context))(worker); },
               const_cast<void*>(static_cast<const void*>(std::addressof(work))));
  }

  // Calls work(first, last, worker) on contiguous shares of [0, items) whose borders are multiples of `grain`. The
  // shares depend on the items, the grain and the pool's size only.
  template <class Work>
  void split(size_t items, size_t grain, Work&& work) {
    const size_t grains = (items + grain - 1) / grain;
    if (grains <= 1 || size() == 1) {
      if (items > 0) work(size_t{0}, items, 0U);
      return;
    }
    run([&](unsigned worker) {
      const size_t first = grains * worker / size() * grain;
      const size_t last = std::min(items, grains * (worker + 1) / size() * grain);
      if (first < last) work(first, last, worker);
    });
  }

  // Calls work(worker, range) once on each worker; they share `items` through the range.
  template <class Work>
  void share(size_t items, unsigned pieces, Work&& work) {
    shared_.reset(items, pieces);
    run([&](unsigned worker) { work(worker, shared_); });
  }

  // Memory of a worker for the time of a call, 64-byte aligned, kept and grown between calls. Index size() is one
  // more area, for what workers share; grow it outside `run`.
  std::byte* scratch(unsigned index, size_t bytes);

 private:
  using Erased = void (*)(void* context, unsigned worker);
  struct Arena {
    std::vector<std::byte> storage;
  };

  void run_erased(Erased work, void* context);
  void serve(unsigned worker);
  void leave_worker_cpus() const;
  void wait_for_workers() const;

  const CpuLevel level_;
  const unsigned spins_;
  std::vector<int> worker_cpus_;  // where workers are pinned to CPUs that the caller can leave to them; sorted
  std::vector<Arena> arenas_;
  SharedRange shared_;
  Erased work_ = nullptr;
  void* context_ = nullptr;
  alignas(64) std::atomic<uint32_t> generation_ = 0;
  alignas(64) std::atomic<uint32_t> unfinished_ = 0;
  std::atomic<bool> stopping_ = false;
  std::vector<std::jthread> workers_;
};

}  // namespace tierscope
