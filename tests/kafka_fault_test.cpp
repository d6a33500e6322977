#include <catch2/catch.hpp>
#include <cstdlib>
#include <random>

#include "tests/proxy.hpp"
#include "tests/victim.hpp"

// A broker that goes away, stands still, or is behind a network that does: the application goes on, loses nothing, and
// its upserts end right. The broker is one of their own, and advertises the proxy.

using namespace victim;

namespace {

void command(const std::string& arguments) {
  const std::string line = "LOCKSTEP_KAFKA_ADVERTISED=" + std::to_string(PROXY_PORT) + " " TOOLS "/kafka " + arguments +
                           " " + std::to_string(BROKER_PORT) + " >/dev/null";
  REQUIRE(std::system(line.c_str()) == 0);
}
int broker_process() {
  const std::string line = TOOLS "/kafka pid " + std::to_string(BROKER_PORT);
  FILE* const pipe = popen(line.c_str(), "r");
  int process = 0;
  REQUIRE(std::fscanf(pipe, "%d", &process) == 1);
  pclose(pipe);
  return process;
}

/// An application that runs beside a writer, while something is done to them.
template <class Disturb>
void disturbed(const Disturb& disturb) {
  Proxy proxy(PROXY_PORT, BROKER_PORT);
  Campaign campaign;
  Writer writer(campaign.orders);
  const Victim victim = campaign.start();
  std::this_thread::sleep_for(500ms);
  disturb(proxy);
  std::this_thread::sleep_for(500ms);
  victim.signal(SIGTERM);
  CHECK(victim.wait() == 0);
  writer.stop();
  campaign.check();
}

}  // namespace

TEST_CASE("a broker that is killed and comes back is read and written on", "[kafka][faults]") {
  disturbed([](Proxy&) {
    for (int i = is_long() ? 5 : 1; i != 0; --i) {
      command("kill");
      std::this_thread::sleep_for(500ms);
      command("start");
      std::this_thread::sleep_for(500ms);
    }
  });
}

TEST_CASE("a broker that stands still for a while is waited for", "[kafka][faults]") {
  disturbed([](Proxy&) {
    const int process = broker_process();
    for (int i = is_long() ? 5 : 1; i != 0; --i) {
      kill(process, SIGSTOP);
      std::this_thread::sleep_for(is_long() ? 8s : 2s);
      kill(process, SIGCONT);
      std::this_thread::sleep_for(500ms);
    }
  });
}

TEST_CASE("a run that is to end while nothing can be written ends after a while, and the next one goes on",
          "[kafka][faults]") {
  Proxy proxy(PROXY_PORT, BROKER_PORT);
  Campaign campaign;
  campaign.orders.write(100);
  const Victim victim = campaign.start({"--stop-timeout", "1s"});
  for (int tries = 0; kafka_cluster::read_upserts(campaign.out) != campaign.orders.totals() && tries < 600; ++tries)
    std::this_thread::sleep_for(50ms);
  Writer writer(campaign.orders);
  std::this_thread::sleep_for(300ms);
  proxy.stall(true);
  const auto begun = std::chrono::steady_clock::now();
  victim.signal(SIGTERM);
  const int code = victim.wait();
  CHECK((code == 1 || code == 0));  // if all happened to be written
  CHECK(std::chrono::steady_clock::now() - begun < 30s);
  proxy.stall(false);
  writer.stop();
  campaign.check();
}

TEST_CASE("a network that stalls, and connections that are cut, lose nothing", "[kafka][faults]") {
  disturbed([](Proxy& proxy) {
    std::mt19937_64 random(std::random_device{}());
    for (int i = is_long() ? 40 : 5; i != 0; --i) {
      if (random() % 2 == 0) {
        proxy.cut();
      } else {
        proxy.stall(true);
        std::this_thread::sleep_for(std::chrono::milliseconds(random() % 1'500));
        proxy.stall(false);
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(random() % 500));
    }
  });
}
