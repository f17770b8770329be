// SPDX-License-Identifier: BSD-3-Clause
// Sensors in a file that something else keeps up to date: file:PATH is read at every tick (docs/sensor-protocol.md).
#include <fmt/format.h>

#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "backends/backend.hpp"
#include "backends/bracket.hpp"
#include "backends/files.hpp"
#include "backends/line_protocol.hpp"
#include "host/sysfs.hpp"

namespace perun {
namespace {

class File final : public Backend {
 public:
  File(std::string path, LineTable table, std::int64_t (*now_ns)())
      : path_(std::move(path)), table_(std::move(table)), now_ns_(now_ns) {}

  std::span<const Sensor> sensors() const noexcept override { return table_.sensors(); }
  bool may_wait() const noexcept override { return true; }

  /// Opened anew each time, since a file is best replaced as a whole.
  void read(std::span<Reading> out) noexcept override {
    const std::int64_t before = now_ns_();
    const Fd file = sysfs::open(path_);
    table_.forget();
    const bool done = file && files::each_line(file, [&](std::string_view line) {
                        table_.take(line, before);
                        return files::Next::go_on;
                      });
    const std::int64_t after = now_ns_();
    for (std::size_t i = 0; i < out.size(); ++i) {
      const Reading& r = table_.latest()[i];
      out[i] = r.t_ns == before || !done ? bracketed(before, after, done ? r.raw : missing) : r;
    }
  }

 private:
  std::filesystem::path path_;
  LineTable table_;
  std::int64_t (*now_ns_)();
};

Probe probe(const ProbeContext& context) {
  if (context.argument.empty()) return Invalid{"file: which? write file:PATH"};
  const std::string path(context.argument);
  const std::string name = "file:" + files::printable(path);
  LineTable table("file:", name);
  const Fd file = sysfs::open(path);
  if (!file) return Blocked{name + ": " + files::reason(errno), ""};
  const bool done = files::each_line(file, [&](std::string_view line) {
    table.take(line, context.host.now_ns());
    return files::Next::go_on;
  });
  if (!done || !table.complete())
    return Blocked{fmt::format("{}: {}", name, table.trouble().empty() ? "holds no value" : table.trouble()),
                   "what it should hold: docs/sensor-protocol.md"};
  table.hold();
  return std::make_unique<File>(path, std::move(table), context.host.now_ns);
}

}  // namespace

extern const BackendInfo file_backend;
const BackendInfo file_backend{"file", "sensors in a file that you keep: --sensor file:PATH", BackendInfo::Use::on_request,
                               &probe};

}  // namespace perun
