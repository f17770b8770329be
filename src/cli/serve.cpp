// SPDX-License-Identifier: BSD-3-Clause
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include "base/json.hpp"
#include "base/text.hpp"
#include "base/units.hpp"
#include "cli/archive.hpp"
#include "cli/commands.hpp"
#include "cli/pusher.hpp"
#include "cli/terminal.hpp"
#include "cli/watched.hpp"
#include "host/clock.hpp"
#include "live/exposition.hpp"
#include "live/frame.hpp"
#include "live/otlp.hpp"
#include "report/document.hpp"
#include "serve/server.hpp"
#include "serve/shell.hpp"
#include "version.hpp"

namespace perun {

namespace fs = std::filesystem;

namespace {

using serve::Request;
using serve::Response;

constexpr std::int64_t second = 1'000'000'000;
constexpr const char* prometheus_type = "text/plain; version=0.0.4; charset=utf-8";

int fail(const Error& error, int status = 1) {
  complain(error);
  return status;
}

std::string random_hex(std::size_t bytes) {
  std::string raw(bytes, '\0'), out;
  if (::getrandom(raw.data(), raw.size(), 0) != static_cast<ssize_t>(raw.size())) return {};
  for (const char c : raw) out += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return out;
}

struct Address {
  std::string host = "127.0.0.1";
  std::uint16_t port = 9810;
};

/// "127.0.0.1:9000", "0.0.0.0", ":9000", "[::1]:9000".
Result<Address> parse_address(const std::string& words) {
  Address out;
  const auto colon = words.rfind(':');
  const bool port = colon != std::string::npos && (words.find(':') == colon || words[colon - 1] == ']');
  if (const auto host = port ? words.substr(0, colon) : words; !host.empty()) out.host = host;
  if (!port) return out;
  const auto number = text::integer(words.substr(colon + 1));
  if (!number || *number < 0 || *number > 65535)
    return Error{Errc::invalid, fmt::format("--listen: '{}' is not like 127.0.0.1:9810", text::to_utf8(words))};
  out.port = static_cast<std::uint16_t>(*number);
  return out;
}

/// A report of this perun as a response: a process of its own makes it, so that neither a long run nor a damaged file holds up
/// the others.
Response made_by(const std::function<int()>& command, std::string type) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return {.status = 503, .body = "503 Service Unavailable\n"};
  Fd from(ends[0]), to(ends[1]);
  const pid_t parent = ::getpid(), pid = ::fork();
  if (pid < 0) return {.status = 503, .body = "503 Service Unavailable\n"};
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(1);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::dup2(to.get(), STDOUT_FILENO);
    ::_exit(command());
  }
  return {.type = std::move(type), .source = std::move(from), .maker = pid};
}

/// What is served, and to whom.
class Site {
 public:
  Site(const CommandLine& line, const Resolved& resolved, fs::path file, Watched* watched, fs::path running_in)
      : line_(line), resolved_(resolved), file_(std::move(file)), running_in_(std::move(running_in)), watched_(watched) {}

  /// Addresses other than loopback are by the user's wish; then names of this machine are too.
  void any_host() noexcept { any_host_ = true; }
  [[nodiscard]] const std::string& token() const noexcept { return token_; }
  [[nodiscard]] const live::RunView& view() const noexcept { return view_; }

  /// Looks for news; what there is to tell about them, or nothing.
  Result<std::string> look() {
    auto seen = news();
    if (seen && !seen->empty()) newest_ = *seen;
    return seen;
  }

