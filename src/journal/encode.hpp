// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "model/run.hpp"

namespace perun::journal {

/// The JSON texts inside journal frames. Reading accepts unknown keys and takes defaults for absent ones, so
/// that journals of every later 1.x version load; text that is no JSON or of the wrong type is a format error.
/// Strings that are not UTF-8 are stored with the offending bytes replaced.
[[nodiscard]] std::string encode_header(const Run& run);  ///< run.nodes.front() is the node; its series are left out
[[nodiscard]] Result<Run> decode_header(std::string_view text);

[[nodiscard]] std::string encode_outcome(const Outcome& outcome, const Moment& end);
[[nodiscard]] Status decode_outcome(std::string_view text, Run& run);

[[nodiscard]] std::string encode_quality(const Quality& quality);
[[nodiscard]] Status decode_quality(std::string_view text, Quality& quality);

[[nodiscard]] std::string encode_provenance(const Attributes& facts);
[[nodiscard]] Status decode_provenance(std::string_view text, Attributes& facts);

}  // namespace perun::journal
