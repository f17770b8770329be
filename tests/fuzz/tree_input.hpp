// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "host/host.hpp"

namespace perun::fuzz {

/// A machine as text: "@sys/class/powercap/intel-rapl:0/name", then what the file holds up to the next line that begins
/// with '@'. "@PATH/" is a folder, "@PATH -> TARGET" a symbolic link. Nothing leads out of the tree: "..", "." and empty
/// parts of paths are left out, and so are links that go up too far.
class TreeInput {
 public:
  TreeInput() {
    const char* fast = "/dev/shm";
    std::error_code none;
    const auto place =
        std::filesystem::is_directory(fast, none) ? std::filesystem::path(fast) : std::filesystem::temp_directory_path();
    std::string name = (place / "perun-fuzz-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    root_ = name;
  }
  ~TreeInput() {
    clear();
    std::error_code none;
    std::filesystem::remove(root_, none);
  }
  TreeInput(const TreeInput&) = delete;
  TreeInput& operator=(const TreeInput&) = delete;

  void build(std::string_view input);
  [[nodiscard]] Host host() const;
  [[nodiscard]] const std::filesystem::path& root() const { return root_; }

 private:
  void clear();
  void entry(std::string_view head, std::string_view text);
  std::filesystem::path root_;
};

}  // namespace perun::fuzz
