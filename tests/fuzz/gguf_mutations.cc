// Thousands of damaged copies of a small model: whatever the damage, opening it gives a file or an Error.
#include <catch2/catch.hpp>
#include <iterator>

#include "runtime/base/atomic_file.h"
#include "runtime/base/error.h"
#include "runtime/base/random.h"
#include "runtime/model/accounting.h"
#include "runtime/model/ngram_table.h"
#include "runtime/model/synthetic.h"
#include "tests/support/raw_gguf.h"
#include "tests/support/temporary_folder.h"

using namespace tierscope;

namespace {

// Values that tend to pass or break checks: limits, sign bits, small counts.
constexpr uint64_t kOddValues[] = {0,          1,          2,          7,          31,         255,        1 << 16,
                                   0x7fffffff, 0x80000000, 0xffffffff, 1ull << 32, 1ull << 62, 1ull << 63, ~0ull};

void overwrite(std::string& bytes, size_t at, uint64_t value, size_t width) {
  std::memcpy(bytes.data() + at, &value, std::min(width, bytes.size() - at));
}

// One to four damages.
std::string damaged(std::string bytes, Random& random) {
  for (uint32_t left = 1 + random.below(4); left > 0 && !bytes.empty(); --left) {
    const size_t at = random.below(static_cast<uint32_t>(bytes.size()));
    switch (random.below(5)) {
      case 0:
        bytes[at] = static_cast<char>(random.bits());
        break;
      case 1:
        overwrite(bytes, at, kOddValues[random.below(std::size(kOddValues))], 4 + 4 * random.below(2));
        break;
      case 2:
        bytes.resize(at);
        break;
      case 3:
        bytes.insert(at, std::string(1 + random.below(16), static_cast<char>(random.bits())));
        break;
      case 4:
        bytes.erase(at, 1 + random.below(16));
        break;
    }
  }
  return bytes;
}

// Everything that reads a file's description; true where it was accepted.
bool survives(const std::filesystem::path& path) {
  try {
    const GgufFile file = GgufFile::open(path);
    account_parameters(file, 1);
    read_ngram_geometry(file);
    read_hyperparameters(file);
    find_ple_table(file);
    return true;
  } catch (const Error& error) {
    const std::string_view message = error.what();
    CHECK(message.find('\n') == std::string_view::npos);
    CHECK(message.size() > 10);
    return false;
  }
}

}  // namespace

TEST_CASE("damaged models are refused with one line, never a crash", "[gguf_mutations]") {
  const TemporaryFolder folder;
  const SynthPreset& preset = synth_preset("micro");
  write_synthetic_model(preset, default_synth_options(preset), folder / "whole");
  const size_t header_bytes = GgufFile::open(folder / "whole").tensors().front().offset;
  const uint64_t data_bytes = std::filesystem::file_size(folder / "whole") - header_bytes;
  const std::string header = read_text_file(folder / "whole").substr(0, header_bytes);
  Random random(20240811);
  int accepted = 0, refused = 0;
  for (int i = 0; i < 4000; ++i) {
    const std::string bytes = damaged(header, random);
    RawGguf::write_bytes(folder / "damaged", bytes);
    // The data's values do not matter to a description: a hole stands for them, now and then a shorter one.
    std::filesystem::resize_file(folder / "damaged", bytes.size() + (i % 8 == 0 ? data_bytes / 2 : data_bytes));
    ++(survives(folder / "damaged") ? accepted : refused);
  }
  CHECK(refused > 3000);
  CHECK(accepted > 10);
}
