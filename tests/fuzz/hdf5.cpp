// SPDX-License-Identifier: BSD-3-Clause
// Data files of perun and of the Python perun with some bytes changed. An input is not a file but what is changed: a byte
// for the file meant, then rows of four bytes, what, where (two bytes) and a value.
//
// HDF5 1.10 itself ends in some damaged files, or walks in circles, which is why perun reads in a child. So does this, and
// tells by the stack who ended: HDF5 may, perun may not.
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "analysis/summarize.hpp"
#include "exchange/source.hpp"
#include "fuzz/driver.hpp"
#include "fuzz/hdf5_files.hpp"
#include "fuzz/memory_file.hpp"

extern "C" void __sanitizer_print_stack_trace();  // NOLINT: its name

namespace perun::fuzz {

namespace {

constexpr std::size_t change_bytes = 4;
constexpr int says_nothing = 3;  ///< a refusal without the file's name

std::string changed(std::string bytes, std::string_view changes) {
  for (std::size_t i = 0; i + change_bytes <= changes.size() && !bytes.empty(); i += change_bytes) {
    const auto byte = [&](std::size_t k) { return static_cast<unsigned char>(changes[i + k]); };
    const std::size_t where = (std::size_t{byte(1)} << 8 | byte(2)) * bytes.size() >> 16;
    const std::size_t at = std::min(where + (byte(0) >> 4), bytes.size() - 1), n = std::min<std::size_t>(8, bytes.size() - at);
    switch (byte(0) % 8) {
      case 0:
        bytes.replace(at, n, n, '\xFF');
        break;
      case 1:
        bytes.replace(at, n, n, '\0');
        break;
      case 2:
        bytes.replace(at, n, bytes, std::size_t{byte(3)} * bytes.size() >> 8, n);
        break;
      case 3:
        if (byte(3) > 240) bytes.resize(at);
        break;
      case 4:
        bytes[at] = static_cast<char>(byte(3));
        break;
      default:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << byte(3) % 8));
    }
  }
  return bytes;
}

/// Everything that a command could ask for.
int read_all_of(const std::string& path) {
  const auto named = [&](const Error& e) { return e.what.find(path) != std::string::npos ? 0 : says_nothing; };
  const auto source = Source::open(path);
  if (!source) return named(source.error());
  const auto numbers = source->numbers();
  if (!numbers) return named(numbers.error());
  if (const Store* store = source->store(); store != nullptr) static_cast<void>(store->list());
  int status = 0;
  for (const int number : *numbers) {
    const auto run = source->load(number);
    if (run) static_cast<void>(summarize(*run));
    if (source->store() == nullptr) continue;
    if (!run) status = std::max(status, named(run.error()));
    static_cast<void>(source->store()->at(number).summary());
    const auto opened = source->store()->at(number).open();
    if (!opened) continue;
    std::vector<Readings*> readings;
    for (const auto& node : opened->readings) readings.push_back(node.get());
    static_cast<void>(summarize(opened->run, readings));
  }
  return status;
}

extern "C" void tell_where(int) {
  __sanitizer_print_stack_trace();
  ::_exit(1);
}

/// The stack is told also when it is full, and when the time is over.
void watch_signals() {
  static std::array<char, 1 << 16> room;
  const stack_t other{room.data(), 0, room.size()};
  ::sigaltstack(&other, nullptr);
  struct sigaction action {};
  action.sa_handler = &tell_where;
  action.sa_flags = SA_ONSTACK;
  for (const int number : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGXCPU, SIGALRM}) ::sigaction(number, &action, nullptr);
}

[[noreturn]] void live(const std::string& path, int told) {
  ::dup2(told, STDERR_FILENO);
  constexpr rlimit two_s{2, 4};
  ::setrlimit(RLIMIT_CPU, &two_s);
  watch_signals();
  ::_exit(read_all_of(path));
}

/// Whether the innermost function of either that a report names is HDF5's. A report about memory that perun asked for is
/// perun's whoever overran it.
bool is_of_hdf5(const std::string& report) {
  if (const auto made = report.find("allocated by thread"); made != std::string::npos)
    if (report.find("operator new", made) != std::string::npos) return false;
  const auto theirs = report.find(" in H5"), ours = report.find("in perun::");
  return theirs != std::string::npos && theirs < ours;
}

}  // namespace

void one_input(std::string_view input) {
  static const std::vector<std::string> files = hdf5_files();
  if (input.empty()) return;
  const auto& whole = files[static_cast<unsigned char>(input[0]) % files.size()];
  const MemoryFile file(changed(whole, input.substr(1))), told("");
  const std::string before = file.contents();
  const pid_t child = ::fork();
  check(child >= 0, "a process can be made");
  if (child == 0) live(file.path(), told.fd());
  int status = 0;
  check(::waitpid(child, &status, 0) == child, "it ends");
  check(file.contents() == before, "nothing is written");
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
  const std::string report = told.contents();
  if (is_of_hdf5(report)) return;
  std::fputs(report.c_str(), stderr);
  check(!(WIFEXITED(status) && WEXITSTATUS(status) == says_nothing), "a refusal names the file");
  check(false, "reading ends");
}

std::span<const std::string_view> dictionary() {
  static constexpr std::array<std::string_view, 6> words{
      std::string_view("\x04\0\0\0", 4),     std::string_view("\0\x10\0\0", 4),   std::string_view("\x05\x20\0\x03", 4),
      std::string_view("\x03\x80\0\xFF", 4), std::string_view("\x01\x08\0\0", 4), std::string_view("\x02\x40\0\x20", 4)};
  return words;
}

}  // namespace perun::fuzz
