// SPDX-License-Identifier: BSD-3-Clause
// What every backend in the registry must keep, whatever it reads. A new one is held to it by being listed.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <new>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "backends/backend.hpp"
#include "backends/select.hpp"
#include "support/amd.hpp"
#include "support/fake_rapl.hpp"
#include "support/feeds.hpp"
#include "support/http_bmc.hpp"
#include "support/hwmon.hpp"
#include "support/intel.hpp"
#include "support/machines.hpp"
#include "support/nvidia.hpp"
#include "support/state.hpp"

namespace {
std::atomic<std::size_t> allocations{0};

void* counted(std::size_t size) {
  ++allocations;
  if (void* p = std::malloc(size == 0 ? 1 : size)) return p;
  throw std::bad_alloc();
}
}  // namespace

void* operator new(std::size_t size) {
  return counted(size);
}
void* operator new[](std::size_t size) {
  return counted(size);
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  ++allocations;
  return std::malloc(size == 0 ? 1 : size);
}
void operator delete(void* p) noexcept {
  std::free(p);
}
void operator delete[](void* p) noexcept {
  std::free(p);
}
void operator delete(void* p, std::size_t) noexcept {
  std::free(p);
}
void operator delete[](void* p, std::size_t) noexcept {
  std::free(p);
}

namespace perun {

void PrintTo(const BackendInfo* info, std::ostream* out) {
  *out << info->name;
}

namespace {

namespace fs = std::filesystem;
using test::Tree;

/// A machine on which every backend that reads files finds something.
void rich_machine(Tree& tree) {
  proc_files(laptop(on_battery(cray(grace(processor_state(tree), true)))));
  test::nvidia(tree, test::many_gpus(2, "update=0.0005"), FAKE_NVML_SO);
  tree.file("dev/ipmi0", "");
  test::level_zero(test::intel_card(tree, 1, "0000:3a:00.0"), FAKE_ZE_SO, "0000:3a:00.0 200 card\n");
  test::amd_power(test::amd_card(tree, 0, "0000:c1:00.0"), 0, 90);
}

/// A file with a power, for as long as the tests run.
const fs::path& own_file() {
  static Tree tree;
  static const fs::path path = tree.file("plug", "5\n").at("plug");
  return path;
}

/// A service that tells three listeners at a time a power. Its threads end with the process.
const fs::path& own_socket() {
  static const Tree tree;
  static const fs::path path = tree.at("plug.socket");
  static const int server = [] {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.string().copy(address.sun_path, sizeof address.sun_path - 1);
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 || ::listen(fd, 8) != 0) std::abort();
    for (int i = 0; i < 3; ++i)
      std::thread([fd] {
        for (;;) {
          const Fd peer(::accept4(fd, nullptr, nullptr, SOCK_CLOEXEC));
          char byte = 0;
          if (::send(peer.get(), "5\n", 2, MSG_NOSIGNAL) == 2) [[maybe_unused]]
            const auto n = ::read(peer.get(), &byte, 1);
        }
      }).detach();
    return fd;
  }();
  static_cast<void>(server);
  return path;
}

/// The machine of a tree, with a management controller that knows one answer: 344 W.
Host host_of(const Tree& tree) {
  Host host = tree.host();
  host.ask_ipmi = [](const Fd&, const IpmiRequest& request, std::span<std::uint8_t> out) noexcept {
    constexpr std::array<std::uint8_t, 19> power{0, 0xDC, 0x58, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x40};
    constexpr std::array<std::uint8_t, 12> device{};
    std::ranges::copy(power, out.begin());
    if (request.network_function == 0x06) std::ranges::copy(device, out.begin());
    return request.network_function == 0x06 ? 12 : 19;
  };
  return host;
}

/// What a user has to write behind the name of a backend that takes no part by itself.
std::string argument(const BackendInfo& info) {
  if (info.name == "sim") return "square:20W:200W:1s";
  if (info.name == "exec") return "echo 5; exec sleep 600";
  if (info.name == "file") return own_file().string();
  if (info.name == "socket") return own_socket().string();
  if (info.name == "redfish") return test::http_bmc();
  return "";
}

/// What is to be estimated, for the one backend that is told so by an option.
const GpuEstimate* estimated(const BackendInfo& info) {
  static const GpuEstimate two{.count = 2, .name = "", .idle_W = 30, .max_W = 300, .load = {}};
  return info.name == "estimate_gpu" ? &two : nullptr;
}

Probe probe(const BackendInfo& info, const Host& host) {
  return info.probe({.host = host, .argument = argument(info), .gpu = estimated(info)});
}

std::unique_ptr<Backend> open(const BackendInfo& info, const Host& host) {
  Probe found = probe(info, host);
  auto* backend = std::get_if<std::unique_ptr<Backend>>(&found);
  return backend != nullptr ? std::move(*backend) : nullptr;
}

std::size_t open_files() {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator()));
}

