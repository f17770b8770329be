// SPDX-License-Identifier: BSD-3-Clause
#pragma once

#include <poll.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "serve/http.hpp"

namespace perun::serve {

/// What a request is answered with.
struct Response {
  int status = 200;
  std::string type = "text/plain; charset=utf-8";
  std::string headers = {};  ///< further ones, each line with its end
  std::string body = {};
  Fd source = {};       ///< the body comes from here, up to its end; nothing at all is an error 500
  pid_t maker = -1;     ///< the process that writes it, which is waited for; killed when the client leaves
  bool events = false;  ///< a stream that publish() writes to
};

/// A server for few clients that waits for none of them: one thread, no call that blocks. A client gets a limited time to ask
/// and to take its answer, requests and what waits for a client are limited, and so are clients: whoever exceeds that is hung
/// up on.
class Server {
 public:
  struct Limits {
    std::size_t clients = 64, streams = 16, waiting_bytes = 256 << 10;
    std::int64_t request_ns = 5'000'000'000, stall_ns = 20'000'000'000;
  };
  using Answer = std::function<Response(const Request&)>;

  /// Errors: invalid (no such address), busy (the port is taken), io.
  static Result<Server> listen(const std::string& address, std::uint16_t port, Answer answer, Limits limits);
  Server(Server&&) = default;
  Server& operator=(Server&&) = default;
  ~Server();

  /// "127.0.0.1:9810"
  [[nodiscard]] const std::string& address() const noexcept { return address_; }

  /// Does what can be done, waiting for at most `timeout_ms` until there is something, also on one of `others`.
  void step(int timeout_ms, std::span<const int> others);

  /// An event to all who listen; those who do not keep up are hung up on.
  void publish(std::string_view data);
  [[nodiscard]] std::size_t streams() const noexcept;

 private:
  struct Client {
    Fd socket;
    std::string in = {}, out = {};
    Response response = {};
    bool answered = false, headed = false, head_only = false;
    bool said_all = false;      ///< it sends no more, but may still read
    std::int64_t since_ns = 0;  ///< of the connection, later of the last progress
  };
  Server(Fd socket, std::string address, Answer answer, Limits limits)
      : socket_(std::move(socket)), address_(std::move(address)), answer_(std::move(answer)), limits_(limits) {}
  void accept();
  void read(Client& client);
  void answer(Client& client);
  void refuse(Client& client, int status);
  void fetch(Client& client);
  [[nodiscard]] bool write(Client& client);  ///< false: the client is done with
  [[nodiscard]] bool timed_out(Client& client);
  static void part_with(Client& client);

  Fd socket_;
  std::string address_;
  Answer answer_;
  Limits limits_;
  std::list<Client> clients_ = {};
};

}  // namespace perun::serve
