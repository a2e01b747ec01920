// Reads rows of a table from its file by the placement's access method, on the caller's thread or behind it, whichever
// suits the batch. Owns the memory that reads land in. One owner thread.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "runtime/store/batch_reader.h"
#include "runtime/store/memory.h"
#include "runtime/store/reader_thread.h"
#include "runtime/store/table_handle.h"
#include "runtime/store/tier_store.h"

namespace tierscope {

class RowSource {
 public:
  // `memory_bytes` is allocated, aligned for reads, and registered where the method can.
  RowSource(const TableFile& table, AccessMethod access, uint64_t memory_bytes, const StoreOptions& options);
  ~RowSource();

  const TableHandle& handle() const { return handle_; }
  std::span<std::byte> memory() const { return memory_.span(); }

  // `background`: the caller will compute before it waits. The batch stays the caller's, at its place, until finished.
  void start(ReadBatch& batch, bool background);
  // Error naming file, offset and reason where a read of the batch failed.
  void finish(ReadBatch& batch);
  // As finish, but failures are not reported: before the batch's memory goes.
  void abandon(ReadBatch& batch) noexcept;
  // Reads now; for preloads.
  void read_now(std::vector<ReadOp> ops);
  // Forgets what was counted; nothing may be in flight.
  void reset_counts();

  ReadCounts counts() const;
  std::string effective_access() const;

 private:
  std::unique_ptr<BatchReader> make_reader(const std::string& name, std::string& refusal) const;
  std::unique_ptr<ReadQueue> make_queue(std::string& refusal) const;
  void settle(ReadBatch& batch);

  const AccessMethod access_;
  const StoreOptions options_;
  TableHandle handle_;
  TierMemory memory_;
  std::string refusal_;  // of the access method asked for
  std::unique_ptr<BatchReader> reader_;
  std::unique_ptr<ReaderThread> thread_;  // made when first needed
  std::vector<ReadBatch*> on_thread_;
};

}  // namespace tierscope
