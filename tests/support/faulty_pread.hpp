// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace perun::test {

/// What a read is made to give: an errno, or a text.
struct Answer {
  int error = 0;
  std::string text = {};
};

/// Asked at every pread from the start of a file, with what the file holds; nothing: that is what is read. One thread.
extern std::function<std::optional<Answer>(std::string_view)> faulty_pread;

}  // namespace perun::test
