// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "config/config.hpp"

/// What the texts of options mean: each sets `out`, or says what is wrong with the text and leaves `out` as it is.
namespace perun::values {

[[nodiscard]] Error invalid(std::string what, std::string hint = {});
/// One of `words`, whatever its case.
[[nodiscard]] Result<std::string> choice(std::string_view text, std::span<const std::string_view> words);
[[nodiscard]] Status at_least(double& out, double least, std::string_view text);
[[nodiscard]] Status share(double& out, std::string_view text);
[[nodiscard]] Status count(int& out, int least, std::string_view text);
[[nodiscard]] Status samples(std::uint64_t& out, std::string_view text);
[[nodiscard]] Status truth(bool& out, std::string_view text);
[[nodiscard]] Status folder(std::filesystem::path& out, std::string_view text);
[[nodiscard]] Status frequency(double& out, std::string_view text);
/// "5" or "5%".
[[nodiscard]] Status percent(double& out, std::string_view text);
[[nodiscard]] Status power(double& out, std::string_view text);
[[nodiscard]] Status baseline(Config& c, std::string_view text);
[[nodiscard]] Status estimate(Config& c, std::string_view text);
[[nodiscard]] std::string factor_spelled(double number, const std::string& country, const std::filesystem::path& file);
[[nodiscard]] Status emissions(Config& c, std::string_view text);
[[nodiscard]] Status price(Config& c, std::string_view text);
/// The name of a file and of an HDF5 group in one.
[[nodiscard]] Status app_name(std::string& out, std::string_view text);
[[nodiscard]] Status patterns(std::vector<std::string>& out, std::string_view text);
[[nodiscard]] Status tags(std::vector<std::string>& out, std::string_view text);
/// "ipmi,exec:tr , . < plug": a comma separates where the name of a source follows; others belong to a command.
[[nodiscard]] Status sources(std::vector<std::string>& out, std::string_view text);
[[nodiscard]] Status log_level(Config& c, std::string_view text);
[[nodiscard]] Status control(std::filesystem::path& out, std::string_view text);
[[nodiscard]] Status work(std::vector<std::pair<std::string, double>>& out, std::string_view text);
[[nodiscard]] std::string spelled(const std::vector<std::pair<std::string, double>>& work);
[[nodiscard]] std::string joined(const std::vector<std::string>& items);
[[nodiscard]] std::string spelled(bool value);

}  // namespace perun::values
