// SPDX-License-Identifier: BSD-3-Clause
#include "launch/place.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>

#include "base/crc32c.hpp"
#include "base/text.hpp"
#include "host/sysfs.hpp"
#include "model/outside.hpp"

extern char** environ;

namespace perun {

namespace {

constexpr int most_ranks = 100'000'000;

/// The variables, as texts and numbers; empty ones are as good as absent.
class Variables {
 public:
  explicit Variables(const Environment& all) : all_(all) {}
  [[nodiscard]] std::string text(std::string_view name) const {
    const auto it = all_.find(name);
    return it == all_.end() ? std::string() : it->second;
  }
  [[nodiscard]] bool has(std::string_view name) const { return !text(name).empty(); }
  /// The first of them that is there.
  [[nodiscard]] std::string_view first(std::initializer_list<std::string_view> names) const {
    for (const auto name : names)
      if (has(name)) return name;
    return *names.begin();
  }
  [[nodiscard]] std::optional<std::int64_t> number(std::string_view name) const { return text::integer(text(name)); }

 private:
  const Environment& all_;
};

std::string checksum(const std::string& s) {
  return fmt::format("{:08x}", crc32c(std::as_bytes(std::span(s))));
}

/// One way to start processes: who it is among the ancestors, which variables it sets, and what names its job.
struct Manager {
  std::string_view launcher;
  std::array<std::string_view, 6> processes;  ///< names of its processes on the nodes
  std::array<std::string_view, 3> rank, size, local_size;
  std::string (*key)(const Variables&, std::span<const Ancestor>);
};

std::string key_of_open_mpi(const Variables& v, std::span<const Ancestor>) {
  std::string space = v.text(v.first({"PMIX_NAMESPACE", "OMPI_MCA_ess_base_jobid"}));
  if (space.empty()) return "";
  // Namespaces of version 4 recur after a while; the address of its mpirun does not at the same time.
  const auto uri = v.text("OMPI_MCA_orte_hnp_uri");
  return "ompi-" + space + (uri.empty() ? "" : "-" + checksum(uri));
}

/// The word behind an option in the command line of any ancestor.
std::string behind(std::span<const Ancestor> ancestors, std::string_view option) {
  for (const auto& a : ancestors)
    for (std::size_t i = 0; i + 1 < a.words.size(); ++i)
      if (a.words[i] == option) return a.words[i + 1];
  return "";
}

std::string key_of_hydra(const Variables& v, std::span<const Ancestor> ancestors) {
  if (v.has("I_MPI_HYDRA_UUID")) return "impi-" + v.text("I_MPI_HYDRA_UUID");
  // MPICH leaves nothing in the environment that names the job; its proxies on all nodes are told where mpiexec listens.
  const auto port = behind(ancestors, "--control-port");
  if (!port.empty()) return "hydra-" + port;
  const auto upstream = behind(ancestors, "--upstream-port");
  if (!upstream.empty()) return "hydra-" + behind(ancestors, "--upstream-host") + "-" + upstream;
  return v.has("PMI_JOBID") ? "hydra-" + v.text("PMI_JOBID") : "";
}

std::string key_of_slurm(const Variables& v, std::span<const Ancestor>) {
  const auto job = v.text(v.first({"SLURM_JOB_ID", "SLURM_JOBID"}));
  const auto step = v.number(v.first({"SLURM_STEP_ID", "SLURM_STEPID"}));
  // The highest numbers are batch scripts, interactive and extern steps: one process, whatever the job's size.
  if (job.empty() || !step || *step < 0 || *step >= 0xfffffff0) return "";
  const auto restart = v.text("SLURM_RESTART_COUNT");
  return fmt::format("slurm-{}.{}{}", job, *step, restart.empty() ? "" : "-r" + restart);
}

std::string key_of_torchrun(const Variables& v, std::span<const Ancestor>) {
  if (!v.has("TORCHELASTIC_RUN_ID")) return "";
  const auto restart = v.text("TORCHELASTIC_RESTART_COUNT");
  return fmt::format("torch-{}-{}-{}", v.text("TORCHELASTIC_RUN_ID"), restart.empty() ? "0" : restart,
                     checksum(v.text("MASTER_ADDR") + ":" + v.text("MASTER_PORT")));
}

template <int Variable>
std::string key_by_variable(const Variables& v, std::span<const Ancestor>) {
  constexpr std::string_view names[] = {"PALS_APID", "FLUX_JOB_ID"};
  constexpr std::string_view fronts[] = {"pals-", "flux-"};
  const auto id = v.text(names[Variable]);
  return id.empty() ? "" : std::string(fronts[Variable]) + id;
}

/// Most particular first: inner managers leave the outer one's variables standing.
constexpr std::array<Manager, 6> managers{{
    {"torchrun", {"torchrun"}, {"RANK"}, {"WORLD_SIZE"}, {"LOCAL_WORLD_SIZE"}, &key_of_torchrun},
    {"openmpi",
     {"orted", "prted", "mpirun.openmpi", "orterun", "prterun", "prte"},
     {"OMPI_COMM_WORLD_RANK"},
     {"OMPI_COMM_WORLD_SIZE"},
     {"OMPI_COMM_WORLD_LOCAL_SIZE"},
     &key_of_open_mpi},
    {"pals", {"palsd"}, {"PALS_RANKID"}, {"PALS_SIZE", "PMI_SIZE"}, {"PALS_LOCAL_SIZE", "PMI_LOCAL_SIZE"}, &key_by_variable<0>},
    {"flux", {"flux-shell"}, {"FLUX_TASK_RANK"}, {"FLUX_JOB_SIZE"}, {}, &key_by_variable<1>},
    {"hydra",
     {"hydra_pmi_proxy", "pmi_proxy", "hydra_bstrap_pr"},
     {"PMI_RANK"},
     {"PMI_SIZE"},
     {"MPI_LOCALNRANKS"},
     &key_of_hydra},
    {"slurm", {"slurmstepd"}, {"SLURM_PROCID"}, {"SLURM_STEP_NUM_TASKS", "SLURM_NTASKS", "SLURM_NPROCS"}, {}, &key_of_slurm},
}};

std::string_view chosen(const Variables& v, const std::array<std::string_view, 3>& names) {
  for (const auto name : names)
    if (!name.empty() && v.has(name)) return name;
  return names.front();
}

bool is_manager(const Ancestor& a, const Manager& m, const Variables& v) {
  const std::string_view name = a.name;
  if (std::ranges::any_of(m.processes, [&](std::string_view p) { return !p.empty() && name == p.substr(0, 15); })) return true;
  // Whose `mpirun` it is tells only what it left in the environment.
  if (name == "mpirun" || name == "mpiexec") return v.has(m.rank[0]) && (m.launcher == "openmpi" || m.launcher == "hydra");
  // Python shows as python; what it runs stands in its words.
  return m.launcher == "torchrun" && std::ranges::any_of(a.words, [](const std::string& w) {
           return w.ends_with("/torchrun") || w == "torch.distributed.run" || w.starts_with("torch.distributed.launch");
         });
}

/// Which manager started this process, and the index of its ancestor (their number: not seen).
std::pair<const Manager*, std::size_t> find_manager(const Variables& v, std::span<const Ancestor> ancestors) {
  for (std::size_t i = 0; i < ancestors.size(); ++i)
    for (const auto& m : managers)
      if (is_manager(ancestors[i], m, v) && v.has(chosen(v, m.rank))) return {&m, i};
  for (const auto& m : managers)
    if (v.has(chosen(v, m.rank)) && !m.key(v, ancestors).empty() && (m.launcher != "hydra" || !v.has("SLURM_STEP_ID")))
      return {&m, ancestors.size()};
  return {nullptr, ancestors.size()};
}

/// A count or rank that makes sense, or nothing, with a doubt.
std::optional<int> sensible(const Variables& v, std::string_view name, std::int64_t least, Place& place) {
  const auto value = v.number(name);
  if (value && *value >= least && *value <= most_ranks) return static_cast<int>(*value);
  place.doubts.push_back(fmt::format("{}={} is no {}", name, text::printable(v.text(name).substr(0, 40)),
                                     least == 0 ? "rank" : "number of ranks"));
  return std::nullopt;
}

/// Rank and size by two variables; false, with a doubt, when they cannot be.
bool take(const Variables& v, std::string_view rank, std::string_view size, Place& place) {
  const auto r = sensible(v, rank, 0, place), s = sensible(v, size, 1, place);
  if (!r || !s) return false;
  if (*r >= *s) {
    place.doubts.push_back(fmt::format("{}={} does not fit {}={}", rank, *r, size, *s));
    return false;
  }
  place.rank = *r;
  place.size = *s;
  return true;
}

std::optional<int> local_size(const Manager& m, const Variables& v, const Place& place) {
  std::optional<std::int64_t> n = v.number(chosen(v, m.local_size));
  // Slurm lists the ranks of the node.
  if (m.launcher == "slurm" && v.has("SLURM_GTIDS")) n = std::ranges::count(v.text("SLURM_GTIDS"), ',') + 1;
  if (!n || *n < 1 || *n > place.size) return std::nullopt;
  return static_cast<int>(*n);
}

Attributes scheduler_of(const Variables& v) {
  struct Row {
    std::string_view name;
    std::array<std::string_view, 3> variables;
  };
  constexpr std::array<Row, 9> rows{{{"job_id", {"SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID"}},
                                     {"step_id", {"SLURM_STEP_ID"}},
                                     {"array_job_id", {"SLURM_ARRAY_JOB_ID"}},
                                     {"array_task_id", {"SLURM_ARRAY_TASK_ID", "PBS_ARRAY_INDEX", "LSB_JOBINDEX"}},
                                     {"job_name", {"SLURM_JOB_NAME", "PBS_JOBNAME", "LSB_JOBNAME"}},
                                     {"partition", {"SLURM_JOB_PARTITION", "PBS_QUEUE", "LSB_QUEUE"}},
                                     {"account", {"SLURM_JOB_ACCOUNT", "PBS_ACCOUNT", "LSB_PROJECT_NAME"}},
                                     {"node_list", {"SLURM_JOB_NODELIST", "LSB_HOSTS"}},
                                     {"cluster", {"SLURM_CLUSTER_NAME", "PBS_SERVER", "FLUX_URI"}}}};
  Attributes out;
  for (const auto& row : rows)
    if (const auto name = chosen(v, row.variables); !name.empty() && v.has(name))
      out.emplace_back(row.name, text::to_utf8(v.text(name).substr(0, 4096)));
  if (v.has("FLUX_JOB_ID") && !v.has("SLURM_JOB_ID")) out.emplace_back("job_id", v.text("FLUX_JOB_ID").substr(0, 200));
  return out;
}

/// What the user says by PERUN_RUN_KEY, PERUN_RANK and PERUN_SIZE stands before all else.
void overrule(const Variables& v, Place& place) {
  if (v.has("PERUN_RANK") || v.has("PERUN_SIZE")) {
    Place own;
    const bool fits = take(v, "PERUN_RANK", "PERUN_SIZE", own);
    place.doubts.insert(place.doubts.end(), own.doubts.begin(), own.doubts.end());
    if (fits) {
      place.rank = own.rank;
      place.size = own.size;
      place.local_size.reset();
    }
    if (place.key.empty() && !v.has("PERUN_RUN_KEY"))
      place.doubts.emplace_back("PERUN_RANK and PERUN_SIZE need PERUN_RUN_KEY, a name that all ranks of the run share");
  }
  if (!v.has("PERUN_RUN_KEY")) return;
  place.key = as_file_name(v.text("PERUN_RUN_KEY"));
  if (place.launcher == "none") place.launcher = "user";
  place.manager_age_ns = 0;  // the name was given by somebody else
}

}  // namespace

std::string as_file_name(const std::string& text) {
  constexpr std::size_t longest = 100;
  std::string name;
  for (const char c : text.substr(0, longest)) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' || c == '-';
    name += plain ? c : '_';
  }
  if (name.empty() || name[0] == '.' || name[0] == '-') name.insert(0, 1, '_');
  return name == text ? name : name + "-" + checksum(text);
}

