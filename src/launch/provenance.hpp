// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <sys/types.h>

#include <span>
#include <string>
#include <string_view>

#include "host/host.hpp"
#include "model/run.hpp"

namespace perun {

// What shaped a run beside its command, for whoever wants to repeat it. All of it is looked up after the program was
// started, and by the agent, so that the program does not wait for it.

/// Variables that change how programs run, as ("env:NAME", value): threads, devices, libraries, batch jobs. Never one whose
/// name or value looks like a secret; values are cut after 4096 bytes. `environment` is as environ.
[[nodiscard]] Attributes chosen_environment(std::span<const std::string_view> environment);

/// Whether a variable of this name may be kept.
[[nodiscard]] bool looks_secret(std::string_view name, std::string_view value);

/// Resource limits of a process that are not infinite, as ("limit:open_files", "1024 of 4096"): soft of hard.
[[nodiscard]] Attributes limits_of(pid_t pid);

/// "executable", with "python" (its version, by the name of the executable) where that is one; "nice" when it is not 0;
/// "turbo" ("on", "off") where the kernel tells. What cannot be found out is left out.
[[nodiscard]] Attributes circumstances_of(pid_t pid, const Host& host);

}  // namespace perun
