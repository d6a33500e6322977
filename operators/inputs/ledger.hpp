#pragma once

#include <memory>
#include <optional>
#include <string>

#include "runtime/flow/description.hpp"
#include "runtime/intake/ledger_row.hpp"
#include "runtime/steps/output_name.hpp"

namespace lockstep {

/// The schema of ledger rows.
Schema ledger_schema();

/// Makes the ledger of an input: the output of the rows that were refused when they were staged and, for inputs that
/// refuse some later, of those.
OutputId add_ledger(const std::shared_ptr<Description>& flow, const std::string& input, EdgeId staged,
                    std::optional<EdgeId> later);

/// Has snapshots show it. Idempotent.
void accumulate_ledger(const std::shared_ptr<Description>& flow, OutputId ledger);

/// What the border rejected of an input: an output like any other.
template <class Handle>
Output<LedgerRow> ledger(const Handle& input) {
  const OutputId id = input.flow()->inputs[input.id()].ledger;
  return {input.flow()->identity, id, input.flow()->outputs[id].name};
}
/// The same, whose contents snapshots show in runtimes that are made after this.
template <class Handle>
Output<LedgerRow> ledger(const Handle& input, Accumulated) {
  Output<LedgerRow> output = ledger(input);
  accumulate_ledger(input.flow(), output.id());
  return output;
}

}  // namespace lockstep