Place place_of(const Environment& environment, std::span<const Ancestor> ancestors) {
  const Variables v(environment);
  Place place;
  place.node_id = v.has("PERUN_NODE_ID") ? as_file_name(v.text("PERUN_NODE_ID")) : "";
  place.scheduler = scheduler_of(v);
  const auto [manager, at] = find_manager(v, ancestors);
  if (manager != nullptr) {
    const auto key = manager->key(v, ancestors);
    if (!key.empty() && take(v, chosen(v, manager->rank), chosen(v, manager->size), place)) {
      place.launcher = manager->launcher;
      place.key = as_file_name(key);
      place.local_size = local_size(*manager, v, place);
      place.direct = at == 0;
      if (at < ancestors.size()) place.manager_age_ns = ancestors[at].age_ns;
    }
  }
  if (place.launcher == "slurm" && v.has("PERUN_OUTSIDE")) place.launcher = outside_of_srun;
  overrule(v, place);
  place.rank0_hosts = rank0_hosts(environment, ancestors, place.launcher);
  place.stream_words = stream_words(environment);
  return place;
}

Environment environment_of_this_process() {
  Environment all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string variable = *entry;
    if (const auto sign = variable.find('='); sign != std::string::npos)
      all.emplace(variable.substr(0, sign), variable.substr(sign + 1));
  }
  return all;
}

