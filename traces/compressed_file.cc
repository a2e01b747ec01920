#include "traces/compressed_file.h"

#include <zstd.h>

#include <string>

#include "runtime/base/atomic_file.h"
#include "runtime/base/error.h"

namespace tierscope {
namespace {

constexpr int kLevel = 12;  // beyond it traces shrink by less than 5 % and take several times as long

}  // namespace

struct CompressedFile::State {
  AtomicFile file;
  ZSTD_CStream* zstd = nullptr;
  std::string buffer;

  explicit State(const std::filesystem::path& path) : file(path) {
    if (path.extension() != ".zst") return;
    zstd = ZSTD_createCStream();
    ZSTD_CCtx_setParameter(zstd, ZSTD_c_compressionLevel, kLevel);
    buffer.resize(ZSTD_CStreamOutSize());
  }
  ~State() { ZSTD_freeCStream(zstd); }

  void put(std::string_view bytes, ZSTD_EndDirective end) {
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    for (;;) {
      ZSTD_outBuffer out{buffer.data(), buffer.size(), 0};
      const size_t left = ZSTD_compressStream2(zstd, &out, &in, end);
      if (ZSTD_isError(left)) throw Error(std::string("zstd: ") + ZSTD_getErrorName(left));
      file.write(std::string_view(buffer.data(), out.pos));
      if (end == ZSTD_e_end ? left == 0 : in.pos == in.size) return;
    }
  }
};

CompressedFile::CompressedFile(const std::filesystem::path& path) : state_(std::make_unique<State>(path)) {}
CompressedFile::~CompressedFile() = default;

void CompressedFile::write(std::string_view bytes) {
  if (state_->zstd)
    state_->put(bytes, ZSTD_e_continue);
  else
    state_->file.write(bytes);
}

void CompressedFile::commit() {
  if (state_->zstd) state_->put({}, ZSTD_e_end);
  state_->file.commit();
}

}  // namespace tierscope
