#include <catch2/catch.hpp>

#include "runtime/base/error.h"
#include "runtime/gguf/gguf.h"
#include "tests/support/raw_gguf.h"
#include "tests/support/temporary_folder.h"

using namespace tierscope;
using Catch::Contains;

namespace {

constexpr uint32_t kF32 = 0, kQ8 = 8, kQ4K = 12;

class Opening {
 public:
  GgufFile operator()(const std::string& bytes) const {
    RawGguf::write_bytes(folder_ / "model.gguf", bytes);
    return GgufFile::open(folder_ / "model.gguf");
  }
  GgufFile operator()(const RawGguf& raw) const { return (*this)(raw.bytes()); }

 private:
  TemporaryFolder folder_;
};

RawGguf small() {
  RawGguf raw;
  raw.text("general.architecture", "gemma4").number("n", 7);
  raw.tensor("a", {32, 2}, kF32, 0).tensor("b", {32, 4}, kQ8, 256);
  raw.data.assign(256 + 136, '\1');
  return raw;
}

}  // namespace

TEST_CASE("a file's keys of every type and its tensors are read", "[gguf_reader]") {
  const Opening open;
  RawGguf raw = small();
  raw.key("i8", GgufType::i8, RawGguf::field(int8_t{-3})).key("f64", GgufType::f64, RawGguf::field(0.5));
  raw.key("yes", GgufType::boolean, RawGguf::field(uint8_t{1}));
  raw.key("list", GgufType::array,
          RawGguf::field(uint32_t(GgufType::i16)) + RawGguf::field(uint64_t{2}) + RawGguf::field(int16_t{4}) +
              RawGguf::field(int16_t{5}));
  raw.key("nested", GgufType::array,
          RawGguf::field(uint32_t(GgufType::array)) + RawGguf::field(uint64_t{1}) +
              RawGguf::field(uint32_t(GgufType::string)) + RawGguf::field(uint64_t{1}) + RawGguf::string("x"));
  const GgufFile file = open(raw);
  CHECK(file.unsigned_value("n") == 7);
  CHECK(file.float_value("i8") == -3);
  CHECK(file.float_value("f64") == 0.5);
  CHECK(file.unsigned_per_layer("list", 2) == std::vector<uint64_t>{4, 5});
  CHECK(file.unsigned_per_layer("yes", 3) == std::vector<uint64_t>{1, 1, 1});
  CHECK(file.unsigned_value("absent", 9) == 9);
  CHECK(file.string_value("general.architecture") == "gemma4");
  CHECK(file.value("nested") != nullptr);
  CHECK_THROWS_WITH(file.unsigned_value("i8"), Contains("'i8'"));
  CHECK_THROWS_WITH(file.unsigned_value("absent"), Contains("'absent'") && Contains("missing"));
  CHECK_THROWS_WITH(file.unsigned_per_layer("list", 3), Contains("array of 3"));
  const GgufTensor& b = file.tensor("b");
  CHECK(b.values() == 128);
  CHECK(b.rows() == 4);
  CHECK(b.bytes == 136);
  CHECK(b.offset == std::filesystem::file_size(file.paths()[0]) - 136);
  CHECK_THROWS_WITH(file.tensor("c"), Contains("'c'") && Contains("missing"));
}

TEST_CASE("what is no GGUF, too old, too new or big-endian is named", "[gguf_reader]") {
  const Opening open;
  CHECK_THROWS_WITH(open(std::string()), Contains("not a GGUF"));
  CHECK_THROWS_WITH(open("#!/bin/sh\necho a script of some length\n"), Contains("not a GGUF"));
  RawGguf raw = small();
  raw.version = 1;
  CHECK_THROWS_WITH(open(raw), Contains("version 1"));
  raw.version = 0x03000000;
  CHECK_THROWS_WITH(open(raw), Contains("big-endian"));
  CHECK_THROWS_WITH(GgufFile::open("/nonexistent/model.gguf"), Contains("/nonexistent/model.gguf"));
  CHECK_THROWS_WITH(GgufFile::open("/"), Contains("not a regular file"));
}

TEST_CASE("a file cut anywhere in its header or data is refused", "[gguf_reader]") {
  const Opening open;
  const std::string whole = small().bytes();
  for (size_t size = 0; size < whole.size(); ++size) CHECK_THROWS_AS(open(whole.substr(0, size)), Error);
  CHECK_NOTHROW(open(whole));
}

TEST_CASE("absurd counts and lengths are refused before anything is allocated", "[gguf_reader]") {
  const Opening open;
  for (const int64_t extra : {int64_t{1}, int64_t{1} << 40, INT64_MAX, int64_t{-8}}) {
    RawGguf keys = small(), tensors = small();
    keys.extra_keys = extra;
    tensors.extra_tensors = extra;
    CHECK_THROWS_AS(open(keys), Error);
    CHECK_THROWS_AS(open(tensors), Error);
  }
  RawGguf array = small();
  array.key("huge", GgufType::array, RawGguf::field(uint32_t(GgufType::f32)) + RawGguf::field(UINT64_MAX / 2));
  CHECK_THROWS_WITH(open(array), Contains("'huge'"));
  RawGguf text = small();
  text.key("huge", GgufType::string, RawGguf::field(UINT64_MAX));
  CHECK_THROWS_AS(open(text), Error);
  RawGguf name = small();
  name.tensor(std::string(100000, 'x'), {1}, kF32, 0);
  CHECK_THROWS_WITH(open(name), Contains("100000 bytes"));
}

