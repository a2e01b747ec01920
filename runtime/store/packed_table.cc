#include "runtime/store/packed_table.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <memory>

#include "runtime/base/atomic_file.h"
#include "runtime/base/error.h"

namespace tierscope {
namespace {

constexpr uint64_t kMagic = 0x31776f5273546c50;  // "PlTsRow1", little-endian
constexpr uint64_t kPieceBytes = uint64_t{8} << 20;
constexpr const char* kPackAgain = "make it again with: tierscope pack";

// The file's first page; the rest of it is zero. All numbers little-endian, as everything in a GGUF file.
struct Header {
  uint64_t magic = kMagic;
  uint64_t rows = 0, row_bytes = 0, stride = 0;
  uint64_t rows_offset = kPageBytes;
  uint64_t hashes_offset = 0;  // XXH3 of each row
  uint64_t hashes_hash = 0;    // XXH3 of these
  uint64_t table_hash = 0;     // XXH3 of all rows, as they lie in the model
  uint64_t model_bytes = 0;
  int64_t model_modified_ns = 0;
  uint64_t header_hash = 0;  // of all before
};
static_assert(std::endian::native == std::endian::little);

uint64_t hash_of(const Header& header) {
  return XXH3_64bits(&header, offsetof(Header, header_hash));
}

struct HashStateDeleter {
  void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
};

class InputFile {
 public:
  explicit InputFile(const std::filesystem::path& path) : path_(path) {
    fd_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd_ < 0) throw Error(fmt::format("cannot open: {}", std::strerror(errno)), path.string(), "check the path");
    struct stat info {};
    ::fstat(fd_, &info);
    bytes_ = static_cast<uint64_t>(info.st_size);
    modified_ns_ = info.st_mtim.tv_sec * 1'000'000'000LL + info.st_mtim.tv_nsec;
  }
  ~InputFile() { ::close(fd_); }
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  void read(uint64_t offset, void* to, uint64_t bytes) const {
    auto* out = static_cast<char*>(to);
    while (bytes > 0) {
      const ssize_t done = ::pread(fd_, out, bytes, static_cast<off_t>(offset));
      if (done < 0 && errno == EINTR) continue;
      if (done <= 0)
        throw Error(fmt::format("cannot read {} bytes at offset {}: {}", bytes, offset,
                                done < 0 ? std::strerror(errno) : "the file ends there"),
                    path_.string(), "check the file and the disk");
      out += done;
      offset += static_cast<uint64_t>(done);
      bytes -= static_cast<uint64_t>(done);
    }
  }
  uint64_t bytes() const { return bytes_; }
  int64_t modified_ns() const { return modified_ns_; }

 private:
  std::filesystem::path path_;
  int fd_ = -1;
  uint64_t bytes_ = 0;
  int64_t modified_ns_ = 0;
};

// Calls visit(first_row, rows, bytes) for consecutive pieces of the table, and gives the hash of all its rows.
template <class Visit>
uint64_t for_each_piece(const TableFile& table, const InputFile& file, Visit visit) {
  const std::unique_ptr<XXH3_state_t, HashStateDeleter> state(XXH3_createState());
  XXH3_64bits_reset(state.get());
  const uint64_t piece_rows = std::max<uint64_t>(1, kPieceBytes / table.row_bytes);
  std::vector<std::byte> piece(piece_rows * table.row_bytes);
  for (uint64_t first = 0; first < table.rows; first += piece_rows) {
    const uint64_t rows = std::min(piece_rows, table.rows - first);
    file.read(table.row_offset(first), piece.data(), rows * table.row_bytes);
    XXH3_64bits_update(state.get(), piece.data(), rows * table.row_bytes);
    visit(first, rows, piece.data());
  }
  return XXH3_64bits_digest(state.get());
}

std::span<const std::byte> as_bytes(const auto& values) {
  return std::as_bytes(std::span(values));
}

Header read_header(const std::filesystem::path& packed, const InputFile& file) {
  Header header;
  if (file.bytes() < kPageBytes) throw Error("not a packed table: too short", packed.string(), kPackAgain);
  file.read(0, &header, sizeof(header));
  if (header.magic != kMagic) throw Error("not a packed table, or of another version", packed.string(), kPackAgain);
  if (header.header_hash != hash_of(header)) throw Error("the header is damaged", packed.string(), kPackAgain);
  return header;
}

void check_model(const std::filesystem::path& packed, const Header& header, const TableFile& model) {
  if (header.rows != model.rows || header.row_bytes != model.row_bytes)
    throw Error(fmt::format("packed from another model: {} rows of {} bytes, but {} has {} of {}", header.rows,
                            header.row_bytes, model.path.string(), model.rows, model.row_bytes),
                packed.string(), kPackAgain);
  const InputFile file(model.path);
  if (file.bytes() == header.model_bytes && file.modified_ns() == header.model_modified_ns) return;
  const uint64_t hash = for_each_piece(model, file, [](uint64_t, uint64_t, const std::byte*) {});
  if (hash != header.table_hash)
    throw Error(fmt::format("packed from another model, or stale: the rows of {} differ", model.path.string()),
                packed.string(), kPackAgain);
}

}  // namespace