/// Every regular file of a tree, overwritten.
void overwrite(const Tree& tree, std::string_view text) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(tree.root()))
    if (entry.is_regular_file() && !entry.is_symlink()) files.push_back(entry.path());
  for (const auto& file : files) std::ofstream(file, std::ios::trunc) << text;
}

class EveryBackend : public testing::TestWithParam<const BackendInfo*> {
 protected:
  const BackendInfo& info_ = *GetParam();
};

TEST_P(EveryBackend, SaysWhatItIs) {
  EXPECT_FALSE(info_.name.empty());
  EXPECT_GE(info_.summary.size(), 10u);
  EXPECT_LE(info_.summary.size(), 80u);
  EXPECT_NE(info_.probe, nullptr);
}

TEST_P(EveryBackend, IsAbsentOnAnEmptyMachine) {
  Tree tree;
  Probe found = info_.probe({tree.host(), ""});
  if (!argument(info_).empty() || estimated(info_) != nullptr)
    EXPECT_TRUE(std::holds_alternative<Invalid>(found)) << "it has to be told what to do";
  else
    EXPECT_TRUE(std::holds_alternative<Absent>(found));
}

TEST_P(EveryBackend, DescribesItsSensorsFully) {
  Tree tree;
  rich_machine(tree);
  const auto backend = open(info_, host_of(tree));
  ASSERT_TRUE(backend);
  ASSERT_FALSE(backend->sensors().empty());
  const std::string family(info_.name.substr(0, info_.name.find("_gpu")));
  for (const Sensor& s : backend->sensors()) {
    EXPECT_TRUE(s.id.starts_with(family + ":")) << s.id;
    EXPECT_EQ(s.id.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:_-."), std::string::npos)
        << s.id;
    EXPECT_FALSE(s.label.empty()) << s.id;
    EXPECT_FALSE(s.source.empty()) << s.id;
    EXPECT_GT(s.scale, 0) << s.id;
    EXPECT_GE(s.resolution, 1) << s.id;
    EXPECT_GE(s.wraps_at, 0) << s.id;
    EXPECT_GE(s.refresh_ns, 0) << s.id;
    EXPECT_FALSE(s.counted) << s.id << ": the total is chosen later, over all backends";
    EXPECT_EQ(s.kind == Kind::estimated, family == "estimate") << s.id;
  }
}

TEST_P(EveryBackend, HasUniqueIdsThatStayTheSame) {
  Tree tree;
  rich_machine(tree);
  const auto first = open(info_, host_of(tree)), second = open(info_, host_of(tree));
  ASSERT_TRUE(first && second);
  std::set<std::string> ids;
  for (const Sensor& s : first->sensors()) EXPECT_TRUE(ids.insert(s.id).second) << s.id;
  EXPECT_TRUE(std::ranges::equal(first->sensors(), second->sensors()));
}

TEST_P(EveryBackend, FillsEverySlotInOrder) {
  Tree tree;
  rich_machine(tree);
  const auto backend = open(info_, host_of(tree));
  ASSERT_TRUE(backend);
  const std::size_t n = backend->sensors().size();
  constexpr Reading untouched{-7, -7, -7};
  std::vector<Reading> out(n + 1, untouched);
  const std::int64_t before = monotonic_ns();
  backend->read(std::span(out).first(n));
  const std::int64_t after = monotonic_ns();
  for (std::size_t i = 0; i < n; ++i) {
    EXPECT_NE(out[i].raw, missing) << backend->sensors()[i].id;
    EXPECT_GE(out[i].raw, 0) << backend->sensors()[i].id;
    EXPECT_GE(out[i].t_ns, before);
    EXPECT_LE(out[i].t_ns, after);
    EXPECT_GE(out[i].halfwidth_ns, 0);
  }
  EXPECT_EQ(out[n].t_ns, untouched.t_ns) << "wrote behind its end";
}

TEST_P(EveryBackend, CountersNeverFallOnAQuietMachine) {
  Tree tree;
  rich_machine(tree);
  const auto backend = open(info_, host_of(tree));
  ASSERT_TRUE(backend);
  std::vector<Reading> last(backend->sensors().size()), now(last.size());
  backend->read(last);
  for (int k = 0; k < 200; ++k) {
    backend->read(now);
    for (std::size_t i = 0; i < now.size(); ++i) {
      if (backend->sensors()[i].behavior != Behavior::counter) continue;
      EXPECT_GE(now[i].raw, last[i].raw) << backend->sensors()[i].id;
      EXPECT_GE(now[i].t_ns, last[i].t_ns) << backend->sensors()[i].id;
    }
    last = now;
  }
}

TEST_P(EveryBackend, ReadsWithoutAllocating) {
  Tree tree;
  rich_machine(tree);
  const auto backend = open(info_, host_of(tree));
  ASSERT_TRUE(backend);
  std::vector<Reading> out(backend->sensors().size());
  backend->read(out);
  const std::size_t before = allocations;
  for (int i = 0; i < 100; ++i) backend->read(out);
  overwrite(tree, "garbage");
  const std::size_t broken = allocations;
  for (int i = 0; i < 100; ++i) backend->read(out);
  EXPECT_EQ(allocations - broken, 0u) << "after failures";
  EXPECT_GT(broken, before) << "the count itself works";
}

/// The backends that read files of the machine.
class EveryReader : public EveryBackend {};

TEST_P(EveryReader, FilesThatBreakLaterGiveMissingAndHeal) {
  for (const std::string text : {"", "garbage", "-1\n", "99999999999999999999999999\n"}) {
    Tree tree;
    rich_machine(tree);
    const auto backend = open(info_, host_of(tree));
    ASSERT_TRUE(backend);
    std::vector<Reading> out(backend->sensors().size());
    overwrite(tree, text);
    backend->read(out);
    for (std::size_t i = 0; i < out.size(); ++i) {
      const Sensor& s = backend->sensors()[i];
      const bool reads_files = info_.use == BackendInfo::Use::automatic || s.id == "estimate:cpu";
      EXPECT_EQ(out[i].raw == missing, reads_files) << s.id << " with '" << text << "'";
    }
    rich_machine(tree);
    backend->read(out);
    for (const Reading& r : out) EXPECT_NE(r.raw, missing);
  }
}

TEST_P(EveryReader, FilesThatAreBrokenFromTheStartNeverGiveNumbers) {
  for (const std::string& text : std::vector<std::string>{"", "garbage", "\n", "0 0 0", std::string(4, '\0')}) {
    Tree tree;
    rich_machine(tree);
    overwrite(tree, text);
    Probe found = probe(info_, host_of(tree));
    if (auto* backend = std::get_if<std::unique_ptr<Backend>>(&found)) {
      std::vector<Reading> out((*backend)->sensors().size());
      (*backend)->read(out);
      for (const Reading& r : out) EXPECT_EQ(r.raw, missing) << info_.name << " with '" << text << "'";
    } else {
      EXPECT_FALSE(std::holds_alternative<Invalid>(found));
      const auto* blocked = std::get_if<Blocked>(&found);
      EXPECT_TRUE(blocked == nullptr || !blocked->reason.empty());
    }
  }
}

TEST_P(EveryBackend, AThousandProbesLeakNoFile) {
  Tree tree;
  rich_machine(tree);
  open(info_, host_of(tree));
  const std::size_t before = open_files();
  const int times = info_.name == "exec" || info_.name == "redfish" ? 50 : 1000;  // each starts a program
  for (int i = 0; i < times; ++i) ASSERT_TRUE(open(info_, host_of(tree)));
  for (int i = 0; i < 500 && open_files() > before; ++i) ::usleep(10'000);  // the other end of a socket is ours too
  EXPECT_LE(open_files(), before);
  EXPECT_NE(open(info_, host_of(tree)), nullptr);
}

std::vector<const BackendInfo*> readers() {
  std::vector<const BackendInfo*> out;
  for (const BackendInfo* info : backends())
    if (info->use != BackendInfo::Use::on_request) out.push_back(info);
  return out;
}

constexpr auto backend_name = [](const auto& test) { return std::string(test.param->name); };
INSTANTIATE_TEST_SUITE_P(Registry, EveryBackend, testing::ValuesIn(backends().begin(), backends().end()), backend_name);
INSTANTIATE_TEST_SUITE_P(Registry, EveryReader, testing::ValuesIn(readers()), backend_name);

TEST(Registry, HoldsTheBackendsOnce) {
  std::set<std::string_view> names;
  for (const BackendInfo* info : backends()) EXPECT_TRUE(names.insert(info->name).second) << info->name;
  EXPECT_EQ(names,
            (std::set<std::string_view>{"rapl", "cray", "hwmon", "battery", "nvml", "amdgpu", "level_zero", "proc", "state",
                                        "estimate", "sim", "ipmi", "exec", "file", "socket", "redfish", "estimate_gpu"}));
}

/// The mechanisms of RAPL that need more than files of /sys.
TEST(EveryMechanismOfRapl, ReadsWithoutAllocating) {
  Tree tree;
  rich_machine(tree);
  test::power_pmu(test::topology(tree, 0, 0), "0", {"pkg", "cores", "gpu", "psys"});
  tree.file("sys/devices/system/cpu/online", "0\n");
  test::FakePmu pmu([](const PerfEvent&, double t) { return 50 * t; });
  test::FakeMsr msr(tree);
  for (const off_t address : {0x606, 0x611, 0x639, 0x641, 0x619, 0x64D}) msr.set(0, address, 0xA0E03);
  msr.at_look = [value = std::uint64_t{0}](test::FakeMsr& m) mutable { m.set(0, 0x611, ++value); };
  const std::vector<std::pair<std::string, Host>> mechanisms{{"rapl:perf", pmu.host(tree)}, {"rapl:msr", msr.host()}};
  for (const auto& [name, host] : mechanisms) {
    auto sources = open_sources(host, {.backends = {name}});
    ASSERT_TRUE(sources);
    ASSERT_EQ(sources->backends.size(), 1u) << name;
    Backend& backend = *sources->backends[0];
    msr.at_look = [](test::FakeMsr&) {};
    std::vector<Reading> out(backend.sensors().size());
    EXPECT_GE(out.size(), 4u) << name;
    const std::size_t before = allocations;
    for (int i = 0; i < 100; ++i) backend.read(out);
    EXPECT_EQ(allocations - before, 0u) << name;
    for (const Reading& r : out) EXPECT_NE(r.raw, missing) << name;
    msr.at_look = [value = std::uint64_t{0}](test::FakeMsr& m) mutable { m.set(0, 0x611, ++value); };
  }
}

TEST(Chosen, ReadsWithoutAllocating) {
  Tree tree;
  rich_machine(tree);
  auto sources = open_sources(tree.host(), {.exclude = {"rapl:psys", "proc:net_sent"}});
  ASSERT_TRUE(sources);
  ASSERT_EQ(sources->backends.size(), 9u);
  for (auto& backend : sources->backends) {
    std::vector<Reading> out(backend->sensors().size());
    const std::size_t before = allocations;
    for (int i = 0; i < 100; ++i) backend->read(out);
    EXPECT_EQ(allocations - before, 0u) << backend->sensors()[0].id;
  }
}

}  // namespace
}  // namespace perun
