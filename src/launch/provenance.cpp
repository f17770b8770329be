// SPDX-License-Identifier: BSD-3-Clause
#include "launch/provenance.hpp"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>

#include "base/text.hpp"
#include "host/sysfs.hpp"

namespace perun {

namespace {

constexpr std::size_t longest_value = 4096;

/// Patterns of names that are kept.
constexpr std::array<std::string_view, 40> kept{"OMP_*",
                                                "GOMP_*",
                                                "KMP_*",
                                                "MKL_*",
                                                "OPENBLAS_*",
                                                "BLIS_*",
                                                "NUMEXPR_*",
                                                "VECLIB_*",
                                                "*_NUM_THREADS",
                                                "*_THREADS",
                                                "CUDA_*",
                                                "NVIDIA_VISIBLE_DEVICES",
                                                "ROCR_*",
                                                "HIP_*",
                                                "HSA_*",
                                                "ZE_*",
                                                "GPU_DEVICE_ORDINAL",
                                                "SLURM_*",
                                                "PBS_*",
                                                "LSB_*",
                                                "OMPI_*",
                                                "PMI_*",
                                                "PMIX_*",
                                                "MPICH_*",
                                                "I_MPI_*",
                                                "UCX_*",
                                                "NCCL_*",
                                                "LD_*",
                                                "PYTHONPATH",
                                                "PYTHONHASHSEED",
                                                "PYTHONOPTIMIZE",
                                                "VIRTUAL_ENV",
                                                "CONDA_DEFAULT_ENV",
                                                "MALLOC_*",
                                                "TF_*",
                                                "TORCH_*",
                                                "XLA_*",
                                                "JAX_*",
                                                "GLIBC_TUNABLES",
                                                "LOADEDMODULES"};

constexpr std::array<std::string_view, 12> secret_parts{"TOKEN", "KEY",    "SECRET", "PASS",   "PWD",     "CRED",
                                                        "AUTH",  "COOKIE", "PRIVAT", "SIGNAT", "SESSION", "CERT"};

struct Limit {
  __rlimit_resource which;
  std::string_view name;
};
constexpr std::array<Limit, 9> limits{{{RLIMIT_CPU, "cpu_s"},
                                       {RLIMIT_AS, "address_space_bytes"},
                                       {RLIMIT_DATA, "data_bytes"},
                                       {RLIMIT_STACK, "stack_bytes"},
                                       {RLIMIT_RSS, "resident_bytes"},
                                       {RLIMIT_MEMLOCK, "locked_bytes"},
                                       {RLIMIT_FSIZE, "file_bytes"},
                                       {RLIMIT_NOFILE, "open_files"},
                                       {RLIMIT_NPROC, "processes"}}};

std::string amount(rlim_t value) {
  return value == RLIM_INFINITY ? "unlimited" : std::to_string(value);
}

/// "3.11" of ".../python3.11"; empty for what is no Python.
std::string python_version(std::string_view executable) {
  const auto name = executable.substr(executable.rfind('/') + 1);
  constexpr std::string_view python = "python";
  if (!name.starts_with(python)) return "";
  const auto version = name.substr(python.size());
  return version.find_first_not_of("0123456789.") == std::string_view::npos ? std::string(version) : "";
}

}  // namespace

bool looks_secret(std::string_view name, std::string_view value) {
  const std::string small = text::lower(name);
  for (const auto part : secret_parts)
    if (small.find(text::lower(part)) != std::string::npos) return true;
  // user:password@host
  const auto scheme = value.find("://");
  return scheme != std::string_view::npos && value.find('@', scheme) != std::string_view::npos;
}

Attributes chosen_environment(std::span<const std::string_view> environment) {
  Attributes out;
  for (const auto entry : environment) {
    const auto sign = entry.find('=');
    if (sign == std::string_view::npos || sign == 0) continue;
    const auto name = entry.substr(0, sign), value = entry.substr(sign + 1);
    const bool wanted = std::ranges::any_of(kept, [&](std::string_view pattern) { return text::glob(pattern, name); });
    if (!wanted || looks_secret(name, value)) continue;
    std::string text = text::to_utf8(value.substr(0, longest_value));
    if (value.size() > longest_value) text += "...";
    out.emplace_back("env:" + text::to_utf8(name), std::move(text));
  }
  std::ranges::sort(out);
  return out;
}

Attributes limits_of(pid_t pid) {
  Attributes out;
  for (const auto& limit : limits) {
    rlimit now{};
    if (::prlimit(pid, limit.which, nullptr, &now) != 0 || (now.rlim_cur == RLIM_INFINITY && now.rlim_max == RLIM_INFINITY))
      continue;
    out.emplace_back(fmt::format("limit:{}", limit.name),
                     now.rlim_cur == now.rlim_max ? amount(now.rlim_cur)
                                                  : fmt::format("{} of {}", amount(now.rlim_cur), amount(now.rlim_max)));
  }
  return out;
}

Attributes circumstances_of(pid_t pid, const Host& host) {
  Attributes out;
  std::error_code none;
  const auto executable = std::filesystem::read_symlink(fmt::format("/proc/{}/exe", pid), none).string();
  if (!executable.empty()) out.emplace_back("executable", text::to_utf8(executable));
  if (const auto version = python_version(executable); !version.empty()) out.emplace_back("python", version);
  errno = 0;
  const int nice = ::getpriority(PRIO_PROCESS, static_cast<id_t>(pid));
  if (errno == 0 && nice != 0) out.emplace_back("nice", std::to_string(nice));
  if (const auto off = sysfs::line(host.at_sys("devices/system/cpu/intel_pstate/no_turbo")))
    out.emplace_back("turbo", *off == "0" ? "on" : "off");
  else if (const auto boost = sysfs::line(host.at_sys("devices/system/cpu/cpufreq/boost")))
    out.emplace_back("turbo", *boost == "1" ? "on" : "off");
  return out;
}

}  // namespace perun