uint64_t packed_stride(uint64_t row_bytes) {
  if (row_bytes <= kPageBytes) return std::bit_ceil(row_bytes);
  return (row_bytes + kPageBytes - 1) / kPageBytes * kPageBytes;
}

void pack_table(const TableFile& table, const std::filesystem::path& out,
                const std::function<void(double share)>& progress) {
  const InputFile model(table.path);
  Header header;
  header.rows = table.rows;
  header.row_bytes = table.row_bytes;
  header.stride = packed_stride(table.row_bytes);
  header.hashes_offset = header.rows_offset + header.rows * header.stride;
  header.model_bytes = model.bytes();
  header.model_modified_ns = model.modified_ns();

  AtomicFile file(out);
  file.reserve(header.hashes_offset + header.rows * sizeof(uint64_t));
  std::vector<uint64_t> hashes;
  std::vector<std::byte> spread;
  header.table_hash = for_each_piece(table, model, [&](uint64_t first, uint64_t rows, const std::byte* piece) {
    spread.assign(rows * header.stride, std::byte{0});
    for (uint64_t row = 0; row < rows; ++row) {
      const std::byte* from = piece + row * table.row_bytes;
      std::memcpy(spread.data() + row * header.stride, from, table.row_bytes);
      hashes.push_back(XXH3_64bits(from, table.row_bytes));
    }
    file.write_at(header.rows_offset + first * header.stride, spread);
    if (progress) progress(static_cast<double>(first + rows) / static_cast<double>(table.rows));
  });
  file.write_at(header.hashes_offset, as_bytes(hashes));
  header.hashes_hash = XXH3_64bits(hashes.data(), hashes.size() * sizeof(uint64_t));
  header.header_hash = hash_of(header);
  file.write_at(0, std::as_bytes(std::span(&header, 1)));
  file.commit();
}

TableFile open_packed_table(const std::filesystem::path& packed, const TableFile& model) {
  const InputFile file(packed);
  const Header header = read_header(packed, file);
  check_model(packed, header, model);
  if (file.bytes() != header.hashes_offset + header.rows * sizeof(uint64_t))
    throw Error(fmt::format("the file has {} bytes, not the {} that its header says", file.bytes(),
                            header.hashes_offset + header.rows * sizeof(uint64_t)),
                packed.string(), kPackAgain);
  auto hashes = std::make_shared<std::vector<uint64_t>>(header.rows);
  file.read(header.hashes_offset, hashes->data(), header.rows * sizeof(uint64_t));
  if (XXH3_64bits(hashes->data(), header.rows * sizeof(uint64_t)) != header.hashes_hash)
    throw Error("the rows' checksums are damaged", packed.string(), kPackAgain);
  return {packed, header.rows_offset, header.rows, header.row_bytes, header.stride, std::move(hashes)};
}

}  // namespace tierscope
