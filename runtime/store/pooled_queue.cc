#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <csetjmp>
#include <csignal>
#include <cstring>
#include <deque>
#include <mutex>
#include <thread>

#include "runtime/base/error.h"
#include "runtime/store/read_queue.h"

namespace tierscope {
namespace {

// Threads that each carry one read at a time, by a blocking function.
class PooledQueue : public ReadQueue {
 public:
  using Reader = std::function<int32_t(const RawRead&)>;

  PooledQueue(unsigned threads, Reader reader, std::string access) : reader_(std::move(reader)), access_(access) {
    for (unsigned i = 0; i < std::max(1u, threads); ++i) threads_.emplace_back([this] { work(); });
  }

  ~PooledQueue() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_workers_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

  void exchange(std::span<const RawRead> reads, std::vector<RawCompletion>& completed, size_t at_least) override {
    std::unique_lock lock(mutex_);
    waiting_.insert(waiting_.end(), reads.begin(), reads.end());
    if (reads.size() == 1) wake_workers_.notify_one();
    if (reads.size() > 1) wake_workers_.notify_all();
    wanted_ = at_least;
    wake_owner_.wait(lock, [&] { return completed_.size() >= at_least; });
    wanted_ = SIZE_MAX;
    completed.insert(completed.end(), completed_.begin(), completed_.end());
    completed_.clear();
  }

  // The threads are the depth: more reads merely wait here.
  uint32_t max_depth() const override { return UINT32_MAX; }
  bool needs_pumping() const override { return false; }
  std::string effective_access() const override { return access_; }

 private:
  void work() {
    std::unique_lock lock(mutex_);
    while (true) {
      wake_workers_.wait(lock, [&] { return stopping_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      const RawRead read = waiting_.front();
      waiting_.pop_front();
      lock.unlock();
      const int32_t result = reader_(read);
      lock.lock();
      completed_.push_back({read.tag, result});
      if (completed_.size() >= wanted_) wake_owner_.notify_one();
    }
  }

  Reader reader_;
  std::string access_;
  std::mutex mutex_;
  std::condition_variable wake_workers_, wake_owner_;
  std::deque<RawRead> waiting_;
  std::vector<RawCompletion> completed_;
  size_t wanted_ = SIZE_MAX;  // completions that the owner waits for
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

// A page of a mapping that its file no longer has raises SIGBUS; while a thread copies, that becomes an error of its
// read. Anything else is left to whoever handled SIGBUS before.
thread_local sigjmp_buf* volatile copy_guard = nullptr;
struct sigaction previous_sigbus;

void on_sigbus(int signal, siginfo_t* info, void* context) {
  if (copy_guard) siglongjmp(*copy_guard, 1);
  if (previous_sigbus.sa_flags & SA_SIGINFO) {
    previous_sigbus.sa_sigaction(signal, info, context);
    return;
  }
  ::sigaction(SIGBUS, &previous_sigbus, nullptr);
  ::raise(signal);
}

void handle_sigbus() {
  static std::once_flag once;
  std::call_once(once, [] {
    struct sigaction action {};
    action.sa_sigaction = on_sigbus;
    action.sa_flags = SA_SIGINFO | SA_NODEFER;
    ::sigaction(SIGBUS, &action, &previous_sigbus);
  });
}

bool copy_guarded(std::byte* to, const std::byte* from, size_t bytes) {
  sigjmp_buf guard;
  // Without the signal mask: the handler does not block SIGBUS, and saving it would cost a system call a row.
  if (sigsetjmp(guard, 0) != 0) {
    copy_guard = nullptr;
    return false;
  }
  copy_guard = &guard;
  std::atomic_signal_fence(std::memory_order_seq_cst);
  std::memcpy(to, from, bytes);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  copy_guard = nullptr;
  return true;
}

class Mapping {
 public:
  explicit Mapping(const TableHandle& handle) : bytes_(handle.table().end()) {
    address_ = ::mmap(nullptr, bytes_, PROT_READ, MAP_SHARED, handle.fd(), 0);
    if (address_ == MAP_FAILED)
      throw Error(std::string("cannot map: ") + std::strerror(errno), handle.table().path.string());
    ::madvise(address_, bytes_, MADV_RANDOM);
    handle_sigbus();
  }
  ~Mapping() { ::munmap(address_, bytes_); }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  int32_t read(const RawRead& read) const {
    if (read.offset >= bytes_) return 0;
    const auto bytes = static_cast<size_t>(std::min<uint64_t>(read.bytes, bytes_ - read.offset));
    return copy_guarded(read.to, static_cast<const std::byte*>(address_) + read.offset, bytes)
               ? static_cast<int32_t>(bytes)
               : -EIO;
  }

 private:
  uint64_t bytes_ = 0;
  void* address_ = nullptr;
};

std::string with_refusal(std::string access, const TableHandle& table) {
  return table.refusal().empty() ? access : access + " (" + table.refusal() + ")";
}

}  // namespace

std::unique_ptr<ReadQueue> make_pread_queue(const TableHandle& table, unsigned threads) {
  const auto read = [fd = table.fd()](const RawRead& raw) {
    const ssize_t done = ::pread(fd, raw.to, raw.bytes, static_cast<off_t>(raw.offset));
    return done < 0 ? -errno : static_cast<int32_t>(done);
  };
  const std::string access = table.direct() ? "pread+o_direct" : "pread";
  return std::make_unique<PooledQueue>(threads, read, with_refusal(access, table));
}

std::unique_ptr<ReadQueue> make_mmap_queue(const TableHandle& table, unsigned threads) {
  const auto mapping = std::make_shared<Mapping>(table);
  return std::make_unique<PooledQueue>(
      threads, [mapping](const RawRead& raw) { return mapping->read(raw); }, "mmap+madv_random");
}

}  // namespace tierscope