std::vector<Ancestor> ancestors_of_this_process() {
  constexpr int deepest = 32;
  std::vector<Ancestor> found;
  const auto ticks_per_s = static_cast<double>(::sysconf(_SC_CLK_TCK));
  pid_t pid = ::getppid();
  for (int depth = 0; depth < deepest && pid > 1; ++depth) {
    const std::string folder = fmt::format("/proc/{}/", pid);
    const auto stat = sysfs::text(folder + "stat");
    const auto words = sysfs::text(folder + "cmdline", 64 << 10);
    if (!stat) break;
    const auto open = stat->find('('), close = stat->rfind(')');
    if (open == std::string::npos || close == std::string::npos || close + 2 >= stat->size()) break;
    Ancestor a{.name = stat->substr(open + 1, close - open - 1)};
    const auto fields = text::split(std::string_view(*stat).substr(close + 2), ' ');  // from the state on: field 3 of proc(5)
    constexpr std::size_t parent = 1, start = 19;
    if (fields.size() <= start) break;
    if (words)
      for (const auto word : text::split(*words, '\0')) a.words.emplace_back(word);
    if (const auto started = text::number(fields[start]))
      a.age_ns = clock_ns(CLOCK_BOOTTIME) - static_cast<std::int64_t>(*started / ticks_per_s * 1e9);
    found.push_back(std::move(a));
    pid = static_cast<pid_t>(text::integer(fields[parent]).value_or(0));
  }
  return found;
}

}  // namespace perun
