#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <list>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

/// A network that can be disturbed: what comes to a port of this machine goes on to another one, and back.
class Proxy {
 public:
  Proxy(std::uint16_t port, std::uint16_t to) : to_(to), listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const int yes = 1;
    setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    const sockaddr_in at = address(port);
    if (bind(listener_, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0 || listen(listener_, 64) != 0) {
      throw std::runtime_error("the proxy cannot be at port " + std::to_string(port));
    }
    thread_ = std::thread([this] { run(); });
  }
  ~Proxy() {
    ends_ = true;
    thread_.join();
    close(listener_);
    for (const Pair& one : pairs_) close(one);
  }

  /// Nothing goes through, and no connection ends, until it is called again.
  void stall(bool stalls) { stalls_ = stalls; }
  /// All connections end.
  void cut() { cuts_ = true; }

 private:
  struct Pair {
    std::array<int, 2> ends;
    std::array<std::vector<char>, 2> waiting;  // to be written to the end
  };

  static sockaddr_in address(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
  }
  static void close(int descriptor) { ::close(descriptor); }
  static void close(const Pair& one) {
    close(one.ends[0]);
    close(one.ends[1]);
  }

  void run() {
    while (!ends_) {
      if (cuts_.exchange(false)) {
        for (const Pair& one : pairs_) close(one);
        pairs_.clear();
      }
      if (stalls_) {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
        continue;
      }
      std::vector<pollfd> polled = {{listener_, POLLIN, 0}};
      for (const Pair& one : pairs_) {
        for (std::size_t end = 0; end < 2; ++end) {
          const bool is_full = one.waiting[1 - end].size() > (std::size_t{1} << 20);
          polled.push_back({one.ends[end],
                            static_cast<short>((is_full ? 0 : POLLIN) | (one.waiting[end].empty() ? 0 : POLLOUT)), 0});
        }
      }
      if (poll(polled.data(), polled.size(), 10) <= 0) continue;
      std::size_t at = 1;
      for (auto pair = pairs_.begin(); pair != pairs_.end(); at += 2) {
        const bool goes_on = forward(*pair, polled[at], 0) && forward(*pair, polled[at + 1], 1);
        if (!goes_on) close(*pair);
        pair = goes_on ? std::next(pair) : pairs_.erase(pair);
      }
      if ((polled[0].revents & POLLIN) != 0) accept_one();
    }
  }

  void accept_one() {
    const int client = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (client < 0) return;
    const int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in at = address(to_);
    if (connect(server, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0) {
      close(client);
      close(server);
      return;
    }
    pairs_.push_back({{client, server}, {}});
  }

  static bool forward(Pair& pair, const pollfd& polled, std::size_t end) {
    if ((polled.revents & POLLIN) != 0) {
      std::array<char, 65536> buffer;
      const ssize_t size = recv(polled.fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (size <= 0) return false;
      pair.waiting[1 - end].insert(pair.waiting[1 - end].end(), buffer.data(), buffer.data() + size);
    } else if ((polled.revents & (POLLHUP | POLLERR)) != 0) {
      return false;
    }
    std::vector<char>& waiting = pair.waiting[end];
    if (!waiting.empty()) {
      const ssize_t size = send(polled.fd, waiting.data(), waiting.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      if (size > 0) waiting.erase(waiting.begin(), waiting.begin() + size);
      if (size < 0 && errno != EAGAIN) return false;
    }
    return true;
  }

  const std::uint16_t to_;
  const int listener_;
  std::list<Pair> pairs_;
  std::atomic<bool> ends_{false};
  std::atomic<bool> stalls_{false};
  std::atomic<bool> cuts_{false};
  std::thread thread_;
};
