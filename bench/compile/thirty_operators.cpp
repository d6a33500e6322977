// A program of thirty operators over five row types, to see what it takes to compile one (compile_times.py).

#include <lockstep.hpp>
namespace ls = lockstep;

struct Order {
  std::int64_t id = 0, customer = 0, product = 0, quantity = 0;
};
BOOST_DESCRIBE_STRUCT(Order, (), (id, customer, product, quantity))

struct Customer {
  std::int64_t id = 0;
  std::string name, city;
};
BOOST_DESCRIBE_STRUCT(Customer, (), (id, name, city))

struct Product {
  std::int64_t id = 0, price = 0;
  std::string name;
  std::optional<std::int64_t> maker;
};
BOOST_DESCRIBE_STRUCT(Product, (), (id, price, name, maker))

struct Payment {
  std::int64_t order = 0, amount = 0;
  double fee = 0;
};
BOOST_DESCRIBE_STRUCT(Payment, (), (order, amount, fee))

struct Visit {
  std::int64_t customer = 0, seconds = 0;
  std::string page;
};
BOOST_DESCRIBE_STRUCT(Visit, (), (customer, seconds, page))

int main() {
  ls::Dataflow flow;
  auto orders = flow.input<Order>("orders");
  auto customers = flow.table<Customer>("customers", &Customer::id);
  auto products = flow.table<Product>("products", &Product::id);
  auto payments = flow.input<Payment>("payments", {.append_only = true});
  auto visits = flow.input<Visit>("visits");

  auto by_customer =
      orders | ls::filter([](const Order& order) { return order.quantity > 0; }) | ls::key_by(&Order::customer);
  auto by_product = orders | ls::key_by(&Order::product);
  auto by_order = payments | ls::key_by(&Payment::order);
  auto priced = by_product | ls::join(products, [](const Order& order, const Product& product) {
                  return Payment{order.id, order.quantity * product.price, 0};
                });
  auto due = priced | ls::group_by(&Payment::order, ls::sum(&Payment::amount));
  auto paid = payments | ls::group_by(&Payment::order, ls::sum(&Payment::amount), ls::sum(&Payment::fee));
  auto open = due | ls::left_join(
                        paid, [](std::int64_t due, const auto& paid) { return due - (paid ? std::get<0>(*paid) : 0); });
  auto total = open | ls::aggregate(ls::sum(ls::value), ls::count());
  auto named = by_customer | ls::join(customers, [](const Order& order, const Customer& customer) {
                 return std::pair(customer.city, order.quantity);
               });
  auto per_city = named | ls::group_by([](const auto& row) { return row.first; },
                                       ls::sum([](const auto& row) { return row.second; }));
  auto quiet = customers | ls::anti_join(by_customer);
  auto seen = visits | ls::group_by(&Visit::customer, ls::max(&Visit::seconds), ls::count());
  auto pages = visits | ls::map([](const Visit& visit) { return visit.page; }) | ls::distinct();
  auto longest = visits | ls::group_by(&Visit::page, ls::arg_max(&Visit::seconds));

  (void)(open | ls::output("open"));
  (void)(total | ls::output("total"));
  (void)(per_city | ls::output("per city", ls::accumulated));
  (void)(quiet | ls::output("quiet"));
  (void)(seen | ls::output("seen"));
  (void)(pages | ls::output("pages"));
  (void)(longest | ls::output("longest"));
  (void)(by_order | ls::output("payments by order"));
  ls::Runtime runtime{flow, {.workers = 4}};
  runtime[orders].push({1, 2, 3, 4});
  runtime[customers].insert({2, "Ada", "London"});
  runtime[products].upsert({3, 100, "pen", 7});
  runtime[payments].push({1, 400, 0.5});
  runtime[visits].push({2, 30, "index"});
  return static_cast<int>(runtime.step().number());
}
