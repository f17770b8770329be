// SPDX-License-Identifier: BSD-3-Clause
#include "cli/man.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "base/text.hpp"
#include "cli/grammar.hpp"
#include "cli/help.hpp"
#include "version.hpp"

namespace perun {

namespace {

/// Text that roff leaves as it is: '-' is a minus that can be copied, and no line begins a request.
std::string plain(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if ((c == '.' || c == '\'') && (out.empty() || out.back() == '\n')) out += "\\&";
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else
      out += c;
  }
  return out;
}

std::string rows(std::span<const HelpRow> all) {
  std::string out;
  for (const auto& [flags, metavar, text] : all)
    out += fmt::format(".TP\n\\fB{}\\fR{}{}{}\n{}\n", plain(flags), metavar.empty() ? "" : " \\fI", plain(metavar),
                       metavar.empty() ? "" : "\\fR", plain(text));
  return out;
}

std::string title(Command topic) {
  auto name = man_name(topic);
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return fmt::format(".TH {} 1 \"\" \"perun {}\" \"User Commands\"\n", name, version);
}

constexpr std::string_view exit_status = R"(.SH EXIT STATUS
.TP
of the program
\fBmonitor\fR passes it on; 128+N if signal N killed the program
.TP
.B 125
\fBmonitor\fR: perun itself failed before the program ran
.TP
.B 126
\fBmonitor\fR: the program was found but cannot be executed
.TP
.B 127
\fBmonitor\fR: the program was not found
.TP
.B 0, 1, 2
other commands: done, failed, usage or configuration error (2 also for \fBmonitor\fR);
\fBdoctor\fR ends with 1 where no energy can be measured
.TP
.B 3, 4
\fBcompare\fR: a \fB\-\-fail\-if\fR is met; one cannot be decided (0 with \fB\-\-allow\-missing\fR)
)";

constexpr std::string_view files = R"(.SH ENVIRONMENT
Each option can also be given as \fBPERUN_\fINAME\fR, in capitals and with \- as _.
.TP
.B PERUN_CONFIGURATION
the local INI file, as \fB\-c\fR
.TP
.B PERUN_PYTHON
the interpreter for a \fI*.py\fR that is not executable (default python3)
.SH FILES
Strongest first, below the command line and the environment:
.TP
.I ./.perun.ini
settings of a folder
.TP
.I ~/.config/perun.ini
settings of a user
.TP
.I /etc/perun.ini
settings of a machine
.TP
.I DATA_OUT/APP.hdf5
the readings and figures of all runs of an application
)";

std::string all_of_perun() {
  std::string out =
      ".SH NAME\nperun \\- measure and report the energy, power and CO2e of programs\n"
      ".SH SYNOPSIS\n.B perun\n[\\fIOPTIONS\\fR] \\fICOMMAND\\fR [\\fIOPTIONS\\fR] [\\fIARGS\\fR...]\n.SH COMMANDS\n";
  for (const auto& info : commands())
    if (!info.heading.empty()) out += fmt::format(".TP\n\\fB{}\\fR\n{}\n", plain(info.name), plain(info.summary));
  return out;
}

}  // namespace

std::string man_name(Command topic) {
  const auto* info = find_command(topic);
  return info == nullptr ? "perun" : fmt::format("perun-{}", info->name);
}

std::string man_page(Command topic) {
  const auto options = help_options(topic);
  const auto* info = find_command(topic);
  std::string out = title(topic);
  if (info == nullptr) {
    out += all_of_perun();
  } else {
    out += fmt::format(".SH NAME\n{} \\- {}\n", plain(man_name(topic)), plain(info->summary));
    out += fmt::format(".SH SYNOPSIS\n.B perun {}\n[\\fIOPTIONS\\fR] {}\n.SH DESCRIPTION\n{}", plain(info->name),
                       plain(info->arguments), plain(info->about));
  }
  out += ".SH OPTIONS\n" + rows(options.own) + rows(options.common);
  out += exit_status;
  if (info == nullptr) return out + std::string(files);
  return out + ".SH SEE ALSO\n.BR perun (1)\n";
}

}  // namespace perun