  Response answer(const Request& request) {
    if (!any_host_ && !serve::is_loopback_host(request.host) && !request.host.empty()) return forbidden();
    if (request.path == "/metrics") return metrics();
    const auto token = request.authorization.starts_with("Bearer ")
                           ? std::optional<std::string_view>(request.authorization).value().substr(7)
                           : request.parameter("token").value_or("");
    if (token_.empty() || !serve::same_secret(token, token_)) return forbidden();
    if (request.path == "/") return shell();
    if (request.path == "/events")
      return {.type = "text/event-stream",
              .body = newest_.empty() ? ": perun\n\n" : fmt::format("data: {}\n\n", newest_),
              .events = true};
    if (request.path == "/report") return report_as("html", "text/html; charset=utf-8");
    if (request.path == "/api/v1/report") return report_as("json", "application/json");
    if (request.path == "/api/v1/runs") return runs_list();
    if (request.path == "/api/v1/live" && watched_ != nullptr)
      return {.type = "application/json", .body = live::json_line(view_) + "\n"};
    return {.status = 404, .body = "404 Not Found\n"};
  }

 private:
  Result<std::string> news() {
    if (watched_ == nullptr) return look_at_file();
    if (auto read = watched_->watch().poll(); !read) return read.error();
    auto view = watched_->watch().view();
    if (view.nodes.empty() || (view.elapsed_s <= view_.elapsed_s && view.over == view_.over)) return std::string();
    view_ = std::move(view);
    return live::json_line(view_);
  }

  static Response forbidden() { return {.status = 403, .body = "403 Forbidden\n"}; }

  Result<std::string> look_at_file() {
    struct stat facts {};
    if (::stat(file_.c_str(), &facts) != 0) return std::string();
    const std::int64_t changed = facts.st_mtim.tv_sec * second + facts.st_mtim.tv_nsec;
    if (std::exchange(changed_ns_, changed) == changed) return std::string();
    return Json{{"file", json_words(file_.filename().string())}, {"size", facts.st_size}, {"changed", units::iso8601(changed)}}
        .dump();
  }

  Response shell() {
    const std::string nonce = random_hex(16);
    const std::string title = watched_ == nullptr ? file_.filename().string() : view_.app;
    return {.type = "text/html; charset=utf-8",
            .headers = serve::shell_policy(nonce),
            .body = serve::shell_page(text::printable(title), nonce)};
  }

  Response metrics() {
    if (watched_ == nullptr) return report_as("prometheus", prometheus_type);
    const std::int64_t begin = clock_ns(CLOCK_MONOTONIC);
    Exposition out;
    live::add(out, view_);
    add_build(out, version);
    out.add(Metric::scrape_duration, {}, static_cast<double>(clock_ns(CLOCK_MONOTONIC) - begin) * 1e-9);
    return {.type = prometheus_type, .body = out.text()};
  }

  Response report_as(const char* format, std::string type) {
    return made_by(
        [this, format] {
          CommandLine line = line_;
          Resolved resolved = resolved_;
          resolved.config.format = format;
          line.command = Command::report;
          line.outputs.clear();
          line.running = watched_ != nullptr;
          line.file = line.running ? running_in_.string() : file_.string();
          return report(line, resolved);
        },
        std::move(type));
  }

  Response runs_list() {
    return made_by(
        [this] {
          CommandLine line = line_;
          line.command = Command::runs;
          line.words = {file_.empty() ? running_in_.string() : file_.string()};
          line.json = true;
          return runs(line, resolved_);
        },
        "application/json");
  }

  const CommandLine& line_;
  const Resolved& resolved_;
  fs::path file_, running_in_;
  Watched* watched_;
  live::RunView view_;
  std::string newest_;  ///< event; for those who come later
  std::int64_t changed_ns_ = 0;
  std::string token_ = random_hex(16);
  bool any_host_ = false;
};

Fd signals_to_end() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int s : {SIGINT, SIGTERM, SIGHUP}) ::sigaddset(&set, s);
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  return Fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

