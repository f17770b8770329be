// SPDX-License-Identifier: BSD-3-Clause
// Runs a harness over its corpus and then over mutations of it: fuzz_NAME CORPUS [SECONDS [SEED]]
// CORPUS is a folder, or one file to look at again. The same seed gives the same inputs in the same order. An input that
// ends the program, in any way, or takes longer than 10 s, is written to fuzz_NAME.failed and shown in hexadecimal.
#include "fuzz/driver.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

// Sanitizers end the program by SIGABRT, so that the input is put on record then too. Leaks are not looked for: that needs
// ptrace, which containers forbid.
extern "C" const char* __asan_default_options();   // NOLINT: their names
extern "C" const char* __ubsan_default_options();  // NOLINT
extern "C" const char* __asan_default_options() {
  return "abort_on_error=1:detect_leaks=0:allocator_may_return_null=1";
}
extern "C" const char* __ubsan_default_options() {
  return "abort_on_error=1";
}

namespace {

namespace fs = std::filesystem;

constexpr std::size_t longest = 1 << 16;
constexpr unsigned patience_s = 10;

std::string current;      // the input looked at
std::string failed_file;  // where it goes

void write_out(int fd, const char* bytes, std::size_t n) {
  while (n > 0) {
    const ssize_t done = ::write(fd, bytes, n);
    if (done <= 0) return;
    bytes += done;
    n -= static_cast<std::size_t>(done);
  }
}

/// Only what a signal handler may do.
void record() {
  static bool done = false;
  if (done) return;
  done = true;
  const int fd = ::open(failed_file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  write_out(fd, current.data(), current.size());
  ::close(fd);
  constexpr std::string_view before = "\nthe input, also in the file named fuzz_*.failed, in hexadecimal:\n";
  write_out(STDERR_FILENO, before.data(), before.size());
  for (const char c : current) {
    constexpr const char* digits = "0123456789abcdef";
    const auto byte = static_cast<unsigned char>(c);
    const std::array<char, 2> pair{digits[byte >> 4], digits[byte & 15]};
    write_out(STDERR_FILENO, pair.data(), pair.size());
  }
  write_out(STDERR_FILENO, "\n", 1);
}

extern "C" void on_signal(int number) {
  if (number == SIGALRM) {
    constexpr std::string_view slow = "takes too long\n";
    write_out(STDERR_FILENO, slow.data(), slow.size());
  }
  record();
  ::_exit(1);
}

void watch() {
  constexpr std::array signals{SIGABRT, SIGALRM, SIGSEGV, SIGBUS, SIGFPE, SIGILL};
  for (const int number : signals) ::signal(number, &on_signal);
}

void look_at(std::string input) {
  current = std::move(input);
  ::alarm(patience_s);
  perun::fuzz::one_input(current);
  ::alarm(0);
}

/// Small changes of the kinds that break parsers.
class Mutator {
 public:
  Mutator(std::vector<std::string> corpus, std::uint64_t seed) : corpus_(std::move(corpus)), random_(seed) {}

  std::string next() {
    std::string input = pick(corpus_);
    for (std::size_t n = 1 + below(6); n > 0; --n) change(input);
    if (input.size() > longest) input.resize(longest);
    return input;
  }

 private:
  std::size_t below(std::size_t n) { return n == 0 ? 0 : static_cast<std::size_t>(random_() % n); }

  template <class List>
  auto pick(const List& list) -> decltype(list[0]) {
    return list[below(list.size())];
  }

  std::string_view word() {
    constexpr std::array<std::string_view, 16> any{"0",
                                                   "-1",
                                                   "1",
                                                   "4294967296",
                                                   "9223372036854775807",
                                                   "9223372036854775808",
                                                   "18446744073709551616",
                                                   "-9223372036854775808",
                                                   "",
                                                   "\n",
                                                   " ",
                                                   "\t",
                                                   "\x1B[2J",
                                                   "\xFF\xFE",
                                                   "\xC2\x9B",
                                                   std::string_view("\0", 1)};
    const auto own = perun::fuzz::dictionary();
    return own.empty() || below(2) == 0 ? pick(any) : pick(own);
  }

  /// Begin and end of the run of digits at or behind `at`.
  static std::pair<std::size_t, std::size_t> number(const std::string& s, std::size_t at) {
    constexpr const char* digits = "0123456789";
    const auto begin = std::min(s.find_first_of(digits, at), s.size());
    return {begin, std::min(s.find_first_not_of(digits, begin), s.size())};
  }

  void change(std::string& s) {
    const std::size_t at = below(s.size() + 1), n = std::min(below(32), s.size() - at);
    switch (below(8)) {
      case 0:
        if (at < s.size()) s[at] = static_cast<char>(s[at] ^ (1 << below(8)));
        break;
      case 1:
        if (at < s.size()) s[at] = static_cast<char>(below(256));
        break;
      case 2:
        s.erase(at, n);
        break;
      case 3:
        s.insert(at, s.substr(at, n));
        break;
      case 4:
        s.insert(at, word());
        break;
      case 5:
        s.replace(at, n, word());
        break;
      case 6: {
        const auto [begin, end] = number(s, at);
        s.replace(begin, end - begin, word());
        break;
      }
      default: {
        const std::string& other = pick(corpus_);
        const std::size_t from = below(other.size() + 1);
        s.insert(at, other.substr(from, below(256)));
      }
    }
  }

  std::vector<std::string> corpus_;
  std::mt19937_64 random_;
};

std::string contents(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<std::string> corpus(const fs::path& place) {
  std::vector<fs::path> files;
  if (fs::is_regular_file(place)) files.push_back(place);
  if (fs::is_directory(place))
    for (const auto& entry : fs::directory_iterator(place)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  std::vector<std::string> inputs;
  for (const auto& file : files) inputs.push_back(contents(file));
  return inputs;
}

}  // namespace

void perun::fuzz::check(bool holds, std::string_view what) {
  if (holds) return;
  fmt::print(stderr, "does not hold: {}\n", what);
  std::abort();
}

int main(int argc, char** argv) {
  using clock = std::chrono::steady_clock;
  if (argc < 2) return fmt::print(stderr, "usage: {} CORPUS [SECONDS [SEED]]\n", argv[0]), 2;
  failed_file = fs::path(argv[0]).filename().string() + ".failed";
  const auto inputs = corpus(argv[1]);
  if (inputs.empty()) return fmt::print(stderr, "{} holds no input\n", argv[1]), 2;
  const double seconds = argc > 2 ? std::atof(argv[2]) : 0;
  Mutator mutator(inputs, argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 1);
  watch();
  for (const auto& input : inputs) look_at(input);
  const auto end = clock::now() + std::chrono::duration<double>(seconds);
  std::size_t runs = 0;
  for (; clock::now() < end; ++runs) look_at(mutator.next());
  fmt::print("{} inputs of the corpus and {} mutations\n", inputs.size(), runs);
}
