// The one family of user errors. A message says what is wrong, where (file, line or key) and how to mend it, in one
// line; `main` prints it and exits with 1 (Error) or 2 (UsageError). Bugs are asserts, never these.
#pragma once

#include <stdexcept>
#include <string>

namespace tierscope {

class Error : public std::runtime_error {
 public:
  // `where` is a file (with ":line" where it has lines), a key or an option; `mend` may be empty.
  explicit Error(const std::string& what, const std::string& where = "", const std::string& mend = "")
      : std::runtime_error((where.empty() ? "" : where + ": ") + what + (mend.empty() ? "" : "; " + mend)) {}
};

// The command line or a text on it (a placement, a policy, a size) is wrong.
class UsageError : public Error {
 public:
  using Error::Error;
};

}  // namespace tierscope
