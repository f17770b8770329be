// SPDX-License-Identifier: BSD-3-Clause
#include <pwd.h>
#include <sched.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cli/commands.hpp"
#include "cli/diagnosis.hpp"
#include "cli/fix_script.hpp"
#include "cli/instruments.hpp"
#include "host/machine.hpp"

namespace perun {

namespace {

Patient patient_of(const Config& config) {
  Patient patient{.host = host_of(config), .data_out = config.data_out, .node = host_name(), .kernel = {}, .user = {}};
  // A /sys of the user's stands for another machine, whose other folders are beside it.
  if (config.sysfs != "/sys") patient.root = std::filesystem::absolute(config.sysfs).parent_path();
  utsname name{};
  if (::uname(&name) == 0) patient.kernel = name.release;
  patient.uid = ::geteuid();
  const passwd* entry = ::getpwuid(patient.uid);
  patient.user = entry == nullptr ? "without a name" : entry->pw_name;
  cpu_set_t cpus;
  patient.allowed_cpus = ::sched_getaffinity(0, sizeof cpus, &cpus) == 0 ? CPU_COUNT(&cpus) : CPU_SETSIZE;
  return patient;
}

}  // namespace

int doctor(const CommandLine& line, const Resolved& resolved) {
  if (line.fix_script) return print(fix_script()) ? 0 : 1;
  raise_file_limit();
  const Patient patient = patient_of(resolved.config);
  const auto diagnosis = diagnose(patient, selection_of(resolved.config));
  if (!diagnosis) {
    complain(diagnosis.error());
    return 1;
  }
  const bool told = print(line.json ? diagnosis_json(patient, *diagnosis).dump(2) + "\n" : diagnosis_text(patient, *diagnosis));
  return told && diagnosis->measurable ? 0 : 1;
}

}  // namespace perun
