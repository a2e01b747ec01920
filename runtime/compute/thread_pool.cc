#include "runtime/compute/thread_pool.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <cassert>

namespace tierscope {
namespace {

// About 50 us of waiting on current CPUs: longer than the serial parts between two sections of a decoder, shorter than
// a scheduler tick.
constexpr unsigned kSpins = 2000;

void pause_cpu() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Waits until the value differs from `old`: spins first, then sleeps.
uint32_t wait_for_change(const std::atomic<uint32_t>& value, uint32_t old, unsigned spins) {
  for (unsigned spin = 0; spin < spins; ++spin) {
    const uint32_t now = value.load(std::memory_order_acquire);
    if (now != old) return now;
    pause_cpu();
  }
  value.wait(old, std::memory_order_acquire);
  return value.load(std::memory_order_acquire);
}

// Best effort: a container may forbid it, and an unpinned worker is only slower.
void pin_to(unsigned cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (cpu >= CPU_SETSIZE) return;
  CPU_SET(cpu, &set);
  pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

}  // namespace

ThreadPool::ThreadPool(unsigned threads, CpuLevel level)
    // More threads than CPUs must yield at once to whoever has work.
    : level_(level), spins_(threads <= usable_cpus().size() ? kSpins : 0), arenas_(threads + 1), shared_(threads) {
  assert(threads > 0);
  const std::vector<unsigned>& cpus = usable_cpus();
  for (unsigned worker = 1; worker < threads && threads <= cpus.size(); ++worker)
    worker_cpus_.push_back(static_cast<int>(cpus[worker]));
  std::ranges::sort(worker_cpus_);
  for (unsigned worker = 1; worker < threads; ++worker) workers_.emplace_back([this, worker] { serve(worker); });
}

ThreadPool::~ThreadPool() {
  stopping_.store(true, std::memory_order_relaxed);
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
}

void ThreadPool::serve(unsigned worker) {
  const std::vector<unsigned>& cpus = usable_cpus();
  if (size_t{worker} < cpus.size()) pin_to(cpus[worker]);
  for (uint32_t seen = 0;;) {
    seen = wait_for_change(generation_, seen, spins_);
    if (stopping_.load(std::memory_order_relaxed)) return;
    work_(context_, worker);
    unfinished_.fetch_sub(1, std::memory_order_release);
  }
}

void ThreadPool::run_erased(Erased work, void* context) {
  if (workers_.empty()) return work(context, 0);
  leave_worker_cpus();
  work_ = work;
  context_ = context;
  unfinished_.store(static_cast<uint32_t>(workers_.size()), std::memory_order_relaxed);
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
  work(context, 0);
  wait_for_workers();
}

// A caller that slept may wake on a worker's CPU: the two would share that one until the scheduler's balancing, some
// milliseconds later, while another idles. Looking costs some nanoseconds; moving, a few microseconds.
void ThreadPool::leave_worker_cpus() const {
  if (worker_cpus_.empty() || !std::ranges::binary_search(worker_cpus_, sched_getcpu())) return;
  cpu_set_t allowed;
  if (pthread_getaffinity_np(pthread_self(), sizeof allowed, &allowed) != 0) return;
  cpu_set_t others = allowed;
  for (const int cpu : worker_cpus_) CPU_CLR(cpu, &others);
  if (CPU_COUNT(&others) == 0) return;
  // Narrowing moves at once; widened again, it stays where it is.
  pthread_setaffinity_np(pthread_self(), sizeof others, &others);
  pthread_setaffinity_np(pthread_self(), sizeof allowed, &allowed);
}

// The caller yields where others take long, but does not sleep: a worker's wake-up would move it to the worker's own
// CPU, and the two would share that one while another idles.
void ThreadPool::wait_for_workers() const {
  for (unsigned spin = 0; unfinished_.load(std::memory_order_acquire) != 0; ++spin)
    if (spin < spins_)
      pause_cpu();
    else
      sched_yield();
}

std::byte* ThreadPool::scratch(unsigned index, size_t bytes) {
  constexpr size_t kAlignment = 64;
  std::vector<std::byte>& storage = arenas_[index].storage;
  if (storage.size() < bytes + kAlignment) storage.resize(bytes + kAlignment);
  const auto address = reinterpret_cast<uintptr_t>(storage.data());
  return storage.data() + (kAlignment - address % kAlignment) % kAlignment;
}

}  // namespace tierscope
