#include <fmt/format.h>

#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "experiments/commands/commands.h"
#include "experiments/vocabulary_file.h"
#include "runtime/base/atomic_file.h"
#include "runtime/base/error.h"

namespace tierscope {
namespace {

std::string input_text(const Arguments& arguments) {
  if (arguments.has("text") && arguments.has("file")) throw UsageError("--text and --file exclude each other");
  if (arguments.has("text")) return arguments.text("text");
  if (!arguments.has("file")) throw UsageError("--text or --file is missing", "", "--file - reads stdin");
  if (arguments.text("file") != "-") return read_text_file(arguments.text("file"));
  return {std::istreambuf_iterator<char>(std::cin), {}};
}

int run(const Arguments& arguments) {
  const Tokenizer tokenizer(read_vocabulary(arguments.text("MODEL")));
  const std::vector<TokenId> ids = encode(tokenizer, input_text(arguments));
  if (arguments.flag("json"))
    fmt::print("{}\n", nlohmann::json(ids).dump());
  else
    fmt::print("{}\n", fmt::join(ids, " "));
  return 0;
}

}  // namespace

Command tokenize_command() {
  return {"tokenize",
          "the token ids of a text",
          "Uses the vocabulary of a model file (or of a tokenizer.json). Special tokens are recognised in the text; no "
          "BOS is added.",
          {{"MODEL", "GGUF file with a vocabulary, or tokenizer.json", true}},
          {{"text", "S", "the text", "", false, 0},
           {"file", "FILE", "the file that holds the text; - is stdin", "", false, 0},
           options::json()},
          {{"tierscope tokenize tests/golden/data/tokenizer/small-gemma4.gguf --text 'Hello world'",
            "ids of a small vocabulary"}},
          run};
}

}  // namespace tierscope
