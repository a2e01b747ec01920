#include "runtime/placement/copy_rows.h"

#include <algorithm>
#include <cstring>

namespace tierscope {
namespace {

constexpr size_t kCacheLineBytes = 64;
// So much is copied, then as much of the next row asked for. Small enough that memcpy moves it by vectors: with pieces
// of 1 KiB and more it uses string instructions, which get in the way of what was asked for.
constexpr size_t kPieceBytes = 256;

}  // namespace

void copy_rows(const StepRows& rows, size_t row_bytes, std::span<std::byte> to) {
  const size_t count = to.size() / row_bytes;
  if (count == 0) return;
  const std::byte* row = rows.row(0);
  for (size_t i = 0; i < count; ++i, to = to.subspan(row_bytes)) {
    const std::byte* const next = i + 1 < count ? rows.row(i + 1) : row;
    for (size_t at = 0; at < row_bytes; at += kPieceBytes) {
      const size_t piece = std::min(kPieceBytes, row_bytes - at);
      for (size_t line = 0; line < piece; line += kCacheLineBytes) __builtin_prefetch(next + at + line);
      std::memcpy(to.data() + at, row + at, piece);
    }
    row = next;
  }
}

}  // namespace tierscope
