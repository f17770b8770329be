// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "host/owner.hpp"
#include "model/job.hpp"
#include "model/run.hpp"

namespace perun::journal {

/// Where a journal belongs that holds one node of a job.
struct Part {
  JobRecord job = {};        ///< without ranks
  std::string node_id = {};  ///< what the node is known as
  std::string boot_id = {};  ///< of its kernel; empty: by the user's word the node is one of its own
  int segment = 0;           ///< a node has a second one when its sampling process was killed, or all of its ranks had ended
  std::optional<double> clock_error_s = {};
  std::optional<int> local_size = {};  ///< ranks of the job on this node, where that was told
};

/// The JSON texts inside journal frames. Reading accepts unknown keys and takes defaults for absent ones, so
/// that journals of every later 1.x version load; text that is no JSON or of the wrong type is a format error.
/// Strings that are not UTF-8 are stored with the offending bytes replaced.
[[nodiscard]] std::string encode_header(const Run& run);  ///< run.nodes.front() is the node; its series are left out
[[nodiscard]] Result<Run> decode_header(std::string_view text);

[[nodiscard]] std::string encode_outcome(const Outcome& outcome, const Moment& end);
[[nodiscard]] Status decode_outcome(std::string_view text, Run& run);

[[nodiscard]] std::string encode_quality(const Quality& quality);
[[nodiscard]] Status decode_quality(std::string_view text, Quality& quality);

/// What joined a node that has begun: the sensors of `all` from `first` on, and which of all are counted now.
[[nodiscard]] std::string encode_joined(std::span<const Sensor> all, std::size_t first, std::span<const BlockedSource> blocked,
                                        const Attributes& attributes);
[[nodiscard]] Status decode_joined(std::string_view text, NodeRecord& node);

[[nodiscard]] std::string encode_part(const Part& part);
[[nodiscard]] Result<Part> decode_part(std::string_view text);

[[nodiscard]] std::string encode_rank(const RankRecord& rank);
[[nodiscard]] Result<RankRecord> decode_rank(std::string_view text);
/// Who writes a journal, and where its run belongs.
struct WriterFacts {
  Owner owner;
  std::string data_out;  ///< absolute; the journal itself may be elsewhere (--spool)
};
[[nodiscard]] std::string encode_writer(const WriterFacts& facts);
[[nodiscard]] Status decode_writer(std::string_view text, WriterFacts& facts);
[[nodiscard]] std::string encode_provenance(const Attributes& facts);
[[nodiscard]] Status decode_provenance(std::string_view text, Attributes& facts);

}  // namespace perun::journal
