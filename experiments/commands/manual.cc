#include "experiments/manual.h"

#include <fmt/format.h>

#include "experiments/commands/commands.h"
#include "experiments/registry.h"
#include "runtime/base/atomic_file.h"
#include "runtime/base/error.h"

namespace tierscope {
namespace {

int run(const Arguments& arguments) {
  const std::filesystem::path folder = arguments.text("DIR");
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) throw Error("cannot create the folder: " + error.message(), folder.string(), "check the path");
  const auto pages = manual_pages(commands());
  for (const auto& [name, text] : pages) {
    AtomicFile file(folder / name);
    file.write(text);
    file.commit();
  }
  fmt::print("{} pages in {}\n", pages.size(), folder.string());
  return 0;
}

}  // namespace

Command manual_command() {
  return {"manual",
          "write the manual pages",
          "Writes tierscope.1 and a page for each command. An installed tierscope brings them along.",
          {{"DIR", "the folder to write to", true}},
          {},
          {{"tierscope manual man && man ./man/tierscope.1", "read them without installing"}},
          run};
}

}  // namespace tierscope
