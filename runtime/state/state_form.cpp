#include "runtime/state/state_form.hpp"

#include <utility>

#include "runtime/rows/row_conversion.hpp"
#include "runtime/zset/weights.hpp"

namespace lockstep::state_form {

namespace {

Schema weight() { return derived::schema<Weight>(); }
Schema form_of(std::vector<SchemaField> fields) { return {Schema::Kind::record, "", std::move(fields)}; }
Schema any_number_of(Schema element) { return {Schema::Kind::sequence, "many", {{"", std::move(element)}}}; }

}  // namespace

Schema row_and_weights(Schema row, unsigned weights) {
  Schema form = form_of({{RowConversion::kKey, std::move(row)}});
  for (unsigned i = 0; i < weights; ++i) form.add_field("weight " + std::to_string(i), weight());
  return form;
}

Schema row_of_key(Schema key, Schema row) {
  return form_of(
      {{RowConversion::kKey, std::move(key)}, {"row", {Schema::Kind::optional, "optional", {{"", std::move(row)}}}}});
}

Schema rows_of_key(Schema key, Schema row) {
  Schema rows = any_number_of(form_of({{"row", std::move(row)}, {"weight", weight()}}));
  return form_of({{RowConversion::kKey, std::move(key)}, {"rows", std::move(rows)}});
}

Schema item(Schema key) {
  return form_of({{"nothing", derived::schema<bool>()}, {RowConversion::kKey, std::move(key)}});
}

Schema item(Schema key, Schema value) {
  Schema form = item(std::move(key));
  form.add_field("value", std::move(value));
  return form;
}

Schema rows_in_order(Schema row) {
  return any_number_of(form_of({{RowConversion::kOrdered, std::move(row)}, {"weight", weight()}}));
}

Schema rows_by_field(Schema field, Schema row, bool row_matters) {
  return any_number_of(form_of({{RowConversion::kOrdered, std::move(field)},
                                {row_matters ? RowConversion::kOrdered : "row", std::move(row)},
                                {"weight", weight()}}));
}

Schema group(Schema key) { return form_of({{RowConversion::kKey, std::move(key)}, {"total", weight()}}); }

Schema integer(std::string name) { return form_of({{std::move(name), {Schema::Kind::word, "word", {}}}}); }

Schema wide_integer(std::string name) {
  return form_of({{name, {Schema::Kind::word, "word", {}}}, {name + ", high", weight()}});
}

Schema exact_sum() {
  return form_of({{"limbs", any_number_of({Schema::Kind::word, "word", {}})},
                  {"infinities", wide_integer("weight")},
                  {"negative infinities", wide_integer("weight")},
                  {"not numbers", wide_integer("weight")}});
}

Schema with_weight(Schema sum) { return form_of({{"sum", std::move(sum)}, {"weight", wide_integer("weight")}}); }

}  // namespace lockstep::state_form
