// Files that are sound GGUF and no sound model: each is refused in one line that names the tensor or key.
#include <catch2/catch.hpp>
#include <cstring>
#include <fstream>

#include "runtime/base/atomic_file.h"
#include "runtime/base/error.h"
#include "runtime/model/decoder.h"
#include "tests/support/temporary_folder.h"

using namespace tierscope;

namespace {

// A copy of a golden model whose bytes can be changed where a name stands.
class ModelCopy {
 public:
  ModelCopy() : bytes_(read_text_file("tests/golden/data/logits/micro-f32.gguf")) {}

  // The byte behind the name of a tensor or key: number of dimensions (u32), dimensions (u64 each), type (u32).
  size_t behind(const std::string& name) const {
    const uint64_t length = name.size();
    std::string pattern(sizeof length, 0);
    std::memcpy(pattern.data(), &length, sizeof length);
    const size_t at = bytes_.find(pattern + name);
    REQUIRE(at != std::string::npos);
    return at + sizeof length + name.size();
  }
  template <typename T>
  void put(size_t at, T value) {
    std::memcpy(&bytes_[at], &value, sizeof value);
  }
  void rename(const std::string& name, const std::string& other) {
    REQUIRE(name.size() == other.size());
    bytes_.replace(behind(name) - name.size(), name.size(), other);
  }
  // What make_cpu_decoder says about the file.
  std::string refusal() const {
    const TemporaryFolder folder;
    std::ofstream(folder / "model.gguf", std::ios::binary) << bytes_;
    try {
      make_cpu_decoder(GgufFile::open(folder / "model.gguf"), {});
    } catch (const Error& error) {
      return error.what();
    }
    return "accepted";
  }

 private:
  std::string bytes_;
};

}  // namespace

TEST_CASE("a golden model is accepted", "[decoder_errors]") {
  CHECK(ModelCopy().refusal() == "accepted");
}

TEST_CASE("a missing tensor is named", "[decoder_errors]") {
  for (const char* name : {"token_embd.weight", "output_norm.weight", "rope_freqs.weight", "blk.0.attn_k.weight",
                           "blk.3.ffn_down.weight", "blk.9.inp_gate.weight", "per_layer_token_embd.weight",
                           "per_layer_model_proj.weight", "blk.4.layer_output_scale.weight"}) {
    ModelCopy model;
    std::string other = name;
    other[0] = 'x';
    model.rename(name, other);
    INFO(name);
    CHECK_THAT(model.refusal(), Catch::Contains(name) && Catch::Contains("missing") && !Catch::Contains("\n"));
  }
}

TEST_CASE("values may be the raw keys, so a missing attn_v is no error", "[decoder_errors]") {
  ModelCopy model;
  model.rename("blk.0.attn_v.weight", "blk.0.attn_x.weight");
  CHECK(model.refusal() == "accepted");
}

TEST_CASE("a tensor of another shape is named with both shapes", "[decoder_errors]") {
  ModelCopy model;
  const size_t dimensions = model.behind("blk.2.attn_q.weight") + sizeof(uint32_t);
  model.put<uint64_t>(dimensions, 96);
  model.put<uint64_t>(dimensions + sizeof(uint64_t), 64);
  CHECK_THAT(model.refusal(),
             Catch::Contains("blk.2.attn_q.weight") && Catch::Contains("[96, 64]") && Catch::Contains("[64, 96]"));
}

TEST_CASE("a type that no kernel knows is named with its tensor", "[decoder_errors]") {
  ModelCopy model;
  constexpr uint32_t kIq2Xxs = 16;
  model.put(model.behind("blk.1.ffn_up.weight") + sizeof(uint32_t) + 2 * sizeof(uint64_t), kIq2Xxs);
  CHECK_THAT(model.refusal(), Catch::Contains("blk.1.ffn_up.weight") && Catch::Contains("IQ2_XXS"));
}

TEST_CASE("a missing or absurd key is named", "[decoder_errors]") {
  ModelCopy missing;
  missing.rename("gemma4.attention.sliding_window", "gemma4.attention.sliding_windox");
  CHECK_THAT(missing.refusal(), Catch::Contains("gemma4.attention.sliding_window"));
  ModelCopy absurd;
  absurd.put<uint32_t>(absurd.behind("gemma4.block_count") + sizeof(uint32_t), 0);
  CHECK_THAT(absurd.refusal(), Catch::Contains("gemma4.block_count"));
}
