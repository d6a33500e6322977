#include <lockstep_kafka.hpp>

// What kafka_kill_test.cpp kills: VICTIM IN OUT run …

namespace ls = lockstep;
namespace kafka = lockstep::kafka;

struct Order {
  std::int64_t id;
  std::string customer;
  std::int64_t amount;
};
BOOST_DESCRIBE_STRUCT(Order, (), (id, customer, amount))

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const std::string in_topic = argv[1];
  const std::string out_topic = argv[2];
  argv[2] = argv[0];
  ls::Dataflow flow;
  const auto orders = flow.input<Order>("orders", {.append_only = true});
  const auto totals = orders | ls::group_by(&Order::customer, ls::count(), ls::sum(&Order::amount)).named("totals") |
                      ls::output("totals");
  kafka::Application app("victim-" + out_topic, flow);
  app.read(orders, in_topic, kafka::json());
  app.write(totals, out_topic, kafka::upsert(kafka::text(), kafka::json()));
  return app.run(argc - 2, argv + 2);
}
