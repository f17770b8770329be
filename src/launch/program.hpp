// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"

namespace perun {

/// A program as it will be executed.
struct Program {
  std::string file;               ///< what execve gets
  std::vector<std::string> argv;  ///< verbatim, argv[0] included
  std::string name;               ///< what its runs are filed under unless --name says otherwise
};

/// What resolving may look at; tests fill it by hand.
struct ProgramSearch {
  std::string path = "/usr/local/bin:/usr/bin:/bin";  ///< $PATH
  std::string python;                                 ///< $PERUN_PYTHON; empty: python3
};

/// Finds the program as a shell would. A file ending in .py that is not executable runs under $PERUN_PYTHON, else
/// python3, as `python3 FILE ARGS` would. Errors: not_found (exit status 127), denied (126).
[[nodiscard]] Result<Program> resolve_program(const std::vector<std::string>& words, const ProgramSearch& search);

/// The name under which runs of this command are filed: the file's stem; behind an interpreter the script's
/// (`python3 x.py` -> x, `-m pkg.mod` -> pkg.mod, `-c ...` -> the interpreter).
[[nodiscard]] std::string app_name(const std::vector<std::string>& words);

/// Whether a name can be a file name and an HDF5 group name.
[[nodiscard]] Status check_app_name(const std::string& name);

}  // namespace perun
