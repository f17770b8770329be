// SPDX-License-Identifier: BSD-3-Clause
#include "config/ini.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

#include "base/fd.hpp"
#include "base/text.hpp"

namespace perun::ini {

namespace {

constexpr std::string_view blanks = " \t\v\f";
constexpr std::size_t largest = 1 << 20;

bool starts_comment(std::string_view s) {
  return s.starts_with('#') || s.starts_with(';');
}

/// Where a comment after a value begins, its blank included.
std::size_t comment_at(std::string_view s) {
  if (starts_comment(s)) return 0;
  for (std::size_t i = 1; i < s.size(); ++i)
    if (starts_comment(s.substr(i)) && blanks.find(s[i - 1]) != std::string_view::npos) return i;
  return s.size();
}

/// A value in quotes; what follows the closing one may be a comma and a comment.
Result<std::string> unquote(std::string_view s) {
  std::string out;
  for (std::size_t i = 1; i < s.size(); ++i) {
    if (s[i] == '"') {
      const auto rest = text::trim(s.substr(i + 1));
      const auto after = text::trim(rest.starts_with(',') ? rest.substr(1) : rest);
      if (after.empty() || starts_comment(after)) return out;
      return Error{Errc::invalid, fmt::format("'{}' follows the closing quote", text::to_utf8(after))};
    }
    if (s[i] == '\\' && i + 1 < s.size() && (s[i + 1] == '"' || s[i + 1] == '\\')) ++i;
    out += s[i];
  }
  return Error{Errc::invalid, "the closing quote is missing"};
}

Result<std::string> clean(std::string_view s) {
  s = text::trim(s);
  if (s.starts_with('"')) return unquote(s);
  s = text::trim(s.substr(0, comment_at(s)));
  if (s.ends_with(',')) s = text::trim(s.substr(0, s.size() - 1));
  return std::string(s);
}

class Parser {
 public:
  explicit Parser(std::string_view shown) : shown_(shown) {}

  Status line(std::string_view raw) {
    ++line_;
    const auto words = text::trim(raw);
    if (words.empty() || starts_comment(words)) return Ok{};
    const std::size_t indent = raw.find_first_not_of(blanks);
    if (open_ && indent > *open_) return more(words);
    if (words.starts_with('[')) return section(words);
    return entry(words, indent);
  }
  std::vector<Entry> take() { return std::move(entries_); }

 private:
  Error wrong(std::string_view what) const { return {Errc::invalid, fmt::format("{}:{}: {}", shown_, line_, what)}; }

  Status section(std::string_view words) {
    const auto close = words.find(']');
    if (close == std::string_view::npos) return wrong(fmt::format("'{}' has no closing ']'", text::to_utf8(words)));
    const auto after = text::trim(words.substr(close + 1));
    if (!after.empty() && !starts_comment(after)) return wrong(fmt::format("'{}' follows ']'", text::to_utf8(after)));
    section_ = text::trim(words.substr(1, close - 1));
    open_.reset();
    return Ok{};
  }

  Status entry(std::string_view words, std::size_t indent) {
    const auto sign = words.find_first_of("=:");
    const auto key = text::trim(words.substr(0, sign));
    if (sign == std::string_view::npos || key.empty())
      return wrong(fmt::format("'{}' is neither 'key = value' nor '[section]'", text::to_utf8(words)));
    auto value = clean(words.substr(sign + 1));
    if (!value) return wrong(fmt::format("{}: {}", text::to_utf8(key), value.error().what));
    entries_.push_back({section_, std::string(key), *std::move(value), line_});
    open_ = indent;
    return Ok{};
  }

  Status more(std::string_view words) {
    auto& last = entries_.back();
    auto value = clean(words);
    if (!value) return wrong(fmt::format("{}: {}", text::to_utf8(last.key), value.error().what));
    last.value += '\n' + *value;
    if (last.continued_at == 0) last.continued_at = line_;
    return Ok{};
  }

  std::string_view shown_;
  std::vector<Entry> entries_;
  std::string section_;
  int line_ = 0;
  std::optional<std::size_t> open_;  ///< indent of the key that a line may continue
};

Result<std::string> contents(const std::filesystem::path& file) {
  const auto failed = [] {
    return Error{errno == ENOENT || errno == ENOTDIR ? Errc::not_found : Errc::io, std::strerror(errno)};
  };
  const Fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return failed();
  std::string out;
  std::array<char, 4096> buffer{};
  for (;;) {
    const ssize_t n = ::read(fd.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failed();
    if (n == 0) return out;
    out.append(buffer.data(), static_cast<std::size_t>(n));
    if (out.size() > largest) return Error{Errc::io, "more than 1 MiB, no configuration file"};
  }
}

}  // namespace

Result<std::vector<Entry>> parse(std::string_view text, std::string_view shown) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  if (text.find('\0') != std::string_view::npos) return Error{Errc::invalid, fmt::format("{}: not a text file", shown)};
  Parser parser(shown);
  for (const auto line : text::split(text, '\n'))
    if (auto ok = parser.line(line); !ok) return ok.error();
  return parser.take();
}

Result<std::vector<Entry>> read(const std::filesystem::path& file, std::string_view shown) {
  const auto text = contents(file);
  if (!text) return Error{text.error().code, fmt::format("cannot read '{}': {}", shown, text.error().what)};
  return parse(*text, shown);
}

std::string quote(std::string_view value) {
  const bool plain =
      text::trim(value) == value && comment_at(value) == value.size() && !value.starts_with('"') && !value.ends_with(',');
  if (plain) return std::string(value);
  std::string out = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

}  // namespace perun::ini
