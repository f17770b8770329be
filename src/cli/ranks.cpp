// SPDX-License-Identifier: BSD-3-Clause
#include "cli/ranks.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "cli/commands.hpp"
#include "cli/terminal.hpp"
#include "launch/meeting.hpp"

extern char** environ;

namespace perun {

Place find_place() {
  const auto ancestors = ancestors_of_this_process();
  Place place = place_of(environment_of_this_process(), ancestors);
  if (place.rank == 0)
    for (const auto& doubt : place.doubts) say(doubt + "; this process is measured as one by itself");
  // A script under mpirun may start several, and each is a run of the whole job.
  if (place.shared() && !place.direct && !nested_rank(place))
    if (const int before = earlier_peruns(place); before > 0) place.key += fmt::format(".s{}", before);
  return place;
}

bool nested_rank(const Place& place) {
  const char* outer = std::getenv("PERUN_RUN");
  const std::string_view key = outer == nullptr ? "" : outer;
  return place.shared() && (key == place.key || key.starts_with(place.key + ".s"));
}

int run_as_it_is(const Program& program) {
  std::vector<char*> argv;
  for (const auto& word : program.argv) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  ::execve(program.file.c_str(), argv.data(), environ);
  const int why = errno;
  complain({Errc::denied, fmt::format("{}: cannot be run: {}", program.file, std::strerror(why))});
  return why == ENOENT ? 127 : 126;
}

Error no_rounds(const Place& place) {
  return {Errc::invalid, fmt::format("the {} ranks of a job cannot be run in rounds", place.size),
          "start the job several times; its runs go into one file"};
}

std::string outer_warning(const std::vector<std::string>& words, const Place& place) {
  constexpr std::array<std::string_view, 9> starters{"mpirun", "mpiexec", "srun",     "orterun", "prterun",
                                                     "aprun",  "jsrun",   "torchrun", "flux"};
  if (words.empty() || place.shared()) return "";
  std::string name = std::filesystem::path(words.front()).filename().string();
  name = name.substr(0, name.find('.'));  // mpirun.openmpi, mpiexec.hydra
  if (std::ranges::find(starters, name) == starters.end()) return "";
  return fmt::format(
      "only this node is measured, since perun stands outside of {0}; to measure every node put it inside: "
      "{0} ... perun monitor PROGRAM",
      name);
}

void die_of(int signal) {
  // The program has left a core already if it was to leave one.
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  ::prctl(PR_SET_DUMPABLE, 0);
  ::signal(signal, SIG_DFL);
  sigset_t set{};
  ::sigemptyset(&set);
  ::sigaddset(&set, signal);
  ::sigprocmask(SIG_UNBLOCK, &set, nullptr);
  ::raise(signal);
}

}  // namespace perun