TEST_CASE("malformed keys are refused and named", "[gguf_reader]") {
  const Opening open;
  CHECK_THROWS_WITH(open(small().number("n", 8)), Contains("'n' appears twice"));
  CHECK_THROWS_WITH(open(small().key("odd", GgufType(99), "")), Contains("'odd'") && Contains("type 99"));
  CHECK_THROWS_WITH(open(small().key("flag", GgufType::boolean, RawGguf::field(uint8_t{2}))), Contains("'flag'"));
  CHECK_THROWS_WITH(open(small().number("", 1)), Contains("0 bytes"));
  CHECK_THROWS_WITH(open(small().number("general.alignment", 48)), Contains("general.alignment"));
  CHECK_THROWS_WITH(open(small().key("\nbad\x01", GgufType(99), "")), Contains("\\x0abad\\x01"));
  std::string deep;
  for (int i = 0; i < 64; ++i) deep += RawGguf::field(uint32_t(GgufType::array)) + RawGguf::field(uint64_t{1});
  CHECK_THROWS_WITH(open(small().key("deep", GgufType::array, deep + std::string(64, '\0'))), Contains("too deeply"));
}

TEST_CASE("tensors that overlap, stray or have no sane shape are refused and named", "[gguf_reader]") {
  const Opening open;
  const auto refuse = [&](const std::vector<uint64_t>& shape, uint32_t type, uint64_t offset, const char* what) {
    RawGguf raw = small();
    raw.tensor("wrong", shape, type, offset);
    CHECK_THROWS_WITH(open(raw), Contains("'wrong'") && Contains(what));
  };
  refuse({32, 2}, kF32, 288, "end after the file");
  refuse({32}, kF32, uint64_t{1} << 40, "end after the file");
  refuse({32}, kF32, UINT64_MAX - 31, "end after the file");
  refuse({8}, kF32, 33, "alignment");
  refuse({8}, kF32, 224, "overlaps tensor 'a'");
  refuse({}, kF32, 0, "0 dimensions");
  refuse({1, 1, 1, 1, 1}, kF32, 0, "5 dimensions");
  refuse({0}, kF32, 0, "empty dimension");
  refuse({uint64_t{1} << 40, uint64_t{1} << 40}, kF32, 0, "absurd");
  refuse({32}, kQ4K, 0, "blocks of 256");
  RawGguf twice = small();
  twice.tensor("a", {1}, kF32, 0);
  CHECK_THROWS_WITH(open(twice), Contains("'a' appears twice"));
}

TEST_CASE("a tensor of a type without kernels is listed, and named where it is needed", "[gguf_reader]") {
  const Opening open;
  RawGguf raw = small();
  raw.tensor("blk.0.ffn_up.weight", {256}, 16, 416).tensor("c", {256}, 4711, 448);
  raw.data.resize(512);
  const GgufFile file = open(raw);
  const GgufTensor& tensor = file.tensor("blk.0.ffn_up.weight");
  CHECK(tensor.bytes == 0);
  CHECK_THROWS_WITH(file.dtype(tensor), Contains("'blk.0.ffn_up.weight'") && Contains("IQ2_XXS"));
  CHECK_THROWS_WITH(file.dtype(file.tensor("c")), Contains("type 4711"));
}

TEST_CASE("the parts of a split model are one file", "[gguf_reader]") {
  const TemporaryFolder folder;
  const auto part = [&](uint32_t number, uint32_t count, uint32_t tensors, const char* tensor) {
    RawGguf raw;
    raw.number("split.no", number).number("split.count", count).number("split.tensors.count", tensors);
    if (number == 0) raw.text("general.architecture", "gemma4");
    raw.tensor(tensor, {8}, kF32, 0);
    raw.data.assign(32, '\2');
    return raw;
  };
  const auto path = [&](int number) { return folder / ("m-0000" + std::to_string(number) + "-of-00003.gguf"); };
  const auto first = [&] { return GgufFile::open(path(1)); };
  part(0, 3, 3, "a").write(path(1));
  part(1, 3, 3, "b").write(path(2));
  CHECK_THROWS_WITH(first(), Contains("m-00003-of-00003.gguf"));
  part(2, 3, 3, "c").write(path(3));
  const GgufFile whole = first();
  CHECK(whole.tensors().size() == 3);
  CHECK(whole.paths()[whole.tensor("c").file] == path(3));
  CHECK(whole.string_value("general.architecture") == "gemma4");

  CHECK_THROWS_WITH(GgufFile::open(path(2)), Contains("part 2 of 3") && Contains("m-00001-of-00003.gguf"));
  part(2, 3, 3, "a").write(path(3));
  CHECK_THROWS_WITH(first(), Contains("'a' appears in two parts"));
  part(1, 3, 3, "c").write(path(3));
  CHECK_THROWS_WITH(first(), Contains("split.no"));
  part(2, 3, 3, "c").write(path(3));
  part(0, 3, 4, "a").write(path(1));
  CHECK_THROWS_WITH(first(), Contains("promises 4 tensors"));
  part(0, 3, 3, "a").write(folder / "whole.gguf");
  CHECK_THROWS_WITH(GgufFile::open(folder / "whole.gguf"), Contains("does not say which"));
  part(0, UINT32_MAX, 3, "a").write(path(1));
  CHECK_THROWS_AS(first(), Error);
}
