// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <filesystem>
#include <string_view>
#include <utility>

namespace perun {

/// A shared library that is looked for when the program runs, so that one perun serves machines with and without it. Once
/// loaded it stays in memory: those of vendors leave threads and exit handlers behind.
class Library {
 public:
  Library() = default;
  /// By name, in `folder` or, when that is empty, where the system looks. Empty when it is not there.
  Library(const std::filesystem::path& folder, std::string_view name);
  Library(Library&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Library& operator=(Library&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Library();

  explicit operator bool() const noexcept { return handle_ != nullptr; }

  /// The function of that name; null when the library has none.
  template <class F>
  void find(const char* name, F*& function) const noexcept {
    function = reinterpret_cast<F*>(symbol(name));
  }

 private:
  [[nodiscard]] void* symbol(const char* name) const noexcept;

  void* handle_ = nullptr;
};

}  // namespace perun
