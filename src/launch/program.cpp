// SPDX-License-Identifier: BSD-3-Clause
#include "launch/program.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "base/fd.hpp"
#include "base/text.hpp"

namespace perun {

namespace {

enum class Found : unsigned char { nothing, folder, plain, executable };

Found look(const std::string& file) {
  struct stat info {};
  if (::stat(file.c_str(), &info) != 0) return Found::nothing;
  if (S_ISDIR(info.st_mode)) return Found::folder;
  return ::access(file.c_str(), X_OK) == 0 ? Found::executable : Found::plain;
}

/// The kernel runs a file itself when it is a binary or names its interpreter.
bool kernel_runs(const std::string& file) {
  const Fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return true;  // an unreadable executable may still run
  std::array<char, 4> head{};
  const ssize_t n = ::read(fd.get(), head.data(), head.size());
  return (n >= 2 && head[0] == '#' && head[1] == '!') || (n == 4 && head[0] == '\x7f' && head[1] == 'E');
}

/// The first executable of that name in the search path; else whatever else bears the name.
std::pair<Found, std::string> in_path(const std::string& word, const std::string& path) {
  std::pair<Found, std::string> best{Found::nothing, word};
  for (const auto folder : text::split(path, ':')) {
    std::string file = (folder.empty() ? std::string(".") : std::string(folder)) + "/" + word;
    const Found found = look(file);
    if (found == Found::executable) return {found, std::move(file)};
    if (found == Found::plain && best.first == Found::nothing) best = {found, std::move(file)};
  }
  return best;
}

Result<Program> under_python(const std::vector<std::string>& words, std::string script, const ProgramSearch& search) {
  const std::string python = search.python.empty() ? "python3" : search.python;
  const auto [found, file] =
      python.find('/') != std::string::npos ? std::pair{look(python), python} : in_path(python, search.path);
  if (found != Found::executable)
    return Error{found == Found::nothing ? Errc::not_found : Errc::denied,
                 fmt::format("{}: cannot find the interpreter '{}' for it", words[0], python),
                 "install python3, or name an interpreter in PERUN_PYTHON"};
  Program program{file, {python, std::move(script)}, {}};
  program.argv.insert(program.argv.end(), words.begin() + 1, words.end());
  return program;
}

bool is_interpreter(std::string_view stem) {
  constexpr std::array<std::string_view, 10> names{"python", "bash", "sh",   "dash",  "zsh",
                                                   "perl",   "ruby", "node", "julia", "Rscript"};
  // python3, python3.11 are python
  const auto base = stem.substr(0, stem.find_first_of("0123456789"));
  return std::find(names.begin(), names.end(), base) != names.end() ||
         std::find(names.begin(), names.end(), stem) != names.end();
}

std::string stem_of(const std::string& word) {
  const std::filesystem::path file = std::filesystem::path(word).filename();
  return file.has_stem() ? file.stem().string() : word;
}

}  // namespace

Result<Program> resolve_program(const std::vector<std::string>& words, const ProgramSearch& search) {
  const std::string& word = words.front();
  const bool has_slash = word.find('/') != std::string::npos;
  auto [found, file] = has_slash ? std::pair{look(word), word} : in_path(word, search.path);
  // `perun monitor train.py` means the script in this folder, as `python3 train.py` would.
  if (word.ends_with(".py") && found != Found::executable) {
    if (const Found here = look(word); here == Found::plain || here == Found::executable) {
      found = here;
      file = has_slash ? word : "./" + word;
    }
  }
  if (word.ends_with(".py") && (found == Found::plain || (found == Found::executable && !kernel_runs(file)))) {
    auto program = under_python(words, word, search);
    if (program) program->name = app_name(words);
    return program;
  }
  switch (found) {
    case Found::nothing:
      return Error{Errc::not_found,
                   fmt::format("{}: {}", word.empty() ? "''" : word, has_slash ? "no such file" : "command not found"),
                   has_slash ? "" : "give a path such as ./NAME, or check PATH"};
    case Found::folder:
      return Error{Errc::denied, fmt::format("{}: is a directory", word)};
    case Found::plain:
      return Error{Errc::denied, fmt::format("{}: permission denied", word), fmt::format("chmod +x {}", file)};
    case Found::executable:
      break;
  }
  return Program{file, words, app_name(words)};
}

std::string app_name(const std::vector<std::string>& words) {
  const std::string stem = stem_of(words.front());
  if (!is_interpreter(stem)) return stem;
  for (std::size_t i = 1; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "-m" && i + 1 < words.size()) return words[i + 1];
    if (word == "-c" || word == "-e") break;
    if (word == "-W" || word == "-X") {
      ++i;
      continue;
    }
    if (word.empty() || word[0] == '-') continue;
    return stem_of(word);
  }
  const auto digits = stem.find_first_of("0123456789");
  return stem.starts_with("python") && digits != std::string::npos ? stem.substr(0, digits) : stem;
}

Status check_app_name(const std::string& name) {
  const auto bad = [&](std::string_view why) {
    return Error{Errc::invalid, fmt::format("'{}' cannot name a data file: {}", text::to_utf8(name), why),
                 "choose another with --name NAME"};
  };
  if (name.empty()) return bad("it is empty");
  if (name == "." || name == ".." || name[0] == '.') return bad("it begins with a dot");
  if (name.find('/') != std::string::npos) return bad("it holds a '/'");
  if (name.size() > 200) return bad("it is longer than 200 bytes");
  if (!text::is_utf8(name)) return bad("it is not UTF-8");
  if (std::any_of(name.begin(), name.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }))
    return bad("it holds a control character");
  return Ok{};
}

}  // namespace perun
