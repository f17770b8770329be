// SPDX-License-Identifier: BSD-3-Clause
#include "fuzz/tree_input.hpp"

#include <algorithm>
#include <fstream>
#include <system_error>
#include <vector>

#include "base/text.hpp"

namespace perun::fuzz {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_entries = 64, deepest = 10, longest_name = 200;

/// The parts of a path that lead downwards.
std::vector<std::string> parts(std::string_view path) {
  std::vector<std::string> out;
  for (const auto part : text::split(path, '/')) {
    if (part.empty() || part == "." || part == ".." || part.find('\0') != std::string_view::npos) continue;
    if (out.size() < deepest) out.emplace_back(part.substr(0, longest_name));
  }
  return out;
}

fs::path joined(fs::path root, const std::vector<std::string>& all) {
  for (const auto& part : all) root /= part;
  return root;
}

/// Whether a link `depth` folders below the root stays in the tree.
bool stays(std::string_view target, std::size_t depth) {
  if (target.empty() || target[0] == '/' || target.find('\0') != std::string_view::npos) return false;
  const auto all = text::split(target, '/');
  return static_cast<std::size_t>(std::count(all.begin(), all.end(), "..")) < depth;
}

}  // namespace

void TreeInput::clear() {
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(root_, none)) fs::remove_all(entry.path(), none);
}

void TreeInput::entry(std::string_view head, std::string_view text) {
  std::error_code none;
  const auto arrow = head.find(" -> ");
  const auto path = parts(head.substr(0, arrow));
  if (path.empty()) return;
  const fs::path full = joined(root_, path);
  fs::create_directories(full.parent_path(), none);
  if (arrow != std::string_view::npos) {
    if (stays(head.substr(arrow + 4), path.size())) fs::create_symlink(std::string(head.substr(arrow + 4)), full, none);
  } else if (head.ends_with('/')) {
    fs::create_directory(full, none);
  } else {
    std::ofstream(full, std::ios::binary | std::ios::trunc) << text;
  }
}

void TreeInput::build(std::string_view input) {
  clear();
  std::size_t at = input.starts_with('@') ? 0 : std::min(input.find("\n@"), input.size());
  for (std::size_t n = 0; n < most_entries && at < input.size(); ++n) {
    if (input[at] == '\n') ++at;
    const auto line = std::min(input.find('\n', at), input.size());
    const auto next = std::min(input.find("\n@", at), input.size());
    const auto text = line < next ? input.substr(line + 1, next - line) : std::string_view();
    entry(input.substr(at + 1, line - at - 1), text);
    at = next;
  }
}

Host TreeInput::host() const {
  return host_at(root_ / "sys", root_ / "proc");
}

}  // namespace perun::fuzz
