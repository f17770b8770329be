// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>

#include "base/text.hpp"
#include "launch/place.hpp"

namespace perun {

namespace {

constexpr std::size_t longest_host = 255, most_hosts = 8;

std::string value(const Environment& all, std::string_view name) {
  const auto it = all.find(name);
  return it == all.end() ? std::string() : it->second;
}

bool is_host(std::string_view s) {
  return !s.empty() && s.size() <= longest_host && s.front() != '-' && std::ranges::all_of(s, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' || c == '-' || c == '_' ||
           c == ':';
  });
}

/// "n[003-005,7]-ib,x" begins with n003-ib.
std::string first_host_of(std::string_view list) {
  const auto open = list.find('[');
  if (open == std::string_view::npos || list.find(',') < open) return std::string(list.substr(0, list.find(',')));
  const auto close = list.find(']', open);
  if (close == std::string_view::npos) return "";
  const auto ranges = list.substr(open + 1, close - open - 1);
  const auto rest = list.substr(close + 1);
  return std::string(list.substr(0, open))
      .append(ranges.substr(0, ranges.find_first_of("-,")))
      .append(rest.substr(0, rest.find(',')));
}

/// Where mpirun of Open MPI listens: "12.0;tcp://10.0.0.1,192.168.0.1:4711".
std::string hosts_of_uri(std::string_view uri) {
  constexpr std::string_view front = "tcp://";
  const auto begin = uri.find(front);
  if (begin == std::string_view::npos) return "";
  const auto hosts = uri.substr(begin + front.size());
  return std::string(hosts.substr(0, hosts.find(':')));
}

/// Where mpiexec of MPICH listens, as its proxies are told: "--control-port n1:4711".
std::string control_host(std::span<const Ancestor> ancestors) {
  for (const auto& a : ancestors)
    for (std::size_t i = 0; i + 1 < a.words.size(); ++i)
      if (a.words[i] == "--control-port") return a.words[i + 1].substr(0, a.words[i + 1].rfind(':'));
  return "";
}

}  // namespace

std::vector<std::string> rank0_hosts(const Environment& environment, std::span<const Ancestor> ancestors,
                                     std::string_view launcher) {
  std::vector<std::string> found;
  const auto add = [&](const std::string& list) {
    for (const auto word : text::split(list, ',')) {
      const std::string host(word);
      if (is_host(host) && found.size() < most_hosts && std::ranges::find(found, host) == found.end()) found.push_back(host);
    }
  };
  if (const auto told = value(environment, "PERUN_RANK0_ADDR"); !told.empty()) {
    if (told != "none") add(told);
    return found;
  }
  if (launcher == "torchrun") add(value(environment, "MASTER_ADDR"));
  // In a batch job the first node of the list has rank 0, unless another order was asked for.
  for (const auto* nodes : {"SLURM_STEP_NODELIST", "SLURM_JOB_NODELIST", "SLURM_NODELIST"})
    if (found.empty()) add(first_host_of(value(environment, nodes)));
  if (const auto hosts = value(environment, "LSB_HOSTS"); found.empty()) add(hosts.substr(0, hosts.find(' ')));
  // Started by hand, mpirun most often runs on the first node itself.
  if (launcher == "openmpi") add(hosts_of_uri(value(environment, "OMPI_MCA_orte_hnp_uri")));
  if (launcher == "hydra") add(control_host(ancestors));
  return found;
}

std::vector<std::string> stream_words(const Environment& environment) {
  // The second is random, and Open MPI gives it to all ranks by their environment alone, which nobody else can read.
  return {value(environment, "PERUN_STREAM_TOKEN"), value(environment, "OMPI_MCA_orte_precondition_transports")};
}

}  // namespace perun
