#pragma once

#include <string>
#include <vector>

#include "runtime/rows/schema.hpp"

// What the items of saved state are made of, as a row type: so state can be read by a program that has changed (see
// RowConversion), and checked by those that know no program.

namespace lockstep::state_form {

/// A row, and so many weights of it.
Schema row_and_weights(Schema row, unsigned weights);
/// A key, and its row or none.
Schema row_of_key(Schema key, Schema row);
/// A key, and its rows, each with a weight.
Schema rows_of_key(Schema key, Schema row);

/// As save_items() writes them.
Schema item(Schema key);
Schema item(Schema key, Schema value);

/// Rows, each with a weight. What tells them apart matters, and their order.
Schema rows_in_order(Schema row);
/// The same of a field, and beside it the row that it is of, all of which matters too if so.
Schema rows_by_field(Schema field, Schema row, bool row_matters);

/// A group's key and the sum of its weights; fields of its aggregates follow.
Schema group(Schema key);
/// An integer of 64 bits that is called so.
Schema integer(std::string name);
/// One of 128 bits (Packed128).
Schema wide_integer(std::string name);
/// Limbs, and the weights of two infinities and of NaN (ExactSum).
Schema exact_sum();
/// A sum, and the weight of the rows that are in it, of 128 bits.
Schema with_weight(Schema sum);

}  // namespace lockstep::state_form
