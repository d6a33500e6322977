#include <lockstep_kafka.hpp>

// Orders and customers, which come in any order and are corrected later, as what each city has bought. Customers are
// told of by Debezium, from their database; a customer who moves takes all orders along, in one step.

namespace ls = lockstep;
namespace kafka = lockstep::kafka;

struct Order {
  std::int64_t id, customer;
  kafka::Decimal<2> amount;
};
BOOST_DESCRIBE_STRUCT(Order, (), (id, customer, amount))

struct Customer {
  std::int64_t id;
  std::string city;
};
BOOST_DESCRIBE_STRUCT(Customer, (), (id, city))

struct Sale {
  std::string city;
  std::int64_t cents;
};
BOOST_DESCRIBE_STRUCT(Sale, (), (city, cents))

struct Revenue {
  std::int64_t orders;
  kafka::Decimal<2> amount;
};
BOOST_DESCRIBE_STRUCT(Revenue, (), (orders, amount))

int main(int argc, char** argv) {
  ls::Dataflow flow;
  auto orders = flow.table<Order>("orders", &Order::id);
  auto customers = flow.table<Customer>("customers", &Customer::id);
  const auto sale = [](const Order& order, const Customer& customer) {
    return Sale{customer.city, order.amount.units};
  };
  auto sales = orders | ls::key_by(&Order::customer, ls::value) | ls::join(customers, sale).version("1");
  const auto as_revenue = [](const auto& sums) {
    const auto [count, cents] = sums;
    return Revenue{count, {cents}};
  };
  auto revenue = sales | ls::group_by(&Sale::city, ls::count(), ls::sum(&Sale::cents)) |
                 ls::key_by(ls::key, as_revenue).version("1") | ls::output("revenue");

  kafka::Application app("revenue", flow);
  app.read(orders, "orders", kafka::upsert(kafka::text(), kafka::csv()), {.dead_letters = "orders.refused"});
  app.read(customers, "customers", kafka::debezium());
  app.write(revenue, "revenue", kafka::upsert(kafka::text(), kafka::json()));
  return app.run(argc, argv);
}
