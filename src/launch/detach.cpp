// SPDX-License-Identifier: BSD-3-Clause
#include "launch/detach.hpp"

#include <fcntl.h>
#include <malloc.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <vector>

#include "host/machine.hpp"

namespace perun {

void detach(std::span<const int> kept) {
  ::setsid();
  ::prctl(PR_SET_NAME, "perun-agent");
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int fd = 0; fd < 3; ++fd) ::dup2(null, fd);
  std::vector<int> sorted(kept.begin(), kept.end());
  std::sort(sorted.begin(), sorted.end());
  unsigned from = 3;
  for (const int fd : sorted) {
    const auto kept_one = static_cast<unsigned>(fd);
    if (kept_one > from) ::close_range(from, kept_one - 1, 0);
    from = kept_one + 1;
  }
  ::close_range(from, ~0U, 0);
}

void prepare_heap() {
  constexpr std::size_t needed = 2 << 20, page = 4096;
  ::mallopt(M_ARENA_MAX, 1);  // one heap for all threads
  ::mallopt(M_MMAP_THRESHOLD, 2 * needed);
  ::mallopt(M_TRIM_THRESHOLD, 8 * needed);
  auto* const end = static_cast<std::byte*>(::sbrk(0));
  auto* const start = end + (page - reinterpret_cast<std::uintptr_t>(end) % page) % page;
  void* volatile grown = std::malloc(needed);  // volatile: not to be optimized away
  std::free(grown);
  ::madvise(start, needed, MADV_POPULATE_WRITE);  // an older kernel refuses; nothing is lost
}

void serve_the_whole_node() noexcept {
  cpu_set_t all;
  CPU_ZERO(&all);
  for (int i = 0; i < CPU_SETSIZE; ++i) CPU_SET(i, &all);
  ::sched_setaffinity(0, sizeof all, &all);
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

void leave_behind(Instruments&& instruments) {
  static_cast<void>(new Instruments(std::move(instruments)));
}

NodeRecord describe_node(const AgentTask& task, const Instruments& instruments) {
  NodeRecord node;
  node.host = host_name();
  node.attributes = describe_machine(task.host);
  node.attributes.insert(node.attributes.end(), instruments.attributes.begin(), instruments.attributes.end());
  for (const auto& backend : instruments.backends)
    node.sensors.insert(node.sensors.end(), backend->sensors().begin(), backend->sensors().end());
  node.blocked = instruments.blocked;
  node.scope = cpu_scope(task.host);
  return node;
}

}  // namespace perun