int run(serve::Server& server, Site& site, Watched* watched, Pusher* pusher, const Fd& signals) {
  constexpr std::int64_t look_ns = second / 4, push_ns = 10 * second;
  std::int64_t next_look = 0, next_event = 0, next_push = clock_ns(CLOCK_MONOTONIC) + second;
  std::string news;
  for (;;) {
    const std::array others{signals.get()};
    const std::int64_t now = clock_ns(CLOCK_MONOTONIC);
    server.step(static_cast<int>(std::clamp<std::int64_t>((next_look - now) / 1'000'000, 0, 250)), others);
    signalfd_siginfo info{};
    if (::read(signals.get(), &info, sizeof info) == sizeof info) return 0;
    if (clock_ns(CLOCK_MONOTONIC) < next_look) continue;
    next_look = clock_ns(CLOCK_MONOTONIC) + look_ns;
    auto seen = site.look();
    if (!seen) return fail(seen.error());
    if (!seen->empty()) news = *std::move(seen);
    if (!news.empty() && clock_ns(CLOCK_MONOTONIC) >= next_event) {  // once a second is often enough for a page
      server.publish(std::exchange(news, {}));
      next_event = clock_ns(CLOCK_MONOTONIC) + second;
    }
    if (pusher != nullptr && clock_ns(CLOCK_MONOTONIC) >= next_push) {
      next_push += push_ns;
      pusher->push(live::otlp_request(site.view(), version, clock_ns(CLOCK_REALTIME)));
    }
    if (watched == nullptr || watched->measuring() == nullptr) continue;
    watched->measuring()->collect();
    if (watched->measuring()->ended()) {  // it should have gone on
      watched->measuring()->print_and_wait();
      return 1;
    }
  }
}

Result<fs::path> served_file(const CommandLine& line, const Config& config) {
  if (!line.file) return newest_file(config.data_out);
  std::error_code none;
  if (!fs::is_regular_file(*line.file, none))
    return Error{Errc::not_found, fmt::format("there is no data file {}", text::printable(*line.file)),
                 "perun runs lists what there is"};
  return fs::path(*line.file);
}

}  // namespace

int serve_pages(const CommandLine& line, const Resolved& resolved) {
  const auto address = parse_address(line.listen.value_or(""));
  if (!address) return fail(address.error(), 2);
  if (line.live && line.file && !line.running)
    return fail({Errc::invalid, "--live shows this machine, FILE stored runs: there can be one of them"}, 2);
  if (line.otlp && !line.live)
    return fail({Errc::invalid, "--otlp is for --live", "perun serve --live --otlp http://localhost:4318"}, 2);
  const Fd signals = signals_to_end();
  fs::path file, running_in = resolved.config.data_out;
  std::optional<Watched> watched;
  if (line.live) {
    CommandLine own = line;
    own.running = line.run.has_value();
    own.program.clear();
    if (line.run && *line.run != "last") own.program = {*line.run};
    auto started = Watched::start(own, resolved.config, Measuring::Output::kept);
    if (!started) return fail(started.error());
    watched.emplace(*std::move(started));
    running_in = watched->data_out();
  } else {
    auto found = served_file(line, resolved.config);
    if (!found) return fail(found.error());
    file = *found;
  }
  CommandLine about = line;
  if (line.live) about.run.reset();
  Site site(about, resolved, file, watched ? &*watched : nullptr, running_in);
  if (site.token().empty()) return fail({Errc::io, "the kernel has no random numbers to give"});
  std::optional<Pusher> pusher;
  if (line.otlp) {
    auto made = Pusher::start(*line.otlp);
    if (!made) return fail(made.error());
    pusher.emplace(*std::move(made));
  }
  auto server =
      serve::Server::listen(address->host, address->port, [&](const Request& request) { return site.answer(request); }, {});
  if (!server) return fail(server.error(), server.error().code == Errc::invalid ? 2 : 1);
  if (!serve::is_loopback_host(server->address())) site.any_host();
  if (!print(fmt::format("http://{}/?token={}\n", server->address(), site.token()))) return 1;
  if (!line.quiet)
    say(fmt::format("serving {}; metrics without the token at http://{}/metrics; ^C ends it",
                    watched ? "what is measured now" : text::printable(file.string()), server->address()));
  return run(*server, site, watched ? &*watched : nullptr, pusher ? &*pusher : nullptr, signals);
}

}  // namespace perun
