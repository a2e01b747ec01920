// GGUF v3 files: reading (trusting nothing in them; split files too) and writing.
// Source: github.com/ggml-org/ggml, docs/gguf.md. Errors: Error with file and key, tensor or offset.
// A GgufFile is immutable after opening and may be shared between threads.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "runtime/base/error.h"
#include "runtime/gguf/dtype.h"

namespace tierscope {

// GGUF's ids of value types, as an array's element_type.
enum class GgufType : uint32_t { u8, i8, u16, i16, u32, i32, f32, boolean, string, array, u64, i64, f64 };

struct GgufArray;
using GgufValue = std::variant<uint64_t, int64_t, double, bool, std::string, GgufArray>;
struct GgufArray {
  GgufType element_type = GgufType::u32;
  // Empty for arrays of arrays, which are checked and skipped.
  std::variant<std::vector<uint64_t>, std::vector<int64_t>, std::vector<double>, std::vector<bool>,
               std::vector<std::string>>
      values;
  size_t size() const;
};

struct GgufTensor {
  std::string name;
  std::vector<uint64_t> shape;  // ggml order: shape[0] is the row length
  DType type = DType::f32;      // may be an id that dtype_info does not know
  uint32_t file = 0;            // index into GgufFile::paths()
  uint64_t offset = 0;          // bytes from the start of that file
  uint64_t bytes = 0;           // 0 where the type is unknown
  uint64_t values() const;      // parameters; known to fit
  uint64_t rows() const;        // product of shape[1..]
};

class GgufFile {
 public:
  // Opens `path`; where it is the first of a split ("-00001-of-00003.gguf"), its siblings too.
  static GgufFile open(const std::filesystem::path& path);

  std::span<const std::filesystem::path> paths() const;
  std::span<const GgufTensor> tensors() const;
  const GgufTensor* find(std::string_view name) const;
  const GgufTensor& tensor(std::string_view name) const;  // Error where missing
  // Error naming the tensor where its type is not one that dtype_info knows.
  const DTypeInfo& dtype(const GgufTensor& tensor) const;

  const GgufValue* value(std::string_view key) const;
  std::span<const std::pair<std::string, GgufValue>> values() const;
  // Typed access; integers of any width convert where the value fits. Error where missing (without default) or
  // mistyped.
  uint64_t unsigned_value(std::string_view key, std::optional<uint64_t> fallback = std::nullopt) const;
  double float_value(std::string_view key, std::optional<double> fallback = std::nullopt) const;
  std::string string_value(std::string_view key, std::optional<std::string> fallback = std::nullopt) const;
  // One value for all `count`, or an array of exactly `count`. Booleans count as 0 and 1.
  std::vector<uint64_t> unsigned_per_layer(std::string_view key, size_t count,
                                           std::optional<uint64_t> fallback = std::nullopt) const;
  // An error about a key or a tensor of this file: "FILE: key 'x': what; mend".
  Error error(std::string_view kind, std::string_view name, const std::string& what,
              const std::string& mend = "") const;

  uint32_t version() const;
  uint64_t alignment() const;

 private:
  struct Content;
  explicit GgufFile(std::shared_ptr<const Content> content) : content_(std::move(content)) {}
  const GgufValue& required(std::string_view key) const;

  std::shared_ptr<const Content> content_;
};

// Writes a GGUF v3 file: keys, tensor descriptions, then the data of each tensor from a producer that is asked for
// pieces of it, by several threads and in any order. The file appears under its name only when it is complete.
class GgufWriter {
 public:
  // Fills `out` with rows first_row .. first_row + row_count - 1. The same rows always get the same bytes.
  using Producer = std::function<void(uint64_t first_row, uint64_t row_count, std::byte* out)>;

  // Integers are written as uint32 or int32 where they fit, floats as float32; arrays as their element type says.
  void add(std::string key, GgufValue value);
  // std::logic_error where a row is no whole number of blocks.
  void add_tensor(std::string name, std::vector<uint64_t> shape, DType type, Producer rows);
  uint64_t file_bytes() const;
  // The result does not depend on `threads`. Error where the disk is too small for it, before anything is written.
  void write(const std::filesystem::path& path, unsigned threads = 1) const;

 private:
  struct Tensor {
    std::string name;
    std::vector<uint64_t> shape;
    DType type;
    Producer rows;
    uint64_t offset;  // into the data
    uint64_t row_bytes, row_count;
  };
  struct Piece {
    const Tensor* tensor;
    uint64_t first_row, row_count;
  };
  std::string header() const;
  std::vector<Piece> pieces() const;

  std::vector<std::pair<std::string, GgufValue>> values_;
  std::vector<Tensor> tensors_;
  uint64_t data_bytes_ = 0;
};

}  // namespace tierscope
