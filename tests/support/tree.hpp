// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "host/host.hpp"

namespace perun::test {

/// A throw-away directory that stands in for a machine: files below sys/, proc/ and dev/ in it, vendors' libraries in lib/.
class Tree {
 public:
  Tree() {
    std::string name = (std::filesystem::temp_directory_path() / "perun-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    root_ = name;
  }
  ~Tree() { std::filesystem::remove_all(root_); }
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;

  /// Writes (or replaces) a file, with its folders.
  Tree& file(std::string_view path, std::string_view text) {
    const auto full = at(path);
    std::filesystem::create_directories(full.parent_path());
    std::ofstream(full, std::ios::binary | std::ios::trunc) << text;
    return *this;
  }
  [[nodiscard]] std::filesystem::path at(std::string_view path) const {
    return root_ / std::filesystem::path(path).relative_path();
  }
  [[nodiscard]] const std::filesystem::path& root() const { return root_; }
  [[nodiscard]] Host host() const {
    Host h = host_at(root_ / "sys", root_ / "proc");
    h.libraries = root_ / "lib";
    return h;
  }

 private:
  std::filesystem::path root_;
};

}  // namespace perun::test
