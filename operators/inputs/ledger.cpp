#include "operators/inputs/ledger.hpp"

#include <algorithm>

#include "operators/outputs/output.hpp"
#include "operators/stateless/plus.hpp"

namespace lockstep {

Schema ledger_schema() { return row_traits<LedgerRow>::schema(); }

OutputId add_ledger(const std::shared_ptr<Description>& flow, const std::string& input, EdgeId staged,
                    std::optional<EdgeId> later) {
  const std::string name = "ledger of " + input;
  if (!later) return publish<LedgerRow>(*flow, name, staged);
  return (Stream<LedgerRow>(flow, *later) | plus(Stream<LedgerRow>(flow, staged)) | output(name)).id();
}

void accumulate_ledger(const std::shared_ptr<Description>& flow, OutputId ledger) {
  const OutputInfo& output = flow->outputs[ledger];
  const std::string name = derived_name("contents", output.name);
  const auto is_it = [&name](const OperatorInfo& op) { return op.name == name; };
  if (std::any_of(flow->operators.begin(), flow->operators.end(), is_it)) return;
  keep_contents(Stream<LedgerRow>(flow, output.edge), ledger, output.name);
}

}  // namespace lockstep
