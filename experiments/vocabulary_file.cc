#include "experiments/vocabulary_file.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <fstream>

#include "runtime/base/atomic_file.h"
#include "runtime/base/error.h"

namespace tierscope {
namespace {

namespace dom = simdjson::dom;

template <class Element>
const std::vector<Element>* array_of(const GgufFile& file, std::string_view key) {
  const GgufValue* value = file.value(key);
  if (!value) return nullptr;
  const auto* array = std::get_if<GgufArray>(value);
  const auto* elements = array ? std::get_if<std::vector<Element>>(&array->values) : nullptr;
  if (!elements) throw file.error("key", key, "holds another type than a vocabulary's");
  return elements;
}

std::optional<TokenId> id_of(const GgufFile& file, std::string_view key) {
  if (!file.value(key)) return std::nullopt;
  const uint64_t id = file.unsigned_value(key);
  if (id > UINT32_MAX) throw file.error("key", key, fmt::format("{} is no token id", id));
  return static_cast<TokenId>(id);
}

bool flag_of(const GgufFile& file, std::string_view key, bool fallback) {
  const GgufValue* value = file.value(key);
  if (!value) return fallback;
  if (const bool* flag = std::get_if<bool>(value)) return *flag;
  throw file.error("key", key, "is not a truth value");
}

TokenType token_type(const GgufFile& file, int64_t type) {
  if (type < 1 || type > 6) throw file.error("key", "tokenizer.ggml.token_type", fmt::format("unknown type {}", type));
  return static_cast<TokenType>(type);
}

std::string_view text_of(dom::element element, const char* what, const std::string& where) {
  std::string_view text;
  if (element.get(text)) throw Error(fmt::format("{} is not a text", what), where);
  return text;
}

// Reads what Gemma's tokenizer.json holds; the normaliser and the decoder are those of the `gemma4` kind.
Vocabulary read_tokenizer_json(const std::filesystem::path& path) {
  const std::string where = path.string();
  dom::parser parser;
  dom::element root;
  if (const auto error = parser.load(where).get(root))
    throw Error(fmt::format("neither GGUF nor JSON ({})", simdjson::error_message(error)), where,
                "give a model file or a tokenizer.json");
  dom::object tokens;
  dom::array merges, added;
  if (root["model"]["vocab"].get(tokens) || root["model"]["merges"].get(merges) || root["added_tokens"].get(added))
    throw Error("not a byte-pair tokenizer.json (model.vocab, model.merges, added_tokens)", where);

  Vocabulary vocabulary;
  vocabulary.origin = where;
  vocabulary.kind = "gemma4";
  vocabulary.tokens.resize(tokens.size());
  vocabulary.types.assign(tokens.size(), TokenType::normal);
  for (const auto [text, element] : tokens) {
    uint64_t id = 0;
    if (element.get(id) || id >= vocabulary.tokens.size())
      throw Error(fmt::format("token '{}' has no id below {}", text, vocabulary.tokens.size()), where);
    vocabulary.tokens[id] = text;
    if (text.size() == 6 && text.starts_with("<0x")) vocabulary.types[id] = TokenType::byte;
    if (text == "<bos>") vocabulary.bos = static_cast<TokenId>(id);
    if (text == "<eos>") vocabulary.eos = static_cast<TokenId>(id);
    if (text == "<unk>") vocabulary.unknown = static_cast<TokenId>(id);
  }
  for (const dom::element token : added) {
    uint64_t id = 0;
    bool special = false;
    if (token["id"].get(id) || token["special"].get(special)) throw Error("an added token has no id", where);
    // Gemma 3 adds an image token behind the text vocabulary, which has no embedding row.
    if (id < vocabulary.types.size()) vocabulary.types[id] = special ? TokenType::control : TokenType::user_defined;
  }
  vocabulary.merges.reserve(merges.size());
  for (const dom::element merge : merges) {
    dom::array parts;
    if (merge.get(parts)) {
      vocabulary.merges.emplace_back(text_of(merge, "a merge", where));
      continue;
    }
    if (parts.size() != 2) throw Error("a merge is not two parts", where);
    vocabulary.merges.push_back(fmt::format("{} {}", text_of(parts.at(0), "a merge's part", where),
                                            text_of(parts.at(1), "a merge's part", where)));
  }
  return vocabulary;
}

}  // namespace

Vocabulary read_vocabulary(const GgufFile& file) {
  Vocabulary vocabulary;
  vocabulary.origin = file.paths().front().string();
  const auto* tokens = array_of<std::string>(file, "tokenizer.ggml.tokens");
  if (!tokens)
    throw Error("the file has no vocabulary (tokenizer.ggml.tokens)", vocabulary.origin,
                "use the original model file, or synth --vocab-from");
  vocabulary.tokens = *tokens;
  vocabulary.kind = file.string_value("tokenizer.ggml.model");
  if (const auto* types = array_of<int64_t>(file, "tokenizer.ggml.token_type"))
    for (const int64_t type : *types) vocabulary.types.push_back(token_type(file, type));
  if (const auto* scores = array_of<double>(file, "tokenizer.ggml.scores"))
    for (const double score : *scores) vocabulary.scores.push_back(static_cast<float>(score));
  if (const auto* merges = array_of<std::string>(file, "tokenizer.ggml.merges")) vocabulary.merges = *merges;
  vocabulary.bos = id_of(file, "tokenizer.ggml.bos_token_id");
  vocabulary.eos = id_of(file, "tokenizer.ggml.eos_token_id");
  vocabulary.end_of_turn = id_of(file, "tokenizer.ggml.eot_token_id");
  vocabulary.unknown = id_of(file, "tokenizer.ggml.unknown_token_id");
  vocabulary.add_bos = flag_of(file, "tokenizer.ggml.add_bos_token", true);
  // What the kinds mean where the key is absent.
  vocabulary.add_space_prefix = flag_of(file, "tokenizer.ggml.add_space_prefix", vocabulary.kind == "llama");
  vocabulary.chat_template = file.string_value("tokenizer.chat_template", "");
  return vocabulary;
}

Vocabulary read_vocabulary(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  char magic[4] = {};
  if (!in.read(magic, 4)) throw Error("cannot read a vocabulary", path.string(), "check the path");
  if (std::string_view(magic, 4) == "GGUF") return read_vocabulary(GgufFile::open(path));
  return read_tokenizer_json(path);
}

}  // namespace tierscope
