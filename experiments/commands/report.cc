#include "reports/report.h"

#include <fmt/format.h>

#include <cstdio>

#include "experiments/commands/commands.h"
#include "runtime/base/atomic_file.h"
#include "runtime/base/error.h"

namespace tierscope {
namespace {

ManyFolders many_folders(const Arguments& arguments) {
  if (arguments.flag("merge") && arguments.flag("compare"))
    throw UsageError("--merge and --compare exclude each other", "tierscope report");
  if (arguments.flag("merge")) return ManyFolders::merge;
  return arguments.flag("compare") ? ManyFolders::compare : ManyFolders::guess;
}

void write_file(const std::filesystem::path& path, const std::string& text) {
  AtomicFile file(path);
  file.write(text);
  file.commit();
}

int run(const Arguments& arguments) {
  const std::vector<std::string> texts = arguments.all("DIR");
  const std::vector<std::filesystem::path> folders(texts.begin(), texts.end());
  const Report report = make_report(folders, many_folders(arguments));
  const std::filesystem::path out =
      arguments.has("out") ? std::filesystem::path(arguments.text("out")) : folders.back() / "report.html";
  write_file(out, report_format_of(out).render(report));
  if (!arguments.has("out")) write_file(folders.back() / "results.csv", render_csv(report));
  if (arguments.flag("json"))
    fmt::print("{}", render_json(report));
  else if (!arguments.flag("quiet"))
    fmt::print("{}", render_markdown(report));
  std::fflush(stdout);  // where both go to one file, the path comes last
  fmt::print(stderr, "report: {}\n", std::filesystem::absolute(out).string());
  return 0;
}

}  // namespace

Command report_command() {
  return {"report",
          "the report of one run, of several, or of two compared",
          "Prints the answer and a table, and writes one self-contained HTML file (or .csv, .json, .md by the name of\n"
          "--out). Without --out: DIR/report.html and DIR/results.csv. Two folders that share cells are compared, the\n"
          "first being the baseline; other folders are merged, as the shards of one run are.",
          {{"DIR", "folder of a run; may be repeated", true, true}},
          {{"out", "FILE", "the report; its extension chooses the format", "", false, 0},
           {"merge", "", "take the folders as parts of one run", "", false, 0},
           {"compare", "", "take the first folder as the baseline of the second", "", false, 0},
           options::json(),
           options::quiet()},
          {{"tierscope report out/demo", "out/demo/report.html, and the table here"},
           {"tierscope report out/before out/after --out diff.html", "what changed, with its confidence"},
           {"tierscope report out/1 out/2 out/3 --out all.csv", "three shards as one table"}},
          run};
}

}  // namespace tierscope
